// lvscare status, beside ipvsadm.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { parseTable } from '../../lab/ipvsadm.js';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import type { Status, VirtualServerStatus } from '../../src/status/status.js';
import { connectionTo } from './clients.js';
import { allOf, lvscare, restore, serversOf, startCare, takeCare, untilWeights, VS } from './lvscare.js';

const OTHER = '10.103.97.3:6443';

describe('lvscare status', () => {
  let lab: Lab;
  const running: LabProcess[] = [];
  const started = (process: LabProcess): LabProcess => {
    running.push(process);
    return process;
  };
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  afterEach(async () => {
    for (const process of running.splice(0)) await process.stop();
    await restore(lab);
    for (const vs of [VS, OTHER]) await lvscare(lab.node, ['care', '--vs', vs, '-C']);
    assert.deepEqual(await files(), [], 'nothing is left');
  });

  /** What there is under /run/lvscare of this lab's node. */
  async function files(): Promise<string[]> {
    const namespace = /\d+/.exec(await lab.node.must('readlink', ['/proc/self/ns/net']))?.[0] ?? '';
    const { stdout } = await lab.node.exec('ls', [`/run/lvscare/${namespace}`]);
    return stdout.split('\n').filter((name) => name !== '');
  }

  async function json(...args: string[]): Promise<readonly VirtualServerStatus[]> {
    const { status, stdout, stderr } = await lvscare(lab.node, ['status', '--json', ...args]);
    assert.equal(status, 0, stderr);
    return (JSON.parse(stdout) as Status).virtualServers;
  }

  it('shows what ipvsadm shows, and how each real server is', async () => {
    const daemon = started(await takeCare(lab));
    const connection = await connectionTo(lab, lab.master(0).name);
    await lab.master(1).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });

    const { status, stdout, stderr } = await lvscare(lab.node, ['status']);
    assert.equal(status, 0, stderr);
    const [shown] = parseTable(stdout);
    const [expected] = await lab.node.table();
    const byEndpoint = (rows: readonly { readonly endpoint: string }[] = []): unknown[] =>
      [...rows].sort((a, b) => a.endpoint.localeCompare(b.endpoint));
    assert.deepEqual(byEndpoint(shown?.realServers), byEndpoint(expected?.realServers));
    assert.deepEqual({ ...shown, realServers: [] }, { ...expected, realServers: [] });
    assert.equal(
      expected?.realServers.reduce((sum, row) => sum + row.activeConnections, 0),
      1,
    );
    assert.match(stdout, new RegExp(`-> ${lab.master(1).endpoint} +- +- +- +- +dead +\\d+.* refused, `));
    assert.match(stdout, new RegExp(`-> ${lab.master(0).endpoint} .* up +\\d.* ms .* ok, status 200`));
    assert.match(
      stdout,
      new RegExp(`process ${daemon.pid}, for .*; mode local; this node is 10\\.103\\.97\\.100`),
    );
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /\u001b/);

    // The kernel counts a service's connections every two seconds.
    const one = await until(async () =>
      (await json()).find(({ kernel }) => (kernel?.traffic?.connections ?? 0) >= 1),
    );
    assert.deepEqual(
      one.care?.servers.map(({ server, state }) => [server, state]),
      lab.masters.map(({ endpoint }) => [endpoint, endpoint === lab.master(1).endpoint ? 'dead' : 'up']),
    );
    assert.deepEqual(
      [one.lvscare, one.program?.pid, one.kernel?.scheduler, one.kernel?.destinations.length],
      ['answers', daemon.pid, 'rr', 2],
    );
    await connection.close();
  });

  it('writes the flags of a virtual server as ipvsadm does', async () => {
    started(startCare(lab, ['--scheduler', 'sh']));
    await untilWeights(lab, allOf(lab));
    for (const edit of [
      '-s sh -b sh-fallback,sh-port -p 300 -M 255.255.255.0',
      '-s mh -b mh-port',
      '-s rr -b flag-1,flag-3',
    ]) {
      await lab.node.ipvsadm(`-A -t ${OTHER} ${edit}`);
      const { stdout } = await lvscare(lab.node, ['status', '--vs', OTHER]);
      const line = (text: string): string =>
        text
          .split('\n')
          .find((row) => row.includes(OTHER))
          ?.trimEnd() ?? '';
      assert.equal(line(stdout), line(await lab.node.ipvsadmText()));
      await lab.node.ipvsadm(`-D -t ${OTHER}`);
    }
  });

  it('shows what the kernel has when no lvscare is running, and fails when that is nothing', async () => {
    const daemon = await takeCare(lab);
    assert.equal(await daemon.stop(), 0);
    const { status, stdout } = await lvscare(lab.node, ['status']);
    assert.equal(status, 0);
    assert.deepEqual(
      parseTable(stdout)[0]
        ?.realServers.map(({ endpoint }) => endpoint)
        .sort(),
      lab.masters.map(({ endpoint }) => endpoint),
    );
    assert.match(stdout, /no lvscare is running; this is what the kernel has/);

    await lab.node.ipvsadm(`-D -t ${VS}`);
    const gone = await lvscare(lab.node, ['status']);
    assert.equal(gone.status, 1);
    assert.match(gone.stdout, /the kernel has no such virtual server/);
    await lvscare(lab.node, ['care', '--vs', VS, '-C']);
    const nothing = await lvscare(lab.node, ['status']);
    assert.deepEqual([nothing.status, nothing.stdout], [1, '']);
    assert.match(nothing.stderr, /^no lvscare is running [^\n]*\n$/);
    const empty = await lvscare(lab.node, ['status', '--json']);
    assert.equal(empty.status, 1);
    assert.deepEqual((JSON.parse(empty.stdout) as Status).virtualServers, []);
  });

  it('says so when the lvscare that is running does not answer, and finds the next one after a kill', async () => {
    const daemon = await takeCare(lab);
    daemon.signal('SIGSTOP');
    const rs = ['--rs', lab.master(0).endpoint, '--health-ca', lab.caFile];
    const probed = await lvscare(lab.node, ['probe', ...rs]);
    assert.equal(probed.status, 0, 'a probe needs none');
    assert.doesNotMatch(probed.stdout, /^ {2}now /m);
    const asleep = await lvscare(lab.node, ['status']);
    assert.equal(asleep.status, 0);
    assert.match(
      asleep.stdout,
      /its lvscare does not answer: no answer within 3 s; this is what the kernel has/,
    );
    await daemon.kill();
    assert.ok((await files()).includes(`${VS}.sock`), 'nobody was there to remove it');
    assert.match((await lvscare(lab.node, ['status'])).stdout, /no lvscare is running/);
    const next = started(await takeCare(lab));
    assert.equal((await json())[0]?.program?.pid, next.pid);
    await next.stop();
    assert.deepEqual(await files(), [`${VS}.json`, 'net.ipv4.vs.expire_nodest_conn.sysctl']);
  });

  it('shows all virtual servers of this network namespace, or the one that is asked for', async () => {
    const servers = ['--vs', OTHER, '--rs', lab.master(0).endpoint, '--health-ca', lab.caFile];
    started(await takeCare(lab));
    started(startCare(lab, [], servers));
    await untilWeights(lab, { [lab.master(0).endpoint]: 1 }, { virtualServer: OTHER });
    const names = (all: readonly VirtualServerStatus[]): string[] =>
      all.map(({ virtualServer }) => virtualServer);
    assert.deepEqual(names(await json()), [VS, OTHER]);
    assert.deepEqual(names(await json('--vs', OTHER)), [OTHER]);
    await using elsewhere = await Lab.create({ masters: 1 });
    assert.equal((await lvscare(elsewhere.node, ['status'])).status, 1);
  });

  it('is what lvscare probe has beside what it sees of a server itself', async () => {
    started(await takeCare(lab, ['--fall', '1']));
    const [well, failing, gone] = [lab.master(0), lab.master(1), lab.master(2)];
    await failing.fail(500);
    await gone.kill();
    await untilWeights(lab, { [well.endpoint]: 1, [failing.endpoint]: 0 });
    const asks = ['--health-ca', lab.caFile, '--fall', '1', '--rs'];
    const probe = async (rs: string): Promise<string> =>
      (await lvscare(lab.node, ['probe', ...asks, rs])).stdout;
    const now = `^  now   lvscare of ${VS}:`;
    const first = await probe(well.endpoint);
    assert.match(first, /^ {2}care {2}up: it gets new connections$/m);
    assert.match(first, new RegExp(`${now} up for .*, weight 1: ok, status 200$`, 'm'));
    const second = await probe(failing.endpoint);
    assert.match(second, /^ {2}care {2}sick: while another server is up, it gets no new connections, /m);
    assert.match(second, new RegExp(`${now} sick for .*, weight 0: status, status 500$`, 'm'));
    assert.match(
      await probe(gone.endpoint),
      new RegExp(`${now} dead for .*, not in the table: refused, `, 'm'),
    );

    const { stdout } = await lvscare(lab.node, ['probe', '--json', ...asks, failing.endpoint]);
    const { servers } = JSON.parse(stdout) as { servers: { running: { since: string }[] }[] };
    const [running, ...others] = servers[0]?.running ?? [];
    assert.deepEqual(others, []);
    const expected = {
      virtualServer: VS,
      state: 'sick',
      drained: false,
      weight: 0,
      why: 'status, status 500',
    };
    assert.deepEqual({ ...running, since: '' }, { ...expected, since: '' });
    assert.doesNotMatch(await probe('127.0.0.1:6443'), /^ {2}now /m, 'no lvscare has this one');
  });

  it('is for root alone', async () => {
    started(await takeCare(lab));
    // Who may read everything, so that the program is found wherever it is, and write nothing.
    const may = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
    const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...may];
    const { status, stdout } = await lvscare(lab.node, ['status'], {}, user);
    assert.equal(status, 1);
    assert.match(stdout, /its lvscare does not answer: not permitted/);
    assert.match(stdout, /cannot read the IPVS table: not permitted/);
    const drain = await lvscare(lab.node, ['drain', lab.master(0).endpoint], {}, user);
    assert.equal(drain.status, 1);
    assert.match(drain.stderr, /its lvscare cannot be reached: not permitted/);
    await untilWeights(lab, allOf(lab));
  });

  it('where there can be no socket lvscare says so once, and goes on; status says where to look', async () => {
    await lab.node.must('mkdir', ['-p', '/run/lvscare']);
    const readOnly = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs -o ro none /run/lvscare && exec "$@"',
      'sh',
    ];
    const daemon = started(startCare(lab, [], serversOf(lab), { wrapper: readOnly }));
    await untilWeights(lab, allOf(lab));
    await lab.master(1).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    const warnings = daemon.text().match(/lvscare status and drain cannot reach this process: .*/g) ?? [];
    assert.equal(warnings.length, 1, daemon.text());
    assert.match(warnings[0], /EROFS/);
    const { status, stdout } = await lvscare(lab.node, ['status']);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`process ${daemon.pid} has no socket here`));
    assert.equal(parseTable(stdout)[0]?.realServers.length, 2);
    const drain = await lvscare(lab.node, ['drain', lab.master(0).endpoint, '--vs', VS]);
    assert.equal(drain.status, 1);
    assert.match(drain.stderr, /its lvscare cannot be reached: .* has no socket here/);
  });

  it('a socket that many use and some abuse keeps lvscare from nothing', async () => {
    started(await takeCare(lab));
    const namespace = /\d+/.exec(await lab.node.must('readlink', ['/proc/self/ns/net']))?.[0] ?? '';
    const socket = `/run/lvscare/${namespace}/${VS}.sock`;
    assert.equal((await lab.node.must('stat', ['-c', '%a %U', socket])).trim(), '600 root');
    const flood = started(
      lab.node.spawn(process.execPath, [
        '-e',
        `const { connect } = require('node:net');
         const open = () => connect(${JSON.stringify(socket)}).on('error', () => {}).on('close', () => setTimeout(open, 10)).resume()
           .write(Math.random() < 0.5 ? 'GET /status HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' : 'GET /stat');
         for (let i = 0; i < 50; i += 1) open();
         console.log('flooding');`,
      ]),
    );
    await flood.waitForLine(/flooding/);
    await lab.master(1).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    await lab.master(1).start();
    await untilWeights(lab, allOf(lab));
    await flood.kill();
    await until(async () => (await lvscare(lab.node, ['status'])).stdout.includes('mode local'), {
      timeoutMs: 60_000,
      everyMs: 500,
    });
  });
});
