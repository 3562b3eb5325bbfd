import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { CarePolicy } from '../../src/control-loop/control-loop.js';
import type { EventDetails } from '../../src/control-loop/events.js';
import type { KernelReport } from '../../src/report/report.js';
import type { Traffic } from '../../src/values/counters.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import type { Exchange } from '../../src/values/exchange.js';
import { declareFamilies, declareProcessFamilies } from '../../src/metrics/families.js';
import { createMetrics, type Metrics } from '../../src/metrics/metrics.js';
import { Recorder } from '../../src/report/recorder.js';
import { A, B, C, POLICY, Stage, VIRTUAL_SERVER } from '../control-loop/stage.js';
import { ofServer, ofVirtualServer, samplesOf } from './samples.js';

const NOTHING: KernelReport = { virtualServer: VIRTUAL_SERVER.text, error: null, table: null };
const TRAFFIC: Traffic = {
  connections: 3,
  packetsIn: 40,
  packetsOut: 50,
  bytesIn: 6000,
  bytesOut: 2 ** 53,
  connectionsPerSecond: 1,
  bytesInPerSecond: 2,
  bytesOutPerSecond: 3,
};

interface Scraped {
  readonly stage: Stage;
  readonly metrics: Metrics;
  readonly board: Recorder;
  /** Has the recorder and the metrics observe an event. */
  readonly observe: (event: EventDetails) => void;
  readonly scrape: (kernel?: KernelReport) => Promise<ReadonlyMap<string, number>>;
  readonly text: (format: 'prometheus' | 'openmetrics', kernel?: KernelReport) => Promise<string>;
}

/** The control loop on a fake clock, with metrics that hear of it. */
function watched(
  servers: readonly Endpoint[] = [A, B, C],
  dryRun = false,
  policy: Partial<CarePolicy> = {},
): Scraped {
  const stage = new Stage(servers, policy);
  const config = {
    virtualServer: VIRTUAL_SERVER,
    realServers: servers,
    policy: POLICY,
    mode: 'local',
    masquerade: false,
    dryRun,
  };
  const board = new Recorder(config, { clock: stage.clock, wallClock: () => stage.clock.now() });
  const metrics = createMetrics({ dryRun }, stage.clock, () => Promise.resolve());
  metrics.set(config);
  const observers = [board.record.bind(board), metrics.count.bind(metrics)];
  stage.audience = observers;
  const startedAtMs = stage.clock.now();
  const text: Scraped['text'] = (format, kernel = NOTHING) =>
    metrics.text(format, {
      report: {
        atMs: stage.clock.now(),
        program: { version: 'v1.2.3', commit: 'abc', pid: 1, host: 'node-1', startedAtMs, dryRun },
        virtualServers: [board.report({ history: false })],
      },
      kernel: [kernel],
      alive: true,
      ready: false,
      usage: { cpuSeconds: 1.5, residentBytes: 2e6, heapUsedBytes: 1e6, openFiles: null },
      reload: null,
    });
  return {
    stage,
    metrics,
    board,
    observe(event) {
      for (const observer of observers) observer({ virtualServer: VIRTUAL_SERVER, ...event });
    },
    text,
    scrape: async (kernel) => samplesOf(await text('prometheus', kernel)),
  };
}

