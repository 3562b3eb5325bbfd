import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Answer } from '../../src/http/answer.js';
import { reportJson } from '../../src/http/report-json.js';
import { routesOf } from '../../src/http/routes.js';
import { endpoint } from '../../src/values/endpoint.js';
import type { CountedReport } from '../../src/report/report.js';
import { Recorder } from '../../src/report/recorder.js';
import { A, B, POLICY, VIRTUAL_SERVER } from '../control-loop/stage.js';

function reportOf(servers = [A, B]): CountedReport {
  const board = new Recorder(
    {
      virtualServer: VIRTUAL_SERVER,
      realServers: servers,
      policy: POLICY,
      mode: 'local',
      masquerade: false,
    },
    { clock: { now: () => 0 }, wallClock: () => 1_000_000 },
  );
  board.record({
    virtualServer: VIRTUAL_SERVER,
    kind: 'probe',
    server: A,
    evidence: { kind: 'ok', detail: 'status "200"\n' },
    durationMs: 3,
  });
  return {
    atMs: 1_000_000,
    program: { version: 'v1', commit: 'abc', pid: 1, host: 'node-1', startedAtMs: 0, dryRun: false },
    virtualServers: [board.report({ history: true })],
    kernel: [{ virtualServer: VIRTUAL_SERVER.text, error: null, table: null }],
  };
}

/** Asks one of the paths; everything is well unless told otherwise. */
async function ask(url: string, sources: Partial<Parameters<typeof routesOf>[0]> = {}): Promise<Answer> {
  const routes = routesOf({
    metrics: (accept) => Promise.resolve({ type: `metrics for ${accept}`, body: Buffer.from('x 1\n') }),
    report: () => Promise.resolve(reportOf()),
    statusPage: true,
    stuck: () => null,
    unready: () => null,
    page: () => ({ pieces: [], contentSecurityPolicy: '' }),
    coalesce: (make) => make,
    yieldIfDue: () => Promise.resolve(),
    ...sources,
  });
  const [path = '', query = ''] = url.split('?');
  const route = routes[path];
  assert.ok(route);
  return route({ path, query, accept: 'anything' });
}

describe('what can be asked', () => {
  it('is whether it is alive, and what is stuck', async () => {
    assert.deepEqual(await ask('/healthz'), { status: 200, type: 'text/plain; charset=utf-8', body: 'ok\n' });
    const { status, body } = await ask('/healthz', { stuck: () => 'the monitor of x' });
    assert.deepEqual([status, body], [503, 'stuck: the monitor of x\n']);
  });

  it('is whether it is ready, and why not', async () => {
    assert.equal((await ask('/readyz')).status, 200);
    const { status, body } = await ask('/readyz', { unready: () => 'no IPVS' });
    assert.deepEqual([status, body], [503, 'not ready: no IPVS\n']);
  });

  it('is whether one virtual server is ready', async () => {
    const unready = (vs: string | null): string => `${vs ?? 'all'}: not yet`;
    assert.equal((await ask('/readyz', { unready })).body, 'not ready: all: not yet\n');
    assert.equal(
      (await ask('/readyz?vs=[fd00::2]:6443', { unready })).body,
      'not ready: [fd00::2]:6443: not yet\n',
    );
  });

  it('is the metrics, in the format that is asked for', async () => {
    const { status, type, body } = await ask('/metrics');
    assert.deepEqual([status, type, String(body)], [200, 'metrics for anything', 'x 1\n']);
  });

  it('is the report', async () => {
    const { status, type, body } = await ask('/report.json');
    assert.deepEqual([status, type], [200, 'application/json']);
    assert.deepEqual(JSON.parse(String(body)), JSON.parse(JSON.stringify(reportOf())));
  });

  it('is a page, with what it may load', async () => {
    const { type, body, contentSecurityPolicy } = await ask('/', {
      page: ({ virtualServers }) => ({
        pieces: ['<p>', virtualServers[0]?.virtualServer ?? '', '</p>'],
        contentSecurityPolicy: "default-src 'none'",
      }),
    });
    assert.deepEqual([type, String(body)], ['text/html; charset=utf-8', `<p>${VIRTUAL_SERVER.text}</p>`]);
    assert.equal(contentSecurityPolicy, "default-src 'none'");
  });
});

describe('the report as JSON', () => {
  it('is written in parts, and is the same as in one', async () => {
    const servers = [A, ...Array.from({ length: 50 }, (_, index) => endpoint('ipv4', `10.0.0.${index}`, 1))];
    const report = reportOf(servers);
    let turns = 0;
    const text = await reportJson(report, () => {
      turns += 1;
      return Promise.resolve();
    });
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(report)));
    assert.equal(turns, servers.length);
    assert.deepEqual(
      JSON.parse(await reportJson({ ...report, virtualServers: [] }, () => Promise.resolve())),
      JSON.parse(JSON.stringify({ ...report, virtualServers: [] })),
    );
  });
});
