import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { timeLimit } from '../../lab/time-limit.js';
import {
  allOf,
  answerers,
  fingerprint,
  lvscare,
  restore,
  serversOf,
  startCare,
  takeCare,
  untilWeights,
  VS,
} from './lvscare.js';

describe('the life of lvscare care', () => {
  let lab: Lab;
  let daemon: LabProcess | null = null;
  let bare = '';
  before(async () => {
    lab = await Lab.create();
    bare = await fingerprint(lab.node);
  });
  after(() => lab.close());
  afterEach(async () => {
    await daemon?.stop();
    daemon = null;
    // Whatever a test that failed left behind.
    await restore(lab);
    await lvscare(lab.node, ['care', '--vs', VS, '-C']);
  });

  it('kill -9 and a restart change nothing in the table, and cut no connection', async () => {
    daemon = await takeCare(lab);
    const connections = await Promise.all(lab.masters.map(() => lab.node.open()));
    const served = await Promise.all(connections.map(async (connection) => (await connection.whoami()).name));
    const steady = await lab.node.steady({ everyMs: 50 });
    await daemon.waitForLine(/added .*202:6443/);
    const before = await fingerprint(lab.node);

    await daemon.kill();
    assert.equal(await fingerprint(lab.node), before);
    daemon = startCare(lab, ['--log-level', 'debug']);
    for (const { addresses } of lab.masters)
      await daemon.waitForLine(new RegExp(`${addresses.ipv4}:6443 is up`));
    await daemon.waitForLine(/reconciled/);
    assert.match(
      daemon.text(),
      /adopting 10\.103\.97\.2:6443 as the kernel has it: (10\.103\.97\.20\d:6443 with weight 1(, |\n)){3}/,
    );
    assert.equal(await fingerprint(lab.node), before);
    assert.doesNotMatch(
      daemon.text(),
      /created|added|set |removed|repaired/,
      'the restart had nothing to do',
    );

    const after = await Promise.all(connections.map(async (connection) => (await connection.whoami()).name));
    assert.deepEqual(after, served, 'the same connections, to the same servers');
    await steady.stop();
    assert.ok(steady.samples.length > 5);
    assert.deepEqual(steady.failures, []);
    for (const connection of connections) await connection.close();
  });

  it('SIGTERM and SIGINT leave the rules, and end it with status 0 though a probe hangs', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      daemon = await takeCare(lab, ['--health-timeout', '5m']);
      const asked = async (): Promise<number> => (await lab.master(0).stats()).requests['GET /healthz'] ?? 0;
      const count = await asked();
      await lab.master(0).hang();
      const before = await fingerprint(lab.node);
      await until(async () => (await asked()) > count, {
        everyMs: 100,
        timeoutMs: 30_000,
        what: 'a probe hangs',
      });
      daemon.signal(signal);
      const patience = delay(timeLimit(30_000), 'it waits for the probe', { ref: false });
      assert.equal(await Promise.race([daemon.exited, patience]), 0);
      assert.equal(await fingerprint(lab.node), before);
      assert.equal((await answerers(lab, 3)).filter((name) => name.startsWith('master')).length, 3);
      await lab.master(0).heal();
    }
  });

  it('SIGHUP and SIGUSR2 leave a line each, SIGUSR1 a summary; they end nothing, change nothing and open no debugger', async () => {
    daemon = await takeCare(lab);
    const before = await fingerprint(lab.node);
    const listening = async (): Promise<string> => await lab.node.must('ss', ['-Hltn']);
    const ports = await listening();
    for (const signal of ['SIGHUP', 'SIGUSR2'] as const) {
      daemon.signal(signal);
      await daemon.waitForLine(new RegExp(`WARN: ${signal}: ignored`));
    }
    for (let time = 0; time < 2; time += 1) {
      const from = daemon.lines.length;
      daemon.signal('SIGUSR1');
      await daemon.waitForLine(
        /INFO: 10\.103\.97\.2:6443 was taken care of for .*: 3 transitions, 0 repairs/,
        { from },
      );
      for (const { endpoint } of lab.masters)
        await daemon.waitForLine(new RegExp(`INFO:   ${endpoint} +up +for .* probes?, 0 failed`), { from });
    }
    assert.equal(await listening(), ports);
    assert.doesNotMatch(daemon.text(), /debugger/i);
    assert.equal(await fingerprint(lab.node), before);
    // It works on: a row that is deleted comes back.
    await lab.node.must('ipvsadm', ['-D', '-t', VS]);
    await untilWeights(lab, allOf(lab));
    daemon.signal('SIGTERM');
    assert.equal(await daemon.exited, 0);
  });

  it('-C leaves no trace, and the second time finds nothing to do', async () => {
    daemon = await takeCare(lab);
    await daemon.stop();
    const first = await lvscare(lab.node, ['care', '--vs', VS, '-C']);
    assert.equal(first.status, 0);
    assert.match(first.stdout, /removed virtual server 10\.103\.97\.2:6443/);
    assert.match(first.stdout, /removed route local 10\.103\.97\.2 dev lo/);
    assert.equal(await fingerprint(lab.node), bare);
    const second = await lvscare(lab.node, ['care', '--vs', VS, '--clean']);
    assert.equal(second.status, 0);
    assert.match(second.stdout, /nothing of 10\.103\.97\.2:6443 was there/);
    assert.equal(await fingerprint(lab.node), bare);
  });

  it('--run-once probes once and uses the servers that answer, so that no connection of a join fails', async () => {
    const once = async (): Promise<string> => {
      const { status, stdout } = await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once']);
      assert.equal(status, 0, stdout);
      return stdout;
    };
    await lab.master(0).kill();
    // A host that is gone: its silence must not keep the node from joining.
    await lab.master(1).cut();
    await once();
    await untilWeights(lab, { [lab.master(2).endpoint]: 1 });
    assert.deepEqual(new Set(await answerers(lab, 12)), new Set(['master2']));
    await lab.master(0).start();
    await once();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    // A server in the table that does not answer now keeps its row, and with it its connections.
    await lab.master(0).hang();
    await once();
    await untilWeights(lab, { [lab.master(0).endpoint]: 0, [lab.master(2).endpoint]: 1 });
    await lab.master(0).heal();
    // Before kubeadm init no apiserver is there.
    for (const master of lab.masters) await master.kill();
    assert.match(await once(), /no real server answered as a healthy one does: all are used/);
    await untilWeights(lab, allOf(lab));
  });

  it('--run-once --trust sets everything up without a probe, twice the same, and removes what is not configured', async () => {
    await lab.master(2).kill();
    const once = await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once', '--trust']);
    assert.equal(once.status, 0, once.stdout);
    await untilWeights(lab, allOf(lab));
    assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn'), '1');
    const route = (await lab.node.routes('local')).find(({ dst }) => dst === '10.103.97.2');
    assert.equal(route?.['dev'], 'lo');
    assert.equal(route['prefsrc'], lab.node.addresses.ipv4);
    const before = await fingerprint(lab.node);
    await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once', '--trust']);
    assert.equal(await fingerprint(lab.node), before);
    const fewer = serversOf(lab, lab.masters.slice(0, 2));
    assert.equal((await lvscare(lab.node, ['care', ...fewer, '--run-once'])).status, 0);
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(1).endpoint]: 1 });
    await lab.master(2).start();
  });

  it('--run-once fails, and says why, when the kernel has no such scheduler', async () => {
    const { status, stdout } = await lvscare(lab.node, [
      'care',
      ...serversOf(lab),
      '--run-once',
      '--scheduler',
      'nosuch',
    ]);
    assert.equal(status, 1);
    assert.match(stdout, /the kernel has no scheduler nosuch: load it with modprobe ip_vs_nosuch/);
    assert.equal(await lab.node.weights(VS), null);
  });

  it('--dry-run says what it would do, and changes nothing', async () => {
    daemon = startCare(lab, ['--dry-run']);
    await daemon.waitForLine(/would create the virtual server with scheduler rr/);
    for (const { addresses } of lab.masters) {
      await daemon.waitForLine(new RegExp(`would add ${addresses.ipv4}:6443 with weight 1`));
    }
    await daemon.waitForLine(/would create local route: no route local 10\.103\.97\.2 dev lo/);
    await daemon.stop();
    assert.match(
      daemon.text(),
      /would change: create the virtual server with scheduler rr, add .*, create local route/,
    );
    assert.equal(await fingerprint(lab.node), bare);
    const once = await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once', '--dry-run']);
    assert.match(once.stdout, /would change: create the virtual server with scheduler rr, add .*\n$/);
    assert.equal(await fingerprint(lab.node), bare);
  });

  it('--dry-run beside a daemon would change nothing', async () => {
    daemon = await takeCare(lab);
    const dry = startCare(lab, ['--dry-run', '--log-level', 'debug']);
    for (const { endpoint } of lab.masters) await dry.waitForLine(new RegExp(`${endpoint} is up`));
    await dry.waitForLine(/reconciled/);
    await dry.stop();
    assert.match(dry.text(), /would change: nothing/);
  });

  it('a master that left --rs is drained and removed, one that joined is added', async () => {
    daemon = await takeCare(lab);
    const connections = await Promise.all(lab.masters.map(() => lab.node.open()));
    const served = await Promise.all(connections.map(async (connection) => (await connection.whoami()).name));
    const leaving = connections[served.indexOf('master2')];
    assert.ok(leaving !== undefined);
    await daemon.stop();

    daemon = startCare(lab, [], serversOf(lab, lab.masters.slice(0, 2)));
    const two = { [lab.master(0).endpoint]: 1, [lab.master(1).endpoint]: 1 };
    await untilWeights(lab, { ...two, [lab.master(2).endpoint]: 0 });
    assert.equal((await leaving.whoami()).name, 'master2', 'its connection goes on');
    await daemon.stop();
    await leaving.close();

    daemon = startCare(lab, ['--drain-timeout', '1s'], serversOf(lab, lab.masters.slice(0, 2)));
    await untilWeights(lab, two);
    await daemon.stop();
    daemon = await takeCare(lab);
    for (const connection of connections.filter((other) => other !== leaving)) await connection.close();
  });

  it('the log in JSON is one object a line, with the fields of a transition', async () => {
    daemon = startCare(lab, ['--log-format', 'json']);
    await untilWeights(lab, allOf(lab));
    await daemon.waitForLine(/202:6443 is up/);
    const entries = daemon.lines
      .filter(({ stream }) => stream === 'stdout')
      .map(({ text }) => JSON.parse(text) as Record<string, unknown>);
    const start = entries.find(({ event }) => event === 'start');
    assert.equal(start?.['nodeAddress'], '10.103.97.100');
    const adopted = entries.find(({ event }) => event === 'adopted');
    assert.deepEqual([adopted?.['scheduler'], adopted?.['destinations']], [null, []]);
    const transition = entries.find(
      (entry) => entry['rs'] === lab.master(0).endpoint && entry['to'] === 'up',
    );
    assert.deepEqual(
      [transition?.['level'], transition?.['from'], transition?.['evidence']],
      ['info', 'unknown', 'ok'],
    );
    assert.equal(daemon.text('stderr'), '');
  });

  it('settings come from the environment too, and the command line wins', async () => {
    const env = {
      CARE_VS: VS,
      CARE_RS: lab.master(0).endpoint,
      CARE_SCHEDULER: 'wlc',
      LVSCARE_NODE_IP: '10.103.97.100',
    };
    const { status } = await lvscare(lab.node, ['care', '--run-once', '--scheduler', 'lc', 'stray'], env);
    assert.equal(status, 0);
    const [service] = await lab.node.table();
    assert.equal(service?.scheduler, 'lc');
    assert.deepEqual(
      service.realServers.map((row) => row.endpoint),
      [lab.master(0).endpoint],
    );
  });

  it('--mode none leaves the way to others', async () => {
    const { status } = await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once', '--mode', 'none']);
    assert.equal(status, 0);
    await untilWeights(lab, allOf(lab));
    assert.equal(
      (await lab.node.routes('local')).some(({ dst }) => dst === '10.103.97.2'),
      false,
    );
  });

  it('IPv6 is the same', async () => {
    const [vs6, rs6] = ['[fd00:10:103:97::2]:6443', lab.masters.map((master) => master.endpoint6)];
    const servers = ['--vs', vs6, '--rs', rs6.join(','), '--health-ca', lab.caFile];
    daemon = startCare(lab, [], servers);
    const all = Object.fromEntries(rs6.map((server) => [server, 1]));
    await untilWeights(lab, all, { virtualServer: vs6 });
    const result = await lab.node.request(lab.node.vipUrl('/whoami', 'ipv6'));
    assert.ok(result.ok && result.whoami?.remoteAddress === lab.node.addresses.ipv6, JSON.stringify(result));
    await lab.master(1).kill();
    const [first = '', , third = ''] = rs6;
    await untilWeights(lab, { [first]: 1, [third]: 1 }, { virtualServer: vs6 });
    // Before: it may be repaired before we hear that it is gone.
    const from = daemon.lines.length;
    await lab.node.ip('-6 route del local fd00:10:103:97::2 dev lo table local');
    await daemon.waitForLine(/local route (created|repaired).*fd00/, { from });
    await lab.master(1).start();
    await untilWeights(lab, all, { virtualServer: vs6 });
    await daemon.stop();
    assert.equal((await lvscare(lab.node, ['care', '--vs', vs6, '-C'])).status, 0);
    assert.equal(await fingerprint(lab.node), bare);
  });
});
