/** What a check comes to. */
export type Verdict = 'ok' | 'warn' | 'fail';

export interface Finding {
  /** Of the check, with what it is about where there are several: `certificate 10.0.0.1:6443`. */
  readonly name: string;
  readonly verdict: Verdict;
  readonly evidence: string;
  /** The command that mends it, or what to write where; null when all is well. */
  readonly remedy: string | null;
}

/** What a check says; `skip` when the question does not arise on this node, or nothing here can answer it. */
export interface Said {
  readonly verdict: Verdict | 'skip';
  readonly evidence: string;
  readonly remedy: string | null;
  /** Which of several it is about. */
  readonly about?: string;
}

export const ok = (evidence: string): Said => ({ verdict: 'ok', evidence, remedy: null });
export const warn = (evidence: string, remedy: string): Said => ({ verdict: 'warn', evidence, remedy });
export const fail = (evidence: string, remedy: string): Said => ({ verdict: 'fail', evidence, remedy });
export const skip = (why: string): Said => ({ verdict: 'skip', evidence: why, remedy: null });

/** The same, about one of several. */
export function about(what: string, said: Said): Said {
  return { ...said, about: what };
}
