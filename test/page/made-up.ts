/** Reports as lvscare would have made them, of things that did not happen. */
import type { EvidenceKind } from '../../src/values/evidence.js';
import type { CountedDestination } from '../../src/values/counters.js';
import type { KernelReport } from '../../src/report/report.js';
import type {
  MinuteReport,
  Report,
  ServerReport,
  TransitionReport,
  VirtualServerReport,
} from '../../src/report/report.js';

export const NOW_MS = Date.UTC(2026, 9, 5, 12, 30, 20);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export type Looks = readonly KernelReport[];

export function reportOf(
  virtualServers: readonly VirtualServerReport[],
  program: Partial<Report['program']> = {},
): Report {
  return {
    atMs: NOW_MS,
    program: {
      version: '0.1.0',
      commit: '18763f3a0c51d2',
      pid: 4711,
      host: 'node-1',
      startedAtMs: NOW_MS - 3 * DAY_MS - 4 * HOUR_MS,
      dryRun: false,
      ...program,
    },
    virtualServers,
  };
}

export function virtualServer(more: Partial<VirtualServerReport> = {}): VirtualServerReport {
  return {
    virtualServer: '10.103.97.2:6443',
    scheduler: 'rr',
    mode: 'local',
    masquerade: false,
    nodeAddress: '10.103.97.100',
    intervalMs: 5000,
    failOpen: false,
    deletedRepeatedly: false,
    reachability: { reason: null, sinceMs: NOW_MS - 60_000 },
    discovery: null,
    lastPass: { atMs: NOW_MS - 1200, durationMs: 0.83, error: null },
    troubles: [],
    repairs: {},
    servers: [server('10.103.97.200:6443'), server('10.103.97.201:6443'), server('10.103.97.202:6443')],
    transitions: [],
    ...more,
  };
}

export function server(name: string, more: Partial<ServerReport> = {}): ServerReport {
  const chance = chances(name);
  const recentMs = Array.from(
    { length: 60 },
    () => 1.4 + chance() * 0.9 + (chance() > 0.94 ? 3 * chance() : 0),
  );
  return {
    server: name,
    state: 'up',
    drained: null,
    standby: false,
    membership: null,
    suspect: null,
    lateClients: 0,
    sinceMs: NOW_MS - 3 * DAY_MS - 4 * HOUR_MS + 1300,
    evidence: { kind: 'ok', detail: 'status 200' },
    heldUntilMs: null,
    relapses: 0,
    lastOk: { atMs: NOW_MS - 2100, durationMs: recentMs.at(-1) ?? 1 },
    probes: 55_000,
    failures: 0,
    downMs: 0,
    lastProbeMs: NOW_MS - 2100,
    certificateNotAfterMs: NOW_MS + 287 * DAY_MS,
    recentMs,
    history: hour(() => null),
    ...more,
  };
}

/** The last hour; each minute, counted backwards from now, failed as it is said: wholly, in part, not asked, or not at all. */
export function hour(
  what: (minutesAgo: number) => EvidenceKind | 'some' | 'nothing' | null,
): readonly MinuteReport[] {
  const nowMinuteMs = NOW_MS - 20_000;
  return Array.from({ length: 60 }, (_, index) => 59 - index).flatMap((minutesAgo): MinuteReport[] => {
    const outcome = what(minutesAgo);
    if (outcome === 'nothing') return [];
    const atMs = nowMinuteMs - minutesAgo * MINUTE_MS;
    if (outcome === null) return [{ atMs, ok: 12, failed: 0, kinds: [], meanMs: 1.8 }];
    if (outcome === 'some') return [{ atMs, ok: 9, failed: 3, kinds: ['slow'], meanMs: 210 }];
    return [{ atMs, ok: 0, failed: 12, kinds: [outcome], meanMs: null }];
  });
}

export function transition(
  server: string,
  agoMs: number,
  [from, to]: readonly [TransitionReport['from'], TransitionReport['to']],
  [evidence, why]: readonly [EvidenceKind, string],
): TransitionReport {
  return { atMs: NOW_MS - agoMs, server, from, to, evidence, why };
}