describe('the metrics of a real server', () => {
  it('begin at 0, so that the first time is an increase', async () => {
    const { scrape } = watched();
    const samples = await scrape();
    assert.equal(samples.get(`lvscare_real_server_up${ofServer(A.address)}`), 0);
    assert.equal(samples.get(`lvscare_real_server_state${ofServer(A.address, ',state="unknown"')}`), 1);
    for (const result of ['ok', 'refused', 'silent', 'slow', 'tls', 'status', 'broken', 'inconclusive'])
      assert.equal(samples.get(`lvscare_probes_total${ofServer(A.address, `,result="${result}"`)}`), 0);
    assert.equal(
      samples.get(`lvscare_transitions_total${ofServer(A.address, ',to="dead",cause="refused"')}`),
      0,
    );
    assert.equal(samples.get(`lvscare_probe_duration_seconds_count${ofServer(A.address)}`), 0);
    assert.ok(!samples.has(`lvscare_certificate_expiry_timestamp_seconds${ofServer(A.address)}`));
  });

  it('follow it down and up', async () => {
    const { stage, scrape } = watched();
    await stage.start();
    const before = await scrape();
    assert.equal(before.get(`lvscare_real_server_up${ofServer(B.address)}`), 1);
    assert.equal(before.get(`lvscare_transitions_total${ofServer(B.address, ',to="up",cause="ok"')}`), 1);
    stage.answer(B, 'refused');
    await stage.clock.advance(10_000);
    const down = await scrape();
    assert.equal(down.get(`lvscare_real_server_up${ofServer(B.address)}`), 0);
    const states = ['unknown', 'up', 'sick', 'dead'].map((state) =>
      down.get(`lvscare_real_server_state${ofServer(B.address, `,state="${state}"`)}`),
    );
    assert.deepEqual(states, [0, 0, 0, 1]);
    assert.equal(
      down.get(`lvscare_transitions_total${ofServer(B.address, ',to="dead",cause="refused"')}`),
      1,
    );
    assert.ok((down.get(`lvscare_probes_total${ofServer(B.address, ',result="refused"')}`) ?? 0) >= 2);
    assert.equal(down.get(`lvscare_real_server_up${ofServer(A.address)}`), 1);
    const sinceS = down.get(`lvscare_last_transition_timestamp_seconds${ofServer(B.address)}`) ?? 0;
    assert.ok(sinceS * 1000 <= stage.clock.now() + 500 && sinceS * 1000 > stage.clock.now() - 10_500);
    stage.answer(B, 'ok');
    await stage.clock.advance(10_000);
    const up = await scrape();
    assert.equal(up.get(`lvscare_transitions_total${ofServer(B.address, ',to="up",cause="ok"')}`), 2);
    await stage.stop();
  });

  it('show one that is held because it flaps', async () => {
    const { stage, scrape } = watched();
    await stage.start();
    for (let time = 0; time < 3; time += 1) {
      stage.answer(B, 'status');
      await stage.clock.advance(6000);
      stage.answer(B, 'ok');
      await stage.clock.advance(5600);
    }
    stage.answer(B, 'status');
    await stage.clock.advance(6000);
    stage.answer(B, 'ok');
    await stage.clock.advance(5200);
    const samples = await scrape();
    assert.equal(samples.get(`lvscare_real_server_held${ofServer(B.address)}`), 1);
    assert.ok((samples.get(`lvscare_holds_total${ofServer(B.address)}`) ?? 0) >= 1);
    await stage.stop();
  });

  it('show where each is from and whether the cluster lists it, with --discover', async () => {
    const { board, observe, scrape } = watched([A, B, C]);
    const none = await scrape();
    assert.ok(![...none.keys()].some((name) => /discovery|listed|source/.test(name)), 'without it, nothing');
    const member = { listed: false, missingSinceMs: null, aging: null };
    board.update({
      virtualServer: VIRTUAL_SERVER,
      realServers: [A, B, C],
      policy: POLICY,
      mode: 'local',
      masquerade: false,
      members: [
        { ...member, server: A, source: 'seed', missingSinceMs: 5 },
        { ...member, server: B, source: 'discovered', listed: true },
        { ...member, server: C, source: 'last good' },
      ],
    });
    const unread = await scrape();
    assert.ok(!unread.has(`lvscare_discovery_up${ofVirtualServer()}`), 'not tried yet');
    observe({ kind: 'cluster-list', list: { servers: [B], from: B, by: 'poll' } });
    const read = await scrape();
    assert.deepEqual(
      [A, B, C].map(({ address }) => read.get(`lvscare_real_server_listed${ofServer(address)}`)),
      [0, 1, undefined],
    );
    assert.equal(read.get(`lvscare_real_server_source${ofServer(C.address, ',source="last good"')}`), 1);
    assert.equal(read.get(`lvscare_discovery_up${ofVirtualServer()}`), 1);
    assert.ok((read.get(`lvscare_last_discovery_timestamp_seconds${ofVirtualServer()}`) ?? 0) > 0);
    observe({ kind: 'cluster-list-failed', from: B, error: new Error('status 403') });
    const failed = await scrape();
    assert.equal(failed.get(`lvscare_discovery_up${ofVirtualServer()}`), 0);
  });

  it('show which are on standby', async () => {
    const { stage, scrape } = watched([A, B], false, { preferLocal: true });
    stage.own = [A];
    await stage.start();
    const standby = async (): Promise<(number | undefined)[]> => {
      const samples = await scrape();
      return [A, B].map(({ address }) => samples.get(`lvscare_real_server_standby${ofServer(address)}`));
    };
    assert.deepEqual(await standby(), [0, 1]);
    stage.answer(A, 'refused');
    await stage.clock.advance(10_000);
    assert.deepEqual(await standby(), [0, 0]);
    await stage.stop();
  });

  it('show one that was taken out by hand', async () => {
    const { observe, scrape } = watched();
    const drained = async (): Promise<number | undefined> =>
      (await scrape()).get(`lvscare_real_server_drained${ofServer(B.address)}`);
    assert.equal(await drained(), 0);
    observe({ kind: 'drained', server: B, sinceMs: 1000, restored: false });
    assert.equal(await drained(), 1);
    observe({ kind: 'drained', server: B, sinceMs: null, restored: false });
    assert.equal(await drained(), 0);
  });

  it('show phases in seconds, and a certificate', async () => {
    const { observe, scrape } = watched();
    const exchange: Exchange = {
      evidence: null,
      fresh: true,
      phases: { connectMs: 2, handshakeMs: null, firstByteMs: 200, totalMs: 202 },
      status: 200,
      session: { protocol: 'TLSv1.3', cipher: 'x', chain: [], notAfterMs: 1_900_000_000_000 },
    };
    for (const server of [A, endpoint('ipv4', '192.0.2.1', 1)])
      observe({ kind: 'exchange', server, exchange });
    const samples = await scrape();
    const phase = (name: string): string => ofServer(A.address, `,phase="${name}"`);
    assert.equal(samples.get(`lvscare_probe_phase_duration_seconds_sum${phase('connect')}`), 0.002);
    assert.equal(samples.get(`lvscare_probe_phase_duration_seconds_count${phase('first_byte')}`), 1);
    assert.ok(!samples.has(`lvscare_probe_phase_duration_seconds_count${phase('handshake')}`));
    assert.equal(
      samples.get(`lvscare_certificate_expiry_timestamp_seconds${ofServer(A.address)}`),
      1_900_000_000,
    );
    assert.ok(![...samples.keys()].some((series) => series.includes('192.0.2.1')), 'labels are bounded');
  });
});

