// Several virtual servers in one lvscare, by a file that changes while it runs.
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, until, VIP, type LabProcess } from '../../lab/index.js';
import type { Status } from '../../src/status/status.js';
import { BusyClient, connectionTo } from './clients.js';
import { allOf, lvscare, restore, serversOf, startCare, untilWeights, VS } from './lvscare.js';

const SECOND = `${VIP.ipv4}:9345`;
const THIRD = '10.103.97.3:6443';
const TIMES = 'interval: 1s, fast-interval: 100ms, drain-timeout: 2s';

describe('a file of virtual servers', () => {
  let lab: Lab;
  let directory = '';
  let file = '';
  const running: LabProcess[] = [];
  before(async () => {
    lab = await Lab.create();
    directory = await mkdtemp(join(tmpdir(), 'lvscare-virtual-servers-'));
    file = join(directory, 'lvscare.yaml');
  });
  after(async () => {
    await lab.close();
    await rm(directory, { recursive: true });
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
    await restore(lab);
    for (const vs of [VS, SECOND, THIRD]) await lvscare(lab.node, ['care', '--vs', vs, '-C']);
  });

  const masters = (count = 3): string =>
    `[${lab.masters
      .slice(0, count)
      .map(({ endpoint }) => `"${endpoint}"`)
      .join(', ')}]`;

  function yaml(...virtualServers: readonly string[]): string {
    return [
      'metrics-addr: off',
      `defaults: { ${TIMES}, health-ca: ${lab.caFile} }`,
      'virtualServers:',
      ...virtualServers.map((one) => `  - ${one}`),
      '',
    ].join('\n');
  }

  const of = (vs: string, rs = masters(), more = ''): string => `{ vs: "${vs}", rs: ${rs}${more} }`;

  /** In one step, as editors and configuration tools do it. */
  async function replace(text: string): Promise<void> {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }

  function start(servers: readonly string[] = ['--config', file]): LabProcess {
    const daemon = startCare(lab, [], [...servers], { quick: false });
    running.push(daemon);
    return daemon;
  }

  const weights = (
    virtualServer: string,
    wanted: Record<string, number> | null = allOf(lab),
  ): Promise<void> => untilWeights(lab, wanted, { virtualServer });

  const routes = (): Promise<string> => lab.node.ip('-4 route show table local');

  const answers = async (vs: string): Promise<boolean> => (await lab.node.request(`https://${vs}/whoami`)).ok;

  it('keeps each; one is removed and added again while a connection through another goes on', async () => {
    await replace(yaml(of(VS), of(SECOND), of(THIRD)));
    const daemon = start();
    for (const vs of [VS, SECOND, THIRD]) await weights(vs);
    for (const vs of [VS, SECOND, THIRD]) await until(() => answers(vs), { timeoutMs: 30_000 });

    const busy = new BusyClient(await connectionTo(lab, lab.master(0).name));
    const counted = await lab.node.must('ipvsadm', ['-Ln', '--stats', '-t', VS]);
    await replace(yaml(of(VS)));
    await daemon.waitForLine(new RegExp(`${SECOND} is no longer configured`));
    await weights(SECOND, null);
    await weights(THIRD, null);
    await until(async () => !(await routes()).includes('10.103.97.3'), { timeoutMs: 30_000 });
    assert.match(await routes(), new RegExp(`local ${VIP.ipv4} `), 'another port needs it');
    assert.ok(await answers(VS));
    await replace(yaml(of(VS), of(SECOND), of(THIRD)));
    for (const vs of [SECOND, THIRD]) await weights(vs);
    await until(() => answers(SECOND), { timeoutMs: 30_000 });

    const before = busy.answers;
    await until(() => busy.answers >= before + 3, { timeoutMs: 30_000 });
    await busy.stop();
    const connections = (text: string): number =>
      [...text.matchAll(/^ *-> \S+ +(\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
    const after = await lab.node.must('ipvsadm', ['-Ln', '--stats', '-t', VS]);
    assert.ok(connections(after) >= connections(counted), 'its rows keep their counters');
    const ofFirst = daemon.lines.filter((line) => line.text.includes(`taking care of ${VS}`));
    assert.equal(ofFirst.length, 1);
    const { stdout } = await lvscare(lab.node, ['status', '--json']);
    const { virtualServers } = JSON.parse(stdout) as Status;
    assert.deepEqual(
      virtualServers.map(({ virtualServer }) => virtualServer).sort(),
      [VS, SECOND, THIRD].sort(),
    );
    for (const { care } of virtualServers)
      assert.equal(
        care?.servers.every(({ state }) => state === 'up'),
        true,
      );
  });

  it('changes real servers, weights and the scheduler in place, and ignores a file that is wrong', async () => {
    await replace(yaml(of(VS, masters(2)), of(SECOND)));
    const daemon = start();
    const [a, b, c] = lab.masters.map(({ endpoint }) => endpoint) as [string, string, string];
    await weights(VS, { [a]: 1, [b]: 1 });
    await weights(SECOND);
    const busy = new BusyClient(await connectionTo(lab, lab.master(0).name));

    await replace(`${yaml(of(VS))}virtualServer: []\n`);
    await daemon.waitForLine(
      /lvscare.yaml is wrong, and the configuration before it goes on: .*did you mean virtualServers/,
    );
    assert.deepEqual(await lab.node.weights(), { [a]: 1, [b]: 1 });

    await replace(yaml(of(VS, `["${a}", { address: "${c}", weight: 3 }]`, ', scheduler: wrr'), of(SECOND)));
    await weights(VS, { [a]: 1, [c]: 3 });
    assert.match(await lab.node.must('ipvsadm', ['-Sn']), new RegExp(`-A -t ${VS} -s wrr`));
    await weights(SECOND);
    const before = busy.answers;
    await until(() => busy.answers >= before + 3, { timeoutMs: 30_000 });
    await busy.stop();
    assert.equal(
      daemon.lines.filter((line) => line.text.includes(`${a} is up`)).length,
      2,
      'once for each virtual server',
    );

    const drained = await lvscare(lab.node, ['drain', a, '--vs', SECOND]);
    assert.equal(drained.status, 0, drained.stderr);
    await weights(SECOND, { ...allOf(lab), [a]: 0 });
    assert.deepEqual(await lab.node.weights(), { [a]: 1, [c]: 3 });
  });

  it('probes a real server once that several have, and removes it from all of them when it is killed', async () => {
    await replace(yaml(of(VS), of(SECOND), of(THIRD)));
    start();
    for (const vs of [VS, SECOND, THIRD]) await weights(vs);
    const probes = async (): Promise<number> => {
      const { stdout } = await lvscare(lab.node, ['status', '--json']);
      const { virtualServers } = JSON.parse(stdout) as Status;
      const ofFirst = virtualServers.map(({ care }) => care?.servers[0]?.probes ?? 0);
      assert.equal(ofFirst.length, 3);
      return Math.min(...ofFirst);
    };
    const requests = async (): Promise<number> => (await lab.master(0).stats()).requests['GET /healthz'] ?? 0;
    const [probesBefore, requestsBefore] = [await probes(), await requests()];
    await until(async () => (await probes()) >= probesBefore + 8, { timeoutMs: 60_000 });
    const [made, asked] = [(await probes()) - probesBefore, (await requests()) - requestsBefore];
    assert.ok(asked < 2 * made, `${asked} requests, and ${made} probes for each virtual server`);

    const text = await lab.node.must('ss', ['-Htn', 'state', 'established', 'dport', '=', ':6443']);
    const peers = text.split('\n').map((line) => line.trim().split(/\s+/).at(3) ?? '');
    for (const { endpoint } of lab.masters)
      assert.equal(peers.filter((peer) => peer === endpoint).length, 1, text);

    const [, b, c] = lab.masters.map(({ endpoint }) => endpoint) as [string, string, string];
    await lab.master(0).kill();
    for (const vs of [VS, SECOND, THIRD]) await weights(vs, { [b]: 1, [c]: 1 });
    await lab.master(0).start();
    for (const vs of [VS, SECOND, THIRD]) await weights(vs);
  });

  it('removes the row of a real server that is no longer configured when its host dies, long before its drain ends', async () => {
    const [a, b, c] = lab.masters.map(({ endpoint }) => endpoint) as [string, string, string];
    const patient = (text: string): string => text.replace('drain-timeout: 2s', 'drain-timeout: 1h');
    await replace(patient(yaml(of(VS))));
    start();
    await weights(VS);
    await until(() => answers(VS), { timeoutMs: 30_000 });
    const busy = new BusyClient(await connectionTo(lab, lab.master(2).name));
    await replace(patient(yaml(of(VS, masters(2)))));
    await weights(VS, { [a]: 1, [b]: 1, [c]: 0 });
    const before = busy.answers;
    await until(() => busy.answers >= before + 3, { timeoutMs: 30_000 });
    await lab.master(2).cut();
    await weights(VS, { [a]: 1, [b]: 1 });
    await busy.stop();
  });

  it('leaves a virtual server that is no longer in the file as it is with removed-vs: keep, and takes it again later', async () => {
    await replace(yaml(of(VS), of(SECOND)));
    const daemon = start();
    for (const vs of [VS, SECOND]) await weights(vs);
    await replace(`removed-vs: keep\n${yaml(of(VS))}`);
    await daemon.waitForLine(new RegExp(`stopped; ${SECOND} stays as it is`));
    assert.deepEqual(await lab.node.weights(SECOND), allOf(lab));
    await replace(yaml(of(VS), of(SECOND, masters(2))));
    const [a, b] = lab.masters.map(({ endpoint }) => endpoint) as [string, string];
    await weights(SECOND, { [a]: 1, [b]: 1 });
  });

  it('follows SIGHUP, and links that are swapped as for a ConfigMap', async () => {
    const data = async (name: string, text: string): Promise<void> => {
      await writeFile(join(directory, name), text);
      await symlink(name, join(directory, '..data.new'));
      await rename(join(directory, '..data.new'), join(directory, '..data'));
    };
    await data('one.yaml', yaml(of(VS)));
    const link = join(directory, 'linked.yaml');
    await symlink('..data', link);
    const daemon = start(['--config', link]);
    await weights(VS);
    await data('two.yaml', yaml(of(VS), of(SECOND)));
    await weights(SECOND);
    daemon.signal('SIGHUP');
    await daemon.waitForLine(/SIGHUP: reading the configuration again/);
    await daemon.waitForLine(/linked.yaml was read again and is in force: 2 virtual servers/);
  });

  it('leaves a virtual server to another lvscare, takes it when that ends, and keeps the others meanwhile', async () => {
    const other = startCare(lab, ['--metrics-addr', 'off'], serversOf(lab));
    running.push(other);
    await weights(VS);
    await replace(yaml(of(VS), of(SECOND)));
    const daemon = start();
    await daemon.waitForLine(new RegExp(`cannot take care of ${VS}: another lvscare`));
    await weights(SECOND);
    assert.deepEqual(await lab.node.weights(), allOf(lab));
    await other.stop();
    await daemon.waitForLine(new RegExp(`taking care of ${VS} now`), { timeoutMs: 60_000 });
  });

  it('is set up once and cleaned up as a whole', async () => {
    await replace(yaml(of(VS), of(THIRD)));
    const once = await lvscare(lab.node, ['care', '--config', file, '--run-once']);
    assert.equal(once.status, 0, once.stderr + once.stdout);
    assert.deepEqual(await lab.node.weights(VS), allOf(lab));
    assert.deepEqual(await lab.node.weights(THIRD), allOf(lab));
    const cleaned = await lvscare(lab.node, ['care', '--config', file, '--clean']);
    assert.equal(cleaned.status, 0, cleaned.stderr);
    assert.equal(await lab.node.weights(VS), null);
    assert.equal(await lab.node.weights(THIRD), null);
  });
});