/** What the kernel has for it: every one that is up with weight 1, unless it is told otherwise. */
export function lookAt(
  { virtualServer, servers }: VirtualServerReport,
  others: readonly (readonly [address: string, weight: number, active: number, inactive: number])[] = [],
): KernelReport {
  const row = (name: string, weight: number, active: number, inactive: number): CountedDestination => ({
    server: name,
    forwarding: 'masquerade',
    weight,
    active,
    inactive,
    traffic: {
      connections: 4000,
      packetsIn: 90_000,
      packetsOut: 90_000,
      bytesIn: 5_000_000,
      bytesOut: 60_000_000,
      connectionsPerSecond: 2,
      bytesInPerSecond: 1500,
      bytesOutPerSecond: 18_000,
    },
  });
  const rows = [
    ...servers
      .filter(({ state }) => state === 'up')
      .map(({ server: name }, index) => row(name, 1, 14 - index, 3 + 2 * index)),
    ...others.map((other) => row(...other)),
  ];
  return {
    virtualServer,
    error: null,
    table: { scheduler: 'rr', flags: '', traffic: null, destinations: rows },
  };
}

/** One apiserver is dead, one was slow for a while, a master that left is being drained. */
export function failover(): { readonly report: Report; readonly looks: Looks } {
  const [a, b, c] = ['10.103.97.200:6443', '10.103.97.201:6443', '10.103.97.202:6443'] as const;
  const deadMs = 7 * MINUTE_MS + 12_400;
  const only = virtualServer({
    repairs: { 'add-destination': 1, 'local route': 1 },
    servers: [
      server(a),
      server(b, {
        state: 'dead',
        sinceMs: NOW_MS - deadMs,
        evidence: { kind: 'refused', detail: `connect ECONNREFUSED ${b}` },
        failures: 87,
        lastOk: { atMs: NOW_MS - deadMs - 1800, durationMs: 2 },
        history: hour((minutesAgo) => (minutesAgo < 7 ? 'refused' : minutesAgo === 7 ? 'some' : null)),
      }),
      server(c, {
        sinceMs: NOW_MS - 31 * MINUTE_MS,
        recentMs: server(c).recentMs.map((ms, index) => (index > 20 && index < 34 ? ms * 5 : ms)),
        history: hour((minutesAgo) =>
          minutesAgo > 33 && minutesAgo < 38
            ? 'status'
            : minutesAgo === 33 || minutesAgo === 12
              ? 'some'
              : null,
        ),
        certificateNotAfterMs: NOW_MS + 19 * DAY_MS,
      }),
    ],
    transitions: [
      transition(a, 3 * DAY_MS + 4 * HOUR_MS - 1300, ['unknown', 'up'], ['ok', 'status 200']),
      transition(b, 3 * DAY_MS + 4 * HOUR_MS - 1350, ['unknown', 'up'], ['ok', 'status 200']),
      transition(c, 3 * DAY_MS + 4 * HOUR_MS - 1420, ['unknown', 'up'], ['ok', 'status 200']),
      transition(c, 37.4 * MINUTE_MS, ['up', 'sick'], ['status', 'status 500']),
      transition(c, 31 * MINUTE_MS, ['sick', 'up'], ['ok', 'status 200']),
      transition(b, deadMs, ['up', 'dead'], ['refused', `connect ECONNREFUSED ${b}`]),
    ],
  });
  return {
    report: reportOf([only]),
    looks: [lookAt(only, [['10.103.97.203:6443', 0, 2, 5]])],
  };
}

