import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CountedDestination, CountedTable } from '../../src/values/counters.js';
import type { ServerReport, VirtualServerReport } from '../../src/report/report.js';
import { plainPaint, terminalPaint } from '../../src/text/paint.js';
import type { Status, VirtualServerStatus } from '../../src/status/status.js';
import { statusLines } from '../../src/status/table.js';
import { parseTable } from '../../lab/ipvsadm.js';
import { virtualServer } from '../page/made-up.js';
import { NOW_MS, serverReport } from './server-report.js';

const TRAFFIC = {
  connections: 9,
  packetsIn: 1,
  packetsOut: 1,
  bytesIn: 1,
  bytesOut: 1,
  connectionsPerSecond: 2,
  bytesInPerSecond: 999,
  bytesOutPerSecond: 12_345_678,
};

function row(server: string, more: Partial<CountedDestination> = {}): CountedDestination {
  return { server, forwarding: 'masquerade', weight: 1, active: 0, inactive: 0, traffic: TRAFFIC, ...more };
}

function care(
  servers: readonly ServerReport[],
  more: Partial<VirtualServerReport> = {},
): VirtualServerReport {
  return virtualServer({ servers, ...more });
}

function kernel(rows: readonly CountedDestination[], more: Partial<CountedTable> = {}): CountedTable {
  return { scheduler: 'rr', flags: '', traffic: TRAFFIC, destinations: rows, ...more };
}

function status(more: Partial<VirtualServerStatus> = {}): Status {
  const program = {
    version: '0.1.0',
    commit: 'abc',
    pid: 4711,
    host: 'node-1',
    startedAtMs: NOW_MS - 7_500_000,
    dryRun: false,
  };
  const one: VirtualServerStatus = {
    virtualServer: '10.103.97.2:6443',
    lvscare: 'answers',
    program,
    care: null,
    kernel: null,
    drained: [],
    notes: [],
    ...more,
  };
  return { atMs: NOW_MS, virtualServers: [one] };
}

function show(shown: Status, width: number | null = null): string[] {
  return [...statusLines(shown, { width, paint: plainPaint })];
}

const A = '10.103.97.200:6443';
const B = '10.103.97.201:6443';
const C = '10.103.97.202:6443';

