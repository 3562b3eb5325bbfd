/** A real server's report as tests need one. */
import type { ServerReport } from '../../src/report/report.js';

export const NOW_MS = 1_700_000_000_000;

/** Up for 185 s, and just probed. */
export function serverReport(server: string, more: Partial<ServerReport> = {}): ServerReport {
  return {
    server,
    state: 'up',
    sinceMs: NOW_MS - 185_000,
    drained: null,
    standby: false,
    membership: null,
    suspect: null,
    lateClients: 0,
    evidence: { kind: 'ok', detail: 'status 200' },
    heldUntilMs: null,
    relapses: 0,
    lastOk: { atMs: NOW_MS - 100, durationMs: 4.123 },
    probes: 10,
    failures: 0,
    downMs: 0,
    lastProbeMs: NOW_MS - 100,
    certificateNotAfterMs: null,
    recentMs: [],
    history: [],
    ...more,
  };
}