/** Everything that can be wrong, at once. */
export function trouble(): { readonly report: Report; readonly looks: Looks } {
  const [a, b, c, d] = [200, 201, 202, 203].map((last) => `10.103.97.${last}:6443`) as [
    string,
    string,
    string,
    string,
  ];
  const only = virtualServer({
    failOpen: true,
    deletedRepeatedly: true,
    troubles: [
      {
        what: 'sysctl net.ipv4.vs.expire_nodest_conn',
        message: 'cannot set it: EROFS, read-only file system',
        sinceMs: NOW_MS - 12 * MINUTE_MS,
      },
    ],
    repairs: { 'create-service': 41, 'add-destination': 118, 'local route': 2 },
    servers: [
      server(a, {
        state: 'sick',
        sinceMs: NOW_MS - 93_000,
        evidence: { kind: 'slow', detail: 'no complete answer in 3 s' },
        lastOk: { atMs: NOW_MS - 97_000, durationMs: 2 },
        history: hour((minutesAgo) => (minutesAgo < 2 ? 'slow' : null)),
        certificateNotAfterMs: NOW_MS + 5 * DAY_MS + HOUR_MS,
      }),
      server(b, {
        state: 'dead',
        sinceMs: NOW_MS - 40_000,
        evidence: { kind: 'ok', detail: 'status 200' },
        heldUntilMs: NOW_MS + 14_200,
        relapses: 4,
        history: hour((minutesAgo) =>
          minutesAgo % 3 === 0 ? 'some' : minutesAgo % 3 === 1 ? 'broken' : null,
        ),
      }),
      server(c, {
        state: 'sick',
        sinceMs: NOW_MS - 45 * MINUTE_MS,
        evidence: { kind: 'tls', detail: 'certificate has expired: CN=kube-apiserver, 2 days ago' },
        history: hour((minutesAgo) => (minutesAgo < 45 ? 'tls' : 'nothing')),
        certificateNotAfterMs: NOW_MS - 2 * DAY_MS - HOUR_MS,
        recentMs: [],
        lastOk: null,
      }),
      server(d, {
        state: 'unknown',
        sinceMs: NOW_MS - 800,
        evidence: null,
        history: [],
        recentMs: [],
        lastOk: null,
        lastProbeMs: null,
        certificateNotAfterMs: null,
      }),
    ],
    transitions: [
      transition(c, 45 * MINUTE_MS, ['up', 'sick'], ['tls', 'certificate has expired']),
      transition(b, 40_000, ['up', 'dead'], ['refused', `connect ECONNREFUSED ${b}`]),
    ],
  });
  return {
    report: reportOf([only]),
    looks: [{ virtualServer: only.virtualServer, error: 'cannot read the IPVS table: EPERM', table: null }],
  };
}

/** `count` virtual servers of `size` real servers each, some of which are not well. */
export function fleet(count: number, size: number): { readonly report: Report; readonly looks: Looks } {
  const virtualServers = Array.from({ length: count }, (_, vs) => {
    const name = `10.103.${97 + Math.floor(vs / 200)}.${2 + (vs % 200)}:6443`;
    const servers = Array.from({ length: size }, (_each, rs) => {
      const address = `10.${20 + vs}.0.${10 + rs}:6443`;
      if (vs % 13 === 5 && rs % 6 === 1)
        return fallen(address, 8, {
          state: 'dead',
          evidence: { kind: 'silent', detail: 'no answer to connect in 1 s' },
          history: hour((minutesAgo) => (minutesAgo <= 8 ? 'silent' : null)),
        });
      if (vs % 17 === 9 && rs === 4)
        return fallen(address, 2, {
          state: 'sick',
          evidence: { kind: 'status', status: 401, detail: 'status 401' },
          history: hour((minutesAgo) => (minutesAgo <= 2 ? 'status' : minutesAgo % 2 === 0 ? 'some' : null)),
        });
      return server(address);
    });
    const transitions = servers
      .filter(({ state }) => state !== 'up')
      .map(({ server: address, state, sinceMs, evidence }) =>
        transition(
          address,
          NOW_MS - sinceMs,
          ['up', state],
          [evidence?.kind ?? 'ok', evidence?.detail ?? ''],
        ),
      );
    return virtualServer({ virtualServer: name, servers, transitions });
  });
  return {
    report: reportOf(virtualServers),
    looks: virtualServers.map((each) => lookAt(each)),
  };
}

/** One that has failed since early in the minute so many ago, and answered until a moment before. */
function fallen(name: string, minutesAgo: number, more: Partial<ServerReport>): ServerReport {
  const sinceMs = NOW_MS - minutesAgo * MINUTE_MS - 15_000;
  const { recentMs } = server(name);
  return server(name, {
    sinceMs,
    lastOk: { atMs: sinceMs - 6800, durationMs: recentMs.at(-1) ?? 1 },
    failures: 12 * (minutesAgo + 1),
    ...more,
  });
}

/** Numbers from 0 to 1 that look like chance, the same for the same seed. */
function chances(seed: string): () => number {
  let state = Array.from(seed).reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) >>> 0, 7);
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