describe('the metrics of a virtual server', () => {
  it('have whether clients reach it, as soon as that is known', async () => {
    const { observe, scrape } = watched();
    const reachable = async (): Promise<number | undefined> =>
      (await scrape()).get(`lvscare_virtual_server_reachable${ofVirtualServer()}`);
    assert.equal(await reachable(), undefined);
    observe({ kind: 'reachability', reason: 'silent' });
    assert.equal(await reachable(), 0);
    observe({ kind: 'reachability', reason: null });
    assert.equal(await reachable(), 1);
  });

  it('count passes, actions and repairs', async () => {
    const { stage, scrape } = watched();
    await stage.start();
    const made = await scrape();
    assert.equal(
      made.get(`lvscare_actions_total${ofVirtualServer(',action="add-destination",result="ok"')}`),
      3,
    );
    assert.equal(made.get(`lvscare_repairs_total${ofVirtualServer(',what="create-service"')}`), 0);
    assert.equal(
      made.get(`lvscare_repairs_total${ofVirtualServer(',what="fake"')}`),
      0,
      'known, not repaired',
    );
    stage.kernel.services.clear();
    stage.resource.drift = 'gone';
    await stage.clock.advance(6000);
    const repaired = await scrape();
    assert.equal(repaired.get(`lvscare_repairs_total${ofVirtualServer(',what="create-service"')}`), 1);
    assert.equal(repaired.get(`lvscare_repairs_total${ofVirtualServer(',what="fake"')}`), 1);
    assert.ok((repaired.get(`lvscare_reconciles_total${ofVirtualServer(',result="ok"')}`) ?? 0) > 1);
    stage.kernel.broken = new Error('no IPVS');
    stage.resource.drift = 'gone';
    await stage.clock.advance(6000);
    const broken = await scrape();
    assert.ok((broken.get(`lvscare_reconciles_total${ofVirtualServer(',result="unreadable"')}`) ?? 0) > 0);
    assert.equal(broken.get(`lvscare_trouble${ofVirtualServer(',what="IPVS table"')}`), 1);
    stage.kernel.broken = null;
    await stage.clock.advance(6000);
    assert.ok(!(await scrape()).has(`lvscare_trouble${ofVirtualServer(',what="IPVS table"')}`));
    await stage.stop();
  });

  it('have what was made at 0, too, so that the first repair is an increase', async () => {
    const { stage, scrape } = watched();
    stage.resource.drift = 'never made';
    await stage.start();
    assert.equal(stage.resource.drift, null);
    const repairs = `lvscare_repairs_total${ofVirtualServer(',what="fake"')}`;
    assert.equal((await scrape()).get(repairs), 0);
    stage.resource.drift = 'gone';
    await stage.clock.advance(6000);
    assert.equal((await scrape()).get(repairs), 1);
    await stage.stop();
  });

  it('count no removal as a repair', async () => {
    const { stage, board, scrape } = watched();
    stage.resource.isRemoval = true;
    await stage.start();
    stage.resource.drift = 'there again';
    await stage.clock.advance(12_000);
    assert.equal(stage.resource.mends, 2);
    assert.equal((await scrape()).get(`lvscare_repairs_total${ofVirtualServer(',what="fake"')}`), 0);
    assert.deepEqual(board.report({ history: false }).repairs, {});
    await stage.stop();
  });

  it('show the last resort, and the node', async () => {
    const { stage, observe, scrape } = watched();
    await stage.start();
    observe({ kind: 'node-address', address: '10.103.97.100', from: '--ip', gone: null });
    for (const server of [A, B, C]) stage.answer(server, 'status');
    await stage.clock.advance(12_000);
    const samples = await scrape();
    assert.equal(samples.get(`lvscare_fail_open${ofVirtualServer()}`), 1);
    assert.equal(samples.get(`lvscare_interval_seconds${ofVirtualServer()}`), 5);
    const info =
      ',scheduler="rr",mode="local",masquerade="false",node_address="10.103.97.100",dry_run="false"';
    assert.equal(samples.get(`lvscare_virtual_server_info${ofVirtualServer(info)}`), 1);
    observe({ kind: 'node-address', address: '10.103.97.101', from: '--ip', gone: null });
    const series = [...(await scrape()).keys()].filter((name) =>
      name.startsWith('lvscare_virtual_server_info'),
    );
    assert.equal(series.length, 1, 'an earlier address is gone');
    await stage.stop();
  });

  it('count what a dry run would do as that, and no repairs', async () => {
    const { observe, scrape } = watched([A], true);
    const action = { kind: 'add-destination', server: A, weight: 1 } as const;
    const results = [{ action, outcome: 'dry-run', error: null }] as const;
    observe({ kind: 'pass', causes: ['start'], results, drift: true, durationMs: 1 });
    const samples = await scrape();
    assert.equal(
      samples.get(`lvscare_actions_total${ofVirtualServer(',action="add-destination",result="dry-run"')}`),
      1,
    );
    assert.ok(
      !samples.has(`lvscare_actions_total${ofVirtualServer(',action="add-destination",result="ok"')}`),
    );
    assert.equal(samples.get(`lvscare_repairs_total${ofVirtualServer(',what="add-destination"')}`), 0);
  });
});

