export type Verdict = 'ok' | 'warn' | 'fail';

export interface Finding {
  /** The name of the check, and the subject if there are several: `certificate 10.0.0.1:6443`. */
  readonly name: string;
  readonly verdict: Verdict;
  readonly evidence: string;
  /** A command or an edit that repairs it, or null if the verdict is ok. */
  readonly remedy: string | null;
}

/** The result of a check. `skip`: the check does not apply to this node, or cannot be made here. */
export interface Said extends Omit<Finding, 'name' | 'verdict'> {
  readonly verdict: Verdict | 'skip';
  /** The subject, if there are several. */
  readonly about?: string;
}

type Judgement = Omit<Finding, 'name'>;

export const ok = (evidence: string): Judgement => ({ verdict: 'ok', evidence, remedy: null });
export const warn = (evidence: string, remedy: string): Judgement => ({ verdict: 'warn', evidence, remedy });
export const fail = (evidence: string, remedy: string): Judgement => ({ verdict: 'fail', evidence, remedy });
export const skip = (why: string): Said => ({ verdict: 'skip', evidence: why, remedy: null });

export function about(what: string, said: Said): Said {
  return { ...said, about: what };
}

/** The remedy where something cannot be read. */
export const AS_ROOT = 'run lvscare doctor as root, on the host';

export const NO_SERVERS = skip('no --rs');