describe('the table of the status', () => {
  it('has the columns of ipvsadm -Ln, and what lvscare knows beside them', () => {
    const shown = status({
      care: care([
        serverReport(A),
        serverReport(B, {
          state: 'dead',
          sinceMs: NOW_MS - 12_000,
          evidence: { kind: 'refused', detail: 'ECONNREFUSED' },
          lastOk: null,
        }),
        serverReport(C, { drained: { sinceMs: NOW_MS - 60_000 } }),
      ]),
      kernel: kernel([row(A, { active: 3, inactive: 10 }), row(C, { weight: 0 }), row('10.0.0.9:6443')]),
    });
    assert.deepEqual(show(shown), [
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn  Health          Since      Answer  Conn/s  In/s   Out/s  Why',
      'TCP  10.103.97.2:6443 rr',
      '  -> 10.103.97.200:6443           Masq    1      3          10         up              3 min 5 s  4.1 ms  2       999 B  12 MB  ok, status 200',
      '  -> 10.103.97.201:6443           -       -      -          -          dead            12 s       -       -       -      -      refused, ECONNREFUSED',
      '  -> 10.103.97.202:6443           Masq    0      0          0          up, drained     3 min 5 s  4.1 ms  2       999 B  12 MB  drained by hand 1 min 0 s ago; ok, status 200',
      '  -> 10.0.0.9:6443                Masq    1      0          0          not configured  -          -       2       999 B  12 MB',
      '  lvscare 0.1.0, process 4711, for 2 h 5 min; mode local; this node is 10.103.97.100',
    ]);
  });

  it('shows which real servers are on standby, and why', () => {
    const shown = status({
      care: care([serverReport(A), serverReport(B, { standby: true })]),
      kernel: kernel([row(A), row(B, { weight: 0 })]),
    });
    const line = show(shown).find((one) => one.includes(B)) ?? '';
    assert.match(
      line,
      / Masq +0 .* up, standby .* standby: this node's own real server is preferred; ok, status 200$/,
    );
  });

  it('shows where each real server is from, how long the cluster has not listed it, and when it was last asked', () => {
    const membership = { source: 'discovered', listed: true, missingSinceMs: null } as const;
    const shown = status({
      care: {
        ...care([
          serverReport(A, { membership: { source: 'seed', listed: false, missingSinceMs: NOW_MS - 60_000 } }),
          serverReport(B, { membership }),
          serverReport(C, { membership: { source: 'last good', listed: null, missingSinceMs: null } }),
        ]),
        discovery: {
          lastList: { atMs: NOW_MS - 1_200_000, from: B, by: 'poll', servers: 1 },
          failure: { sinceMs: NOW_MS - 600_000, message: 'status 403' },
        },
      },
      kernel: kernel([row(A), row(B), row(C)]),
    });
    const lines = show(shown);
    const reasonOf = (server: string): string => lines.find((line) => line.includes(`-> ${server}`)) ?? '';
    assert.match(
      reasonOf(A),
      /seed of --rs; the cluster does not list it, for 1 min 0 s; if it was removed, take it out of --rs; ok, status 200$/,
    );
    assert.match(reasonOf(B), / discovered; ok, status 200$/);
    assert.match(reasonOf(C), / from the saved list of apiservers; ok, status 200$/);
    assert.ok(
      lines.includes(
        '  the list of apiservers was not read for 20 min 0 s: status 403; the real servers stay as they are',
      ),
      lines.join('\n'),
    );
    assert.match(
      lines.at(-1) ?? '',
      /; discovery: 1 apiserver, read 20 min 0 s ago from 10\.103\.97\.201:6443 by poll$/,
    );
  });

  it('shows a forwarding method without a name as its number', () => {
    const shown = status({ care: null, kernel: kernel([row(A, { forwarding: 5 })]) });
    assert.ok(show(shown).some((line) => line.startsWith(`  -> ${A}           5       1 `)));
  });

  it('can be parsed like ipvsadm -Ln, wide and narrow', () => {
    const shown = status({
      virtualServer: '[fd00::2]:6443',
      care: care([serverReport('[fd00::1]:6443')]),
      kernel: kernel([row('[fd00::1]:6443', { weight: 7, active: 12_345, inactive: 1 })], {
        scheduler: 'sh',
        flags: '(sh-fallback)',
      }),
    });
    for (const width of [null, 80, 40])
      assert.deepEqual(parseTable(show(shown, width).join('\n')), [
        {
          protocol: 'TCP',
          endpoint: '[fd00::2]:6443',
          scheduler: 'sh',
          flags: '(sh-fallback)',
          realServers: [
            {
              endpoint: '[fd00::1]:6443',
              forward: 'Masq',
              weight: 7,
              activeConnections: 12_345,
              inactiveConnections: 1,
            },
          ],
        },
      ]);
  });

  it('has what lvscare knows below each row where the terminal is narrow', () => {
    const shown = status({
      care: care([serverReport(A), serverReport(B, { state: 'unknown', evidence: null, lastOk: null })]),
      kernel: kernel([row(A)]),
    });
    const lines = show(shown, 100);
    assert.deepEqual(lines.slice(1, -1), [
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
      'TCP  10.103.97.2:6443 rr',
      '  -> 10.103.97.200:6443           Masq    1      0          0',
      '     up for 3 min 5 s, answers in 4.1 ms, 2 conn/s, 999 B/s in, 12 MB/s out',
      '     ok, status 200',
      '  -> 10.103.97.201:6443           -       -      -          -',
      '     unknown for 3 min 5 s',
      '     not probed yet',
    ]);
    const widest = Math.max(...show(shown).map((line) => line.length));
    assert.deepEqual(show(shown, widest), show(shown));
    assert.notDeepEqual(show(shown, widest - 1), show(shown));
  });

  it('shows the kernel alone if no lvscare runs, and the servers that the next one will drain', () => {
    const shown = status({
      lvscare: 'none',
      program: null,
      kernel: kernel([row(A, { traffic: null }), row(B)]),
      drained: [
        { server: B, sinceMs: NOW_MS - 1000 },
        { server: C, sinceMs: NOW_MS - 2000 },
      ],
      notes: ['no lvscare is running; this is what the kernel has'],
    });
    assert.deepEqual(show(shown).slice(3), [
      '  -> 10.103.97.200:6443           Masq    1      0          0          -        -      -       -       -      -',
      '  -> 10.103.97.201:6443           Masq    1      0          0          drained  -      -       2       999 B  12 MB  drained by hand 1 s ago',
      '  10.103.97.202:6443: drained by hand 2 s ago',
      '  no lvscare is running; this is what the kernel has',
    ]);
  });

  it('shows every condition', () => {
    const shown = status({
      care: care([serverReport(A, { state: 'dead', heldUntilMs: NOW_MS + 4000, relapses: 1 })], {
        failOpen: true,
        deletedRepeatedly: true,
        lastPass: { atMs: NOW_MS - 60_000, durationMs: 1, error: null },
        troubles: [{ what: 'local route', message: 'EPERM', sinceMs: NOW_MS - 3000 }],
        repairs: { 'remove-destination': 1, 'local route': 2 },
        masquerade: true,
        nodeAddress: null,
      }),
      notes: ['cannot read the IPVS table'],
    });
    const text = show(shown).join('\n');
    for (const words of [
      'TCP  10.103.97.2:6443 -',
      'answers, but is held out for another 4 s: it failed once soon after it recovered; ok, status 200',
      'no real server is up: as a last resort, those most likely to answer serve',
      'something keeps deleting 10.103.97.2:6443: if it is kube-proxy in ipvs mode, set ipvs.excludeCIDRs: ["10.103.97.2/32"]',
      'local route: EPERM, for 3 s',
      'nothing was reconciled for 1 min 0 s',
      'cannot read the IPVS table',
      'mode local with masquerading; 3 repairs',
    ])
      assert.ok(text.includes(words), text);
  });

  it('explains a status once, however many servers answer with it', () => {
    const hardened = {
      state: 'sick',
      evidence: { kind: 'status', status: 401, detail: 'status 401' },
    } as const;
    const failing = {
      state: 'sick',
      evidence: { kind: 'status', status: 500, detail: 'status 500: etcd failed' },
    } as const;
    const lines = show(
      status({
        care: care([serverReport(A, hardened), serverReport(B, hardened), serverReport(C, failing)]),
      }),
    );
    const hints = lines.filter((line) => line.startsWith('  status '));
    assert.equal(hints.length, 2, lines.join('\n'));
    assert.match(
      hints[0] ?? '',
      /^ {2}status 401: the apiserver answers no anonymous requests, .*: give lvscare /,
    );
    assert.match(hints[1] ?? '', /^ {2}status 500: the apiserver says that checks of its own fail/);
    assert.match(lines.find((line) => line.includes(C)) ?? '', /status, status 500: etcd failed$/);
  });

  it('says that the last resort may be a server that is drained', () => {
    const servers = [serverReport(A, { drained: { sinceMs: NOW_MS } })];
    const text = show(status({ care: care(servers, { failOpen: true }) })).join('\n');
    assert.ok(
      text.includes('that is not drained: as a last resort, those most likely to answer serve'),
      text,
    );
  });

  it('shows once what both the last pass and the reader of the table found', () => {
    const message = 'the kernel has no IPVS';
    const troubles = [{ what: 'IPVS table', message, sinceMs: NOW_MS }];
    const lines = show(status({ care: care([], { troubles }), notes: [message] }));
    assert.equal(lines.filter((line) => line.includes(message)).length, 1);
  });

  it('prints no control characters of a server', () => {
    const evidence = { kind: 'tls', detail: 'for \u001b[2J\u0007\u009b1m' } as const;
    const text = show(status({ care: care([serverReport(A, { state: 'sick', evidence })]) })).join('\n');
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    assert.ok(text.includes('tls, for \\u001b[2J\\u0007\\u009b1m'));
  });

  it('is as wide with colours as without', () => {
    const shown = status({
      care: care([serverReport(A), serverReport(B, { state: 'dead' })]),
      kernel: kernel([row(A)]),
    });
    for (const width of [null, 80]) {
      const painted = statusLines(shown, { width, paint: terminalPaint });
      assert.ok(painted.some((line) => line.includes('\u001b[32mup')));
      assert.ok(painted.some((line) => line.includes('\u001b[31mdead')));
      // eslint-disable-next-line no-control-regex
      const bare = painted.map((line) => line.replaceAll(/\u001b\[\d+m/g, ''));
      assert.deepEqual(bare, show(shown, width));
    }
  });
});