describe('the metrics when the configuration changes', () => {
  it('forget a real server that is removed, whatever it did, and go on with the others', async () => {
    const { stage, metrics, board, scrape } = watched();
    await stage.start();
    stage.answer(B, 'refused');
    await stage.clock.advance(10_000);
    const before = await scrape();
    const config = {
      virtualServer: VIRTUAL_SERVER,
      realServers: [A, C],
      policy: POLICY,
      mode: 'local',
      masquerade: false,
    };
    board.update(config);
    metrics.set(config);
    const after = await scrape();
    const of = (samples: ReadonlyMap<string, number>, { address }: Endpoint): string[] =>
      [...samples.keys()].filter((name) => name.includes(`remote_address="${address}"`));
    assert.ok(of(before, B).length > 0);
    assert.deepEqual(of(after, B), []);
    assert.deepEqual(of(after, A), of(before, A));
    const name = `lvscare_probes_total${ofServer(A.address, ',result="ok"')}`;
    assert.ok((after.get(name) ?? 0) > 0);
    assert.equal(after.get(name), before.get(name));
    await stage.stop();
  });

  it('forget a virtual server that is removed, and tell what became of a reload', async () => {
    const { metrics, text, scrape } = watched();
    assert.ok(![...(await scrape()).keys()].some((name) => name.startsWith('lvscare_config_')));
    const report = {
      atMs: 0,
      program: { version: 'v0', commit: 'x', pid: 1, host: 'node-1', startedAtMs: 0, dryRun: false },
      virtualServers: [],
    };
    metrics.remove(VIRTUAL_SERVER);
    const told = await metrics.text('prometheus', {
      report,
      kernel: [NOTHING],
      alive: true,
      ready: true,
      usage: { cpuSeconds: 0, residentBytes: 0, heapUsedBytes: 0, openFiles: null },
      reload: { successful: false, successMs: 7000 },
    });
    assert.doesNotMatch(told, /local_address/);
    assert.match(told, /^lvscare_config_last_reload_successful 0$/m);
    assert.match(told, /^lvscare_config_last_reload_success_timestamp_seconds 7$/m);
    assert.doesNotMatch(await text('prometheus'), /local_address/);
  });
});

