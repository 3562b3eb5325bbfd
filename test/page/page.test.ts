import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { ServerReport, VirtualServerReport } from '../../src/report/report.js';
import { PAGE_POLICY, statusPage } from '../../src/page/page.js';
import {
  failover,
  fleet,
  hour,
  lookAt,
  NOW_MS,
  reportOf,
  server,
  trouble,
  virtualServer,
} from './made-up.js';
import type { Looks } from './made-up.js';

const DAY_MS = 86_400_000;
const NONE: Looks = [];

function pageOf(servers: readonly VirtualServerReport[], looks = NONE): string {
  return [...statusPage(reportOf(servers), looks)].join('');
}

/** One server's row, its markup and what is to be read of it. */
function rowOf(more: Partial<ServerReport>): { readonly html: string; readonly text: string } {
  const html = pageOf([virtualServer({ servers: [server('10.0.0.1:6443', more)] })]);
  const row = /<tr role="row" data-key[^]*?<\/tr>/.exec(html)?.[0] ?? '';
  return { html: row, text: textOf(row) };
}

function textOf(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function titleOf(html: string): string {
  return /<title>(.*)<\/title>/.exec(html)?.[1] ?? '';
}

function labelsOf(html: string): string[] {
  return [...html.matchAll(/aria-label="([^"]*)"/g)].map(([, label = '']) => label);
}

describe('the status page', () => {
  it('has of each server its traffic, its failed probes, how long it was down, and what to look at', () => {
    const { report, looks } = failover();
    const text = textOf([...statusPage(report, looks)].join(''));
    assert.ok(
      text.includes('2 connections a second, 1.5 kB/s in, 18 kB/s out, 0 of 55000 probes failed'),
      text,
    );
    const dead = rowOf({
      state: 'dead',
      evidence: { kind: 'refused', detail: 'connect ECONNREFUSED' },
      failures: 5,
      downMs: 90_000,
    });
    assert.match(dead.text, /is kube-apiserver running on that host\?/);
    assert.match(dead.text, /5 of 55000 probes failed, down for 1 min 30 s in all/);
    assert.doesNotMatch(dead.text, /\d ms/, 'no answer time beside a server that does not answer');
    assert.doesNotMatch(rowOf({}).text, /down for|running on that host/);
  });

  it('has the state in its title and in its icon', () => {
    const { report, looks } = failover();
    const html = [...statusPage(report, looks)].join('');
    assert.equal(titleOf(html), '2/3 up – node-1 – 10.103.97.2:6443');
    const icons = [
      virtualServer(),
      failover().report.virtualServers[0],
      trouble().report.virtualServers[0],
    ].map((each) => /rel="icon" href="([^"]*)"/.exec(pageOf(each === undefined ? [] : [each]))?.[1] ?? '');
    assert.equal(new Set(icons).size, 3);
    for (const icon of icons) assert.match(icon, /^data:image\/svg\+xml,%3Csvg/);
    assert.equal(
      titleOf([...statusPage(reportOf([virtualServer()], { dryRun: true }), NONE)].join('')),
      '3/3 up – node-1 – 10.103.97.2:6443 (dry run)',
    );
    assert.equal(
      titleOf([...statusPage(fleet(3, 2).report, NONE)].join('')),
      '6/6 up – node-1 – 3 virtual servers',
    );
  });

  it('names by their hashes the one style and the one script that a browser may use', () => {
    const html = pageOf([virtualServer()]);
    for (const [element, directive] of [
      ['style', 'style-src'],
      ['script', 'script-src'],
    ] as const) {
      const inline = [...html.matchAll(new RegExp(`<${element}>([^]*?)</${element}>`, 'g'))];
      assert.equal(inline.length, 1);
      const hash = createHash('sha256')
        .update(inline[0]?.[1] ?? '')
        .digest('base64');
      assert.ok(PAGE_POLICY.includes(`${directive} 'sha256-${hash}'`));
    }
    assert.match(PAGE_POLICY, /^default-src 'none';/);
    assert.match(PAGE_POLICY, /frame-ancestors 'none'$/);
    // Nothing from elsewhere, and nothing that could change anything.
    assert.doesNotMatch(html, /\b(src|href|action)="(https?:)?\/\//);
    assert.doesNotMatch(html, /<(form|button|input|iframe|img|object)\b/);
    assert.doesNotMatch(html, /\bstyle="|\bon[a-z]+="/);
  });

  it('escapes whatever came from the network', () => {
    const hostile = `</td><script>alert(1)</script>"'&\u202e\u0007`;
    const html = pageOf(
      [
        virtualServer({
          servers: [server('10.0.0.1:6443', { state: 'sick', evidence: { kind: 'tls', detail: hostile } })],
          troubles: [{ what: hostile, message: hostile, sinceMs: NOW_MS }],
          repairs: { [hostile]: 1 },
          nodeAddress: hostile,
          transitions: [
            { atMs: NOW_MS, server: hostile, from: 'up', to: 'sick', evidence: 'tls', why: hostile },
          ],
        }),
      ],
      [{ virtualServer: '10.103.97.2:6443', error: `${hostile}!`, table: null }],
    );
    assert.equal(html.match(/<script>/g)?.length, 1);
    assert.ok(!html.includes('\u202e') && !html.includes('\u0007'));
    const escaped = '&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\ufffd\ufffd';
    assert.equal(html.split(escaped).length - 1, 9);
  });

  it('does not let long words of a server take the page', () => {
    const { html } = rowOf({ evidence: { kind: 'tls', detail: 'x'.repeat(100_000) } });
    assert.ok(html.length < 3000);
    assert.match(html, /x{239}…/);
  });
});

describe('a real server on the page', () => {
  it('has its state, since when and why', () => {
    const { text, html } = rowOf({
      state: 'dead',
      sinceMs: NOW_MS - 83_000,
      evidence: { kind: 'refused', detail: 'connect ECONNREFUSED' },
    });
    assert.match(text, /^10\.0\.0\.1:6443 Dead for 1 min 23 s refused, connect ECONNREFUSED /);
    assert.match(
      html,
      /<time datetime="2026-10-05T12:28:57\.000Z" title="2026-10-05 12:28:57 UTC">for 1 min/,
    );
    assert.match(rowOf({ state: 'unknown', evidence: null }).text, /Unknown for .* not probed yet/);
  });

  it('explains its status', () => {
    const { text } = rowOf({
      state: 'sick',
      evidence: { kind: 'status', status: 404, detail: 'status 404' },
    });
    assert.match(
      text,
      /status, status 404 the server has no such path: check --health-path and --health-port /,
    );
  });

  it('that is drained by hand, flaps, is held out, or was not asked for long, is said to be', () => {
    assert.match(
      rowOf({ state: 'dead', heldUntilMs: NOW_MS + 12_000, relapses: 2 }).text,
      /answers, but is held out for another 12 s: it failed 2 times in a row soon after it recovered/,
    );
    assert.match(rowOf({ relapses: 1 }).text, /flaps: it failed once soon after it recovered/);
    assert.match(rowOf({ drained: { sinceMs: NOW_MS - 3_900_000 } }).text, /drained by hand 1 h 5 min ago/);
    assert.match(rowOf({ standby: true }).text, /standby: this node.*s own real server is preferred/);
    assert.match(rowOf({ lastProbeMs: NOW_MS - 61_000 }).text, /not probed for 1 min 1 s/);
    assert.doesNotMatch(
      rowOf({ lastProbeMs: NOW_MS - 20_000 }).text,
      /flaps|held|drained|standby|not probed/,
    );
  });

  it('has how long its answers took, drawn and in words', () => {
    const { html, text } = rowOf({ recentMs: [1, 2, 3, 40, 2.5] });
    assert.ok(labelsOf(html).includes('The last 5 answers: 1.0 ms to 40 ms, half of them within 2.5 ms'));
    assert.match(text, / 2\.5 ms /);
    assert.ok(labelsOf(rowOf({ recentMs: [1500] }).html)[0]?.startsWith('The last answer: 1.5 s'));
    assert.match(rowOf({ recentMs: [], lastOk: null }).text, /it never answered/);
    assert.match(
      rowOf({ state: 'dead', lastOk: { atMs: NOW_MS - 60_000, durationMs: 1 } }).text,
      /last 1 min 0 s ago/,
    );
  });

  it('has the last hour as bars that differ in height, and in words', () => {
    const { html } = rowOf({
      history: hour((ago) => {
        if (ago === 59) return 'nothing';
        if (ago === 2) return 'some';
        return ago < 2 ? 'refused' : null;
      }),
    });
    const strip = /<svg class="hour"[^]*?<\/svg>/.exec(html)?.[0] ?? '';
    const paths = [...strip.matchAll(/<path class="(\w)" d="([^"]*)"/g)].map(([, name, d]) => [name, d]);
    assert.deepEqual(paths, [
      ['n', 'M0 19h3'],
      ['o', 'M4 15.5h227'],
      ['s', 'M228 5h3'],
      ['f', 'M232 10h7'],
    ]);
    assert.equal(
      labelsOf(strip)[0],
      'Last hour: 56 minutes without a failure, 1 not probed, 3 with failures, ' +
        '12:28 3 of 12 slow; 12:29 12 of 12 refused; 12:30 12 of 12 refused',
    );
    assert.equal(labelsOf(rowOf({ history: [] }).html).at(-1), 'Last hour: not probed yet');
  });

  it('has its certificate’s end, and what is to be done about it in time', () => {
    const of = (days: number | null): readonly [string, string] => {
      const end = days === null ? null : NOW_MS + days * DAY_MS + 1000;
      const cell =
        /class="certificate">([^]*?)<\/td>/.exec(rowOf({ certificateNotAfterMs: end }).html)?.[1] ?? '';
      return [/^<span class="(\w+)"/.exec(cell)?.[1] ?? 'plain', textOf(cell)];
    };
    assert.deepEqual(of(400), ['plain', '400 days']);
    assert.deepEqual(of(30), ['plain', '30 days']);
    assert.deepEqual(of(29), ['warning', '29 days']);
    assert.deepEqual(of(7), ['warning', '7 days']);
    assert.deepEqual(of(6), ['critical', '6 days']);
    assert.deepEqual(of(1), ['critical', '1 day']);
    assert.deepEqual(of(0), ['critical', 'less than a day']);
    assert.deepEqual(of(-3), ['critical', 'expired 2 days ago']);
    assert.deepEqual(of(null), ['missing', '– not known']);
  });

  it('has what the kernel counts, or a dash and why not', () => {
    const cells = (looks: Looks): string[] => {
      const html = pageOf([virtualServer({ servers: [server('10.0.0.1:6443')] })], looks);
      const found = html.matchAll(/<td role="cell" class="(?:weight|active|inactive)">([^]*?)<\/td>/g);
      return [...found].map(([, cell = '']) => textOf(cell));
    };
    const one = virtualServer({ servers: [server('10.0.0.1:6443')] });
    assert.deepEqual(cells([lookAt(one)]), ['1', '14', '3']);
    assert.deepEqual(cells([lookAt(one, [['10.0.0.9:6443', 0, 7, 8]])]), ['1', '14', '3', '0', '7', '8']);
    assert.equal(
      cells([{ virtualServer: one.virtualServer, error: null, table: null }])[0],
      '– not in the kernel&#39;s table',
    );
    assert.equal(cells(NONE)[2], '– the kernel&#39;s table was not read');
  });
});

describe('a virtual server on the page', () => {
  const noticesOf = (more: Partial<VirtualServerReport>, looks = NONE): string[] =>
    [
      ...pageOf([virtualServer(more)], looks).matchAll(
        /<p class="notice (?:critical|warning)">([^]*?)<\/p>/g,
      ),
    ].map(([, notice = '']) => textOf(notice));
  const levelOf = (more: Partial<VirtualServerReport>): string =>
    /<details class="vs (\w+)"/.exec(pageOf([virtualServer(more)]))?.[1] ?? '';
  const servers = (...states: readonly ServerReport['state'][]): Partial<VirtualServerReport> => ({
    servers: states.map((state, index) => server(`10.0.0.${index + 1}:6443`, { state })),
  });

  it('is well, starting, impaired or down', () => {
    assert.equal(levelOf(servers('up', 'up')), 'well');
    assert.equal(levelOf(servers('up', 'unknown')), 'starting');
    assert.equal(levelOf(servers('dead', 'unknown')), 'impaired');
    assert.equal(levelOf(servers('up', 'sick')), 'impaired');
    assert.equal(levelOf(servers('sick', 'dead')), 'down');
    assert.equal(levelOf({ failOpen: true }), 'down');
    assert.equal(levelOf({ reachability: { reason: 'silent', sinceMs: NOW_MS } }), 'down');
    assert.equal(levelOf({ reachability: null }), 'well');
    assert.equal(levelOf({ deletedRepeatedly: true }), 'impaired');
    assert.equal(levelOf({ troubles: [{ what: 'local route', message: 'EPERM', sinceMs: 0 }] }), 'impaired');
    assert.equal(levelOf({ lastPass: { atMs: NOW_MS - 50_000, durationMs: 1, error: null } }), 'impaired');
    assert.equal(
      levelOf({ servers: [server('10.0.0.1:6443', { certificateNotAfterMs: NOW_MS + DAY_MS })] }),
      'impaired',
    );
  });

  it('shows what an operator should know, and nothing when all is well', () => {
    assert.deepEqual(noticesOf({}), []);
    assert.match(noticesOf({ failOpen: true })[0] ?? '', /^no real server is up: as a last resort/);
    assert.match(noticesOf(servers('dead', 'dead'))[0] ?? '', /the kernel refuses clients at once/);
    for (const lastPass of [null, { atMs: NOW_MS, durationMs: 1, error: 'not permitted' }])
      assert.match(noticesOf({ ...servers('dead', 'dead'), lastPass })[0] ?? '', /^no real server is up$/);
    assert.match(
      noticesOf({ reachability: { reason: 'silent, no answer', sinceMs: NOW_MS - 5000 } })[0] ?? '',
      /^clients on this node do not reach 10\.103\.97\.2:6443: silent, no answer, for 5 s; run lvscare doctor$/,
    );
    assert.match(
      noticesOf({ deletedRepeatedly: true, virtualServer: '[fd00::2]:6443' })[0] ?? '',
      /keeps deleting \[fd00::2\]:6443: .* ipvs\.excludeCIDRs: \[&quot;fd00::2\/128&quot;\]/,
    );
    assert.match(
      noticesOf({ troubles: [{ what: 'local route', message: 'EPERM', sinceMs: NOW_MS - 5000 }] })[0] ?? '',
      /^local route: EPERM, for 5 s$/,
    );
    assert.match(
      noticesOf({ lastPass: { atMs: NOW_MS - 50_000, durationMs: 1, error: null } })[0] ?? '',
      /^nothing was reconciled for 50 s: /,
    );
    assert.deepEqual(
      noticesOf({ intervalMs: 20_000, lastPass: { atMs: NOW_MS - 40_000, durationMs: 1, error: null } }),
      [],
    );
  });

  it('shows once that the table cannot be read', () => {
    const looks: Looks = [{ virtualServer: '10.103.97.2:6443', error: 'EPERM', table: null }];
    assert.equal(noticesOf({}, looks).length, 1);
    const troubles = [{ what: 'IPVS table', message: 'EPERM', sinceMs: NOW_MS }];
    assert.deepEqual(noticesOf({ troubles }, looks), ['IPVS table: EPERM, for 0 ms']);
  });
});

describe('many virtual servers on the page', () => {
  it('are sorted from the worst on, and closed but for the worst', () => {
    const { report, looks } = fleet(64, 16);
    const html = [...statusPage(report, looks)].join('');
    const found = [...html.matchAll(/<details class="vs (\w+)"[^>]*?data-open="(\w+)"( open)?>/g)];
    const levels = found.map(([, level]) => level);
    assert.equal(levels.length, 64);
    assert.deepEqual(
      levels,
      levels.toSorted((one = '', other = '') => one.localeCompare(other)),
    );
    assert.deepEqual(
      found.filter(([, , , open]) => open !== undefined),
      [found[0]],
    );
    assert.match(html, /<span class="count">13 of 16 up<\/span>/);
  });

  it('come in pieces, all of them together no larger than a browser takes', () => {
    const { report } = fleet(64, 16);
    const worst = {
      ...report,
      virtualServers: report.virtualServers.map((each) => ({
        ...each,
        servers: each.servers.map((one) => ({
          ...one,
          evidence: { kind: 'tls' as const, detail: 'x'.repeat(5000) },
          history: hour((ago) => (['some', 'tls', null] as const)[ago % 3] ?? null),
          relapses: 3,
        })),
        transitions: Array.from({ length: 100 }, (_, index) => ({
          atMs: NOW_MS - index,
          server: '10.0.0.1:6443',
          from: 'up' as const,
          to: 'sick' as const,
          evidence: 'tls' as const,
          why: 'x'.repeat(5000),
        })),
      })),
    };
    const pieces = [...statusPage(worst, NONE)];
    assert.equal(pieces.length, 66);
    assert.ok(Math.max(...pieces.map((piece) => piece.length)) < 100_000);
    assert.ok(Buffer.byteLength(pieces.join('')) < 4_000_000);
  });

  it('share one timeline, the newest first, a hundred at most', () => {
    const { report } = fleet(64, 16);
    const html = [...statusPage(report, NONE)].join('');
    const items = [...html.matchAll(/<li data-key[^]*?<\/li>/g)].map(([item]) => textOf(item));
    assert.equal(items.length, report.virtualServers.flatMap(({ transitions }) => transitions).length);
    assert.match(items[0] ?? '', /^12:28:05 10\.29\.0\.14:6443 is sick \(was up, of 10\.103\.97\.11:6443\)/);
    const times = items.map((item) => item.slice(0, 8));
    assert.deepEqual(times, times.toSorted().toReversed());
  });
});
