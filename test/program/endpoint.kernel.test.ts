import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, type LabProcess } from '../../lab/index.js';
import { asked } from './asked.js';
import { allOf, restore, serversOf, startCare, takeCare, untilWeights } from './lvscare.js';

/** Keeps so many connections open that say nothing, and asks for everything over and over. Says `ready` once it does. */
const NUISANCE = `
const { connect } = require('node:net');
const { get, Agent } = require('node:http');
const at = { port: 9288, host: '127.0.0.1' };
const idle = () => { const s = connect(at, () => s.write('GET /met')); s.on('error', () => {}); s.on('close', () => setTimeout(idle, 20)); };
for (let n = 0; n < 400; n += 1) idle();
const greedy = (path) => { const again = () => setTimeout(() => greedy(path), 5); get({ ...at, path, agent: false }, (r) => { r.resume(); r.on('close', again); }).on('error', again); };
for (const path of ['/metrics', '/report.json', '/', '/nowhere']) greedy(path);
setTimeout(() => console.log('ready'), 500);
`;

describe('a daemon that can be asked', () => {
  let lab: Lab;
  const daemons: LabProcess[] = [];
  const started = (daemon: LabProcess): LabProcess => {
    daemons.push(daemon);
    return daemon;
  };
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  afterEach(async () => {
    for (const daemon of daemons.splice(0)) await daemon.stop();
    await restore(lab);
  });

  it('is alive and ready, and its report agrees with ipvsadm', async () => {
    started(await takeCare(lab));
    assert.deepEqual(await asked(lab.node, '/healthz'), { status: 200, body: 'ok\n' });
    assert.deepEqual(await asked(lab.node, '/readyz'), { status: 200, body: 'ok\n' });
    const { status, body } = await asked(lab.node, '/report.json');
    assert.equal(status, 200);
    const report = JSON.parse(body) as {
      virtualServers: { servers: { server: string; state: string }[] }[];
      kernel: { table: { destinations: { server: string; weight: number }[] } }[];
    };
    assert.deepEqual(
      report.virtualServers[0]?.servers.map(({ server, state }) => [server, state]),
      lab.masters.map(({ endpoint }) => [endpoint, 'up']),
    );
    const rows =
      report.kernel[0]?.table.destinations.map(({ server, weight }) => [server, weight] as const) ?? [];
    assert.deepEqual(Object.fromEntries(rows), allOf(lab));
    assert.match((await asked(lab.node, '/')).body, /<title>3\/3 up – .* – 10\.103\.97\.2:6443<\/title>/);
  });

  it('ends at once at SIGTERM, with a connection that is kept open', async () => {
    const daemon = started(await takeCare(lab));
    const keeper = lab.node.spawn('bash', [
      '-c',
      String.raw`exec 3<>/dev/tcp/127.0.0.1/9288; printf 'GET /healthz HTTP/1.1\r\n\r\n' >&3; cat <&3`,
    ]);
    await keeper.waitForLine(/200 OK/);
    const from = performance.now();
    daemon.child.kill('SIGTERM');
    assert.equal(await daemon.exited, 0);
    await keeper.exited;
    // Node would wait for it for more than a minute, however fast the machine is.
    assert.ok(performance.now() - from < 20_000);
  });

  it('is one of two on a node: the second says in one line that the port is taken, takes care, and gets it later', async () => {
    const first = started(await takeCare(lab));
    const servers = ['--vs', '10.103.97.3:6443', ...serversOf(lab).slice(2)];
    const second = started(startCare(lab, [], servers));
    await second.waitForLine(
      /WARN.*cannot listen at --metrics-addr 127\.0\.0\.1:9288: another process listens there/,
    );
    await untilWeights(lab, allOf(lab), { virtualServer: '10.103.97.3:6443' });
    assert.match((await asked(lab.node, '/metrics')).body, /local_address="10\.103\.97\.2"/);
    await first.stop();
    await second.waitForLine(/metrics, health and status at http:\/\/127\.0\.0\.1:9288\//);
    assert.equal(second.text().match(/cannot listen/g)?.length, 1);
    assert.match((await asked(lab.node, '/metrics')).body, /local_address="10\.103\.97\.3"/);
  });

  it('listens where the option says: IPv6, every address, a Unix socket of its own, nowhere', async () => {
    const six = started(await takeCare(lab, ['--metrics-addr', '[::1]:9299']));
    assert.equal((await asked(lab.node, '/healthz', { at: '[::1]:9299' })).status, 200);
    await assert.rejects(asked(lab.node, '/healthz'));
    await six.stop();

    const all = started(await takeCare(lab, ['--metrics-addr', '[::]:9299']));
    for (const at of ['127.0.0.1:9299', '10.103.97.100:9299', '[::1]:9299'])
      assert.equal((await asked(lab.node, '/healthz', { at })).status, 200, at);
    await all.stop();

    const socket = join(tmpdir(), 'lvscare-metrics.sock');
    const killed = started(await takeCare(lab, ['--metrics-addr', `unix:${socket}`]));
    assert.equal((await asked(lab.node, '/healthz', { at: 'lvscare', socket })).status, 200);
    assert.equal((await stat(socket)).mode & 0o777, 0o600);
    killed.child.kill('SIGKILL');
    await killed.exited;
    assert.ok((await stat(socket)).isSocket(), 'it had no time to take it away');
    const next = started(await takeCare(lab, ['--metrics-addr', `unix:${socket}`]));
    assert.equal((await asked(lab.node, '/healthz', { at: 'lvscare', socket })).status, 200);
    await next.stop();
    await assert.rejects(stat(socket), { code: 'ENOENT' });

    const off = started(await takeCare(lab, ['--metrics-addr', 'off']));
    await assert.rejects(asked(lab.node, '/healthz'));
    assert.doesNotMatch(off.text(), /metrics/);
  });

  it('answers the kubelet, and takes a killed master out, while others do their worst', async () => {
    started(await takeCare(lab));
    const nuisance = lab.node.spawn(process.execPath, ['-e', NUISANCE]);
    await nuisance.waitForLine(/ready/);
    for (let time = 0; time < 10; time += 1)
      assert.equal((await asked(lab.node, '/healthz')).status, 200, `time ${time}`);
    await lab.master(1).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    assert.equal((await asked(lab.node, '/healthz')).status, 200);
    const { body } = await asked(lab.node, '/metrics');
    assert.doesNotMatch(
      body,
      /to="(sick|dead)",cause="(slow|silent|broken|tls|status)"\} [^0]/,
      'nobody else is blamed',
    );
    await nuisance.stop();
    await lab.master(1).start();
    await untilWeights(lab, allOf(lab));
  });
});