describe("the kernel's counters", () => {
  const stranger = endpoint('ipv4', '10.103.97.209', 6443);
  const reading: KernelReport = {
    ...NOTHING,
    table: {
      scheduler: 'rr',
      flags: '',
      traffic: TRAFFIC,
      destinations: [
        { server: A.text, forwarding: 'masquerade', weight: 1, active: 7, inactive: 2, traffic: TRAFFIC },
        { server: stranger.text, forwarding: 'masquerade', weight: 0, active: 1, inactive: 0, traffic: null },
      ],
    },
  };

  it('are those of every row, configured or not', async () => {
    const { scrape } = watched();
    const samples = await scrape(reading);
    assert.equal(samples.get(`lvscare_ipvs_readable${ofVirtualServer()}`), 1);
    assert.equal(samples.get(`lvscare_ipvs_service_present${ofVirtualServer()}`), 1);
    assert.equal(samples.get(`lvscare_ipvs_service_outgoing_bytes_total${ofVirtualServer()}`), 2 ** 53);
    assert.equal(samples.get(`lvscare_ipvs_backend_weight${ofServer(A.address)}`), 1);
    assert.equal(samples.get(`lvscare_ipvs_backend_connections_active${ofServer(A.address)}`), 7);
    assert.equal(samples.get(`lvscare_ipvs_backend_incoming_packets_total${ofServer(A.address)}`), 40);
    assert.equal(samples.get(`lvscare_ipvs_backend_weight${ofServer(stranger.address)}`), 0);
    assert.ok(!samples.has(`lvscare_ipvs_backend_connections_total${ofServer(stranger.address)}`));
    assert.ok(!samples.has(`lvscare_ipvs_backend_weight${ofServer(B.address)}`));
  });

  it('do not add up from scrape to scrape, and are gone with what they count', async () => {
    const { scrape } = watched();
    await scrape(reading);
    const again = await scrape(reading);
    assert.equal(again.get(`lvscare_ipvs_backend_connections_total${ofServer(A.address)}`), 3);
    const gone = await scrape(NOTHING);
    assert.equal(gone.get(`lvscare_ipvs_readable${ofVirtualServer()}`), 1);
    assert.equal(gone.get(`lvscare_ipvs_service_present${ofVirtualServer()}`), 0);
    const ipvs = (samples: ReadonlyMap<string, number>): readonly string[] =>
      [...samples.keys()]
        .filter((series) => series.startsWith('lvscare_ipvs_'))
        .map((one) => one.split('{')[0] ?? '');
    assert.deepEqual(ipvs(gone), ['lvscare_ipvs_readable', 'lvscare_ipvs_service_present']);
    const unreadable = await scrape({ ...NOTHING, error: 'no IPVS' });
    assert.equal(unreadable.get(`lvscare_ipvs_readable${ofVirtualServer()}`), 0);
    assert.deepEqual(ipvs(unreadable), ['lvscare_ipvs_readable']);
  });
});

