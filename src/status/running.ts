/** One real server as the running lvscares see it. */
import type { HealthState } from '../decisions/health.js';
import type { Status } from './status.js';
import { detailsOf } from './table.js';

/** What one of them reports of it: plain values for JSON. */
export interface Running {
  readonly virtualServer: string;
  readonly state: HealthState;
  /** When it entered this state, ISO 8601. */
  readonly since: string;
  readonly drained: boolean;
  /** Its weight in the kernel, or null if it has no row there. */
  readonly weight: number | null;
  /** The reason, as in `lvscare status`. */
  readonly why: string;
}

/** What each of them reports of a real server, once for each virtual server that has it; and the same in words. */
export function runningIn(
  statuses: readonly Status[],
  server: string,
): readonly { readonly report: Running; readonly words: string }[] {
  return statuses.flatMap(({ atMs, virtualServers }) =>
    virtualServers.flatMap(({ virtualServer, care, kernel }) => {
      const found = care?.servers.find((one) => one.server === server);
      if (care === null || found === undefined) return [];
      const row = kernel?.destinations.find((one) => one.server === server);
      const { since, reason: why } = detailsOf(found, row, care.intervalMs, atMs);
      const { state, sinceMs, drained } = found;
      const weight = row?.weight ?? null;
      const placed = weight === null ? 'not in the table' : `weight ${weight}`;
      const words = `lvscare of ${virtualServer}: ${state} for ${since}, ${placed}: ${why}`;
      const report = {
        virtualServer,
        state,
        since: new Date(sinceMs).toISOString(),
        drained: drained !== null,
        weight,
        why,
      };
      return [{ report, words }];
    }),
  );
}
