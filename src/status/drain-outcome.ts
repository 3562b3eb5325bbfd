import type { HealthState } from '../decisions/health.js';

/** What became of a real server that somebody took out by hand, or back. */
export interface DrainOutcome {
  readonly virtualServer: string;
  readonly server: string;
  readonly drained: boolean;
  /** Whether it was not so before. */
  readonly changed: boolean;
  readonly state: HealthState;
  /** Its row in the kernel by now; null when it has none. */
  readonly row: { readonly weight: number; readonly active: number } | null;
  /** No other one is up: it may serve all the same. */
  readonly lastResort: boolean;
  /** Why it is not known what the kernel has, or null. */
  readonly kernelError: string | null;
  /** Why it will not be remembered by the next start, or null. */
  readonly forgotten: string | null;
}

/** Two lines at most. */
export function outcomeInWords(outcome: DrainOutcome): readonly string[] {
  const { virtualServer, forgotten } = outcome;
  return [
    `${virtualServer}: ${outcome.drained ? drainedInWords(outcome) : undrainedInWords(outcome)}`,
    ...(forgotten === null
      ? []
      : [`${virtualServer}: this will be forgotten when lvscare is restarted: ${forgotten}`]),
  ];
}

function drainedInWords(outcome: DrainOutcome): string {
  const { server, changed, state, row, lastResort, kernelError } = outcome;
  const what = `${server} ${changed ? 'is drained' : 'was drained already'}`;
  if (kernelError !== null) return `${what}, but the kernel may not know yet: ${kernelError}`;
  if (row === null) return `${what}; it is ${state}, and has no row`;
  if (row.weight === 0) return `${what}: no new connections; ${established(row.active)}`;
  if (lastResort) return `${what}, but serves on as a last resort: no other one is up`;
  return `${what}, and takes no new connections as soon as another one is known to be up`;
}

function undrainedInWords({ server, changed, state, row, kernelError }: DrainOutcome): string {
  const what = `${server} ${changed ? 'is no longer drained' : 'was not drained'}`;
  if (kernelError !== null) return `${what}, but the kernel may not know yet: ${kernelError}`;
  return row !== null && row.weight > 0
    ? `${what}, and serves`
    : `${what}; it is ${state}, and serves when it is up`;
}

function established(active: number): string {
  return active === 0 ? 'it has none' : `${active} ${active === 1 ? 'goes' : 'go'} on`;
}

/** Whether an answer is such an outcome: another version of lvscare, or another program, may say anything. */
export function isDrainOutcome(value: unknown): value is DrainOutcome {
  const { server, drained, row } = (value ?? {}) as Partial<Record<keyof DrainOutcome, unknown>>;
  return typeof server === 'string' && typeof drained === 'boolean' && typeof row === 'object';
}