describe('the exposition', () => {
  it('has the same samples in both formats, before and after the other one was asked for', async () => {
    const { stage, text } = watched();
    await stage.start();
    const [first, openMetrics, second] = [
      await text('prometheus'),
      await text('openmetrics'),
      await text('prometheus'),
    ];
    assert.equal(second, first);
    assert.deepEqual(samplesOf(openMetrics), samplesOf(first));
    assert.match(openMetrics, /\n# EOF\n$/);
    assert.match(openMetrics, /\n# TYPE lvscare_probes counter\nlvscare_probes_total\{/);
    assert.match(first, /\n# TYPE lvscare_probes_total counter\nlvscare_probes_total\{/);
    assert.doesNotMatch(openMetrics, /\n\n/);
    await stage.stop();
  });

  it('has each family once, with the samples of every server, however many there are', async () => {
    const servers = Array.from({ length: 100 }, (_, index) => endpoint('ipv4', `10.1.0.${index + 1}`, 6443));
    const { text, stage } = watched(servers);
    await stage.start();
    const destinations = servers.map((server) => ({
      server: server.text,
      forwarding: 'masquerade' as const,
      weight: 1,
      active: 0,
      inactive: 0,
      traffic: TRAFFIC,
    }));
    const exposition = await text('prometheus', {
      ...NOTHING,
      table: { scheduler: 'rr', flags: '', traffic: null, destinations },
    });
    const types = exposition.match(/^# TYPE \S+/gm) ?? [];
    assert.equal(new Set(types).size, types.length);
    const samples = samplesOf(exposition);
    for (const { address } of servers) {
      assert.equal(samples.get(`lvscare_real_server_up${ofServer(address)}`), 1);
      assert.equal(samples.get(`lvscare_ipvs_backend_weight${ofServer(address)}`), 1);
    }
    await stage.stop();
  });

  it('lets others have their turn between its parts', async () => {
    const servers = Array.from({ length: 200 }, (_, index) => endpoint('ipv4', `10.1.0.${index + 1}`, 6443));
    const config = { virtualServer: VIRTUAL_SERVER, realServers: servers, dryRun: false };
    let turns = 0;
    const metrics = createMetrics({ dryRun: false }, new Stage().clock, () => {
      turns += 1;
      return Promise.resolve();
    });
    metrics.set(config);
    const program = { version: 'v0', commit: 'x', pid: 1, host: 'node-1', startedAtMs: 0, dryRun: false };
    const usage = { cpuSeconds: 0, residentBytes: 0, heapUsedBytes: 0, openFiles: null };
    const report = { atMs: 0, program, virtualServers: [] };
    await metrics.text('prometheus', {
      report,
      kernel: [NOTHING],
      alive: true,
      ready: true,
      usage,
      reload: null,
    });
    // One after each family at least.
    assert.ok(turns > 40, `${turns} turns`);
  });
});

describe('what is declared', () => {
  const registry = new Registry();
  declareFamilies(registry);
  declareProcessFamilies(registry);
  const all = registry.getMetricsAsArray() as unknown as {
    readonly name: string;
    readonly help: string;
    readonly type: unknown;
    readonly labelNames: readonly string[];
  }[];

  it('is named as Prometheus wants it', () => {
    for (const { name, help, type } of all) {
      assert.match(name, /^(lvscare|process|nodejs)_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      assert.match(help, /^\S.*[.:?]$/, name);
      assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kb|percent)(_|$)/);
    }
  });

  it('is what docs/metrics.md says', () => {
    const root = new URL('../../../', import.meta.url);
    execFileSync(process.execPath, ['scripts/write-metrics-page.mjs', '--check'], {
      cwd: fileURLToPath(root),
      stdio: 'pipe',
    });
  });
});
