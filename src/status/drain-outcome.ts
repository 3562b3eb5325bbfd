import type { HealthState } from '../decisions/health.js';

/** The result of `lvscare drain` or `undrain`. */
export interface DrainOutcome {
  readonly virtualServer: string;
  readonly server: string;
  readonly drained: boolean;
  /** Whether this was different before. */
  readonly changed: boolean;
  readonly state: HealthState;
  /** It gets no new connections, because a real server on this node is preferred. */
  readonly standby: boolean;
  /** Its row in the kernel now, or null if it has none. */
  readonly row: { readonly weight: number; readonly active: number } | null;
  /** No other server is up, so this one may go on to serve. */
  readonly failOpen: boolean;
  /** Why the kernel's table could not be read, or null. */
  readonly kernelError: string | null;
  /** Why it could not be saved for the next start, or null. */
  readonly forgotten: string | null;
}

/** What is known of a real server of the virtual server. */
interface Known {
  readonly server: string;
  readonly state: HealthState;
  /** Null if it is not drained by hand. */
  readonly drained: object | null;
}

/** Why a real server must not be drained without `--force`, in words: no other one would serve. Null if another one would. */
export function refusalOfLast(server: string, servers: readonly Known[]): string | null {
  const others = servers.filter((one) => one.server !== server);
  const mayServe = others.filter(({ state }) => state === 'up' || state === 'unknown');
  if (mayServe.some(({ drained }) => drained === null)) return null;
  const again = [server, ...mayServe.map((one) => one.server)].join(' and ');
  return `no other real server is up that is not drained, so ${again} would serve as a last resort: to drain it all the same, add --force`;
}

/** Two lines at most. */
export function outcomeInWords(outcome: DrainOutcome): readonly string[] {
  const { virtualServer, forgotten } = outcome;
  return [
    `${virtualServer}: ${outcome.drained ? drainedInWords(outcome) : undrainedInWords(outcome)}`,
    ...(forgotten === null
      ? []
      : [`${virtualServer}: not saved, so it ends when lvscare restarts: ${forgotten}`]),
  ];
}

function drainedInWords(outcome: DrainOutcome): string {
  const { server, changed, state, row, failOpen, kernelError } = outcome;
  const what = `${server} ${changed ? 'is drained' : 'was drained already'}`;
  if (kernelError !== null) return `${what}, but the kernel's table may not be updated yet: ${kernelError}`;
  if (row === null) return `${what}; it is ${state}, and not in the kernel's table`;
  if (row.weight === 0) return `${what}: no new connections; ${row.active} established`;
  if (failOpen) return `${what}, but keeps serving as a last resort: no other server is up`;
  return `${what}; it keeps taking new connections until another server is up`;
}

function undrainedInWords({ server, changed, state, standby, row, kernelError }: DrainOutcome): string {
  const what = `${server} ${changed ? 'is no longer drained' : 'was not drained'}`;
  if (kernelError !== null) return `${what}, but the kernel's table may not be updated yet: ${kernelError}`;
  if (standby) return `${what}; it is on standby, because this node's own real server is preferred`;
  return row !== null && row.weight > 0
    ? `${what}, and serves`
    : `${what}; it is ${state}, and serves as soon as it is up`;
}
