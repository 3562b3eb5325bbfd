/** One real server as the lvscares that are running have it. */
import type { HealthState } from '../decisions/health.js';
import type { CountedDestination } from '../values/counters.js';
import type { ServerReport } from '../report/report.js';
import type { Status } from './status.js';
import { detailsOf } from './table.js';

/** What one of them says of it; plain values that JSON can say. */
export interface Running {
  readonly virtualServer: string;
  readonly state: HealthState;
  /** Since when it is in this state, ISO 8601. */
  readonly since: string;
  readonly drained: boolean;
  /** Its weight in the kernel; null for one that has no row there. */
  readonly weight: number | null;
  /** The reason, as `lvscare status` has it. */
  readonly why: string;
}

/** What each of them says of a real server, once for each virtual server that has it; and the same in words. */
export function runningIn(
  statuses: readonly Status[],
  server: string,
): readonly { readonly report: Running; readonly words: string }[] {
  return statuses.flatMap(({ atMs, virtualServers }) =>
    virtualServers.flatMap(({ virtualServer, care, kernel }) => {
      const found = care?.servers.find((one) => one.server === server);
      if (found === undefined) return [];
      const row = kernel?.destinations.find((one) => one.server === server);
      return [sayRunning(virtualServer, found, row, atMs)];
    }),
  );
}

function sayRunning(
  virtualServer: string,
  found: ServerReport,
  row: CountedDestination | undefined,
  atMs: number,
): { readonly report: Running; readonly words: string } {
  const { since, reason: why } = detailsOf(found, row, atMs);
  const { state, sinceMs, drained } = found;
  const weight = row?.weight ?? null;
  const placed = weight === null ? 'not in the table' : `weight ${weight}`;
  return {
    report: {
      virtualServer,
      state,
      since: new Date(sinceMs).toISOString(),
      drained: drained !== null,
      weight,
      why,
    },
    words: `lvscare of ${virtualServer} has it ${state} for ${since}, ${placed}: ${why}`,
  };
}
