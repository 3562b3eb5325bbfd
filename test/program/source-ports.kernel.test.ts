/** Whether lvscare copes with packet filters that pass no answer to the ports that probes prefer, and reports them. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, until, type LabProcess, type Master } from '../../lab/index.js';
import { asked } from './asked.js';
import { allOf, answerers, lvscare, restore, serversOf, startCare, untilWeights, VS } from './lvscare.js';

/** A stateless filter that passes answers only to ports that the kernel gives to clients, on the node and on a master. */
const filterAt = (hook: 'input' | 'output'): string =>
  `table inet stateless {\nchain ${hook} { type filter hook ${hook} priority 0; tcp sport 6443 tcp dport > 60999 drop; }\n}\n`;
const ON_NODE = filterAt('input');
const ON_MASTER = filterAt('output');
const QUICK = ['--connect-timeout', '500ms', '--handshake-interval', '1s', '--max-hold', '0'];
const FILTERED =
  /WARN: source ports: 10\.103\.97\.20\d:6443 answers to ports that the kernel chooses, which probes use now, but not to ports 61440-65535: .*--health-source-ports kernel/;
const OVER = /INFO: answers to ports 61440-65535 arrive again: probes use them/;

describe('a packet filter that drops answers to the ports of probes', () => {
  let lab: Lab;
  let daemon: LabProcess | null = null;
  const filtered: (Lab['node'] | Master)[] = [];
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  afterEach(async () => {
    await daemon?.stop();
    daemon = null;
    for (const host of filtered.splice(0)) await pass(host);
    await restore(lab);
  });

  async function filter(host: Lab['node'] | Master, rules: string): Promise<void> {
    filtered.push(host);
    const { status, stderr } = await host.exec('nft', ['-f', '-'], { input: rules });
    assert.equal(status, 0, stderr);
  }

  async function pass(host: Lab['node'] | Master): Promise<void> {
    await host.exec('nft', ['delete', 'table', 'inet', 'stateless']);
  }

  function start(...extra: string[]): LabProcess {
    daemon = startCare(lab, [...QUICK, ...extra]);
    return daemon;
  }

  /** The states of real servers, and whether ports are among the troubles, in what lvscare reports. */
  async function reported(): Promise<{ states: string[]; inStatus: boolean; inMetrics: boolean }> {
    const { stdout } = await lvscare(lab.node, ['status', '--json']);
    const [{ care }] = (JSON.parse(stdout) as Reported).virtualServers;
    const { body } = await asked(lab.node, '/metrics');
    return {
      states: care.servers.map(({ state }) => state),
      inStatus: care.troubles.some(({ what }) => what === 'source ports'),
      inMetrics: /^lvscare_trouble\{[^}]*what="source ports"[^}]*\} 1$/m.test(body),
    };
  }
  interface Reported {
    readonly virtualServers: readonly [
      {
        readonly care: {
          readonly servers: readonly { state: string }[];
          readonly troubles: readonly { what: string }[];
        };
      },
    ];
  }

  /** What doctor finds about the ports. */
  async function doctor(
    ...extra: string[]
  ): Promise<{ verdict: string; evidence: string; silent: string[] }> {
    const { stdout } = await lvscare(lab.node, [
      'doctor',
      '--json',
      ...serversOf(lab),
      ...QUICK.slice(0, 2),
      ...extra,
    ]);
    const { findings } = JSON.parse(stdout) as {
      findings: { name: string; verdict: string; evidence: string }[];
    };
    const found = findings.find(({ name }) => name === 'source-ports');
    assert.ok(found !== undefined, stdout);
    const silent = findings.filter(
      ({ name, evidence }) => name.startsWith('rs ') && evidence.startsWith('silent'),
    );
    return { ...found, silent: silent.map(({ name }) => name) };
  }

  /** The source ports of the connections that lvscare keeps, without those of its probe of the virtual server. */
  async function ports(): Promise<number[]> {
    const text = await lab.node.must('ss', ['-Htnp', 'state', 'established', 'dport', '=', ':6443']);
    return [...text.matchAll(/^\d+ +\d+ +\S+:(\d+) +(\S+) .*pid=(\d+)/gm)].flatMap(([, port, peer, pid]) =>
      Number(pid) === daemon?.pid && peer !== VS ? [Number(port)] : [],
    );
  }

  it("makes no server silent: lvscare uses the kernel's ports, and reports that until answers arrive again", async () => {
    await filter(lab.node, ON_NODE);
    const running = start();
    await running.waitForLine(FILTERED);
    await untilWeights(lab, allOf(lab));
    for (const master of lab.masters) await running.waitForLine(new RegExp(`${master.endpoint} is up`));
    assert.deepEqual(await reported(), { states: ['up', 'up', 'up'], inStatus: true, inMetrics: true });
    assert.equal(new Set(await answerers(lab, 3)).size, 3);
    const found = await doctor();
    assert.deepEqual([found.verdict, found.silent], ['warn', []]);
    assert.match(
      found.evidence,
      /: no answer to ports 61440-65535, which probes use, but to a port that the kernel chose/,
    );
    assert.equal((await doctor('--health-source-ports', '62000-62999')).verdict, 'fail');
    assert.equal(running.lines.filter(({ text }) => text.includes('source ports:')).length, 1);

    await pass(lab.node);
    await running.waitForLine(OVER);
    assert.deepEqual(await reported(), { states: ['up', 'up', 'up'], inStatus: false, inMetrics: false });
    assert.equal((await doctor()).verdict, 'ok');
    const all = async (): Promise<boolean> => (await ports()).every((port) => port > 60999);
    await until(all, { timeoutMs: 30_000, everyMs: 500, what: 'all ports are those of the range' });
  });

  it('is reported once it begins, also on one master only', async () => {
    const running = start();
    for (const master of lab.masters) await running.waitForLine(new RegExp(`${master.endpoint} is up`));
    const [first] = lab.masters;
    assert.ok(first !== undefined);
    const from = running.lines.length;
    await filter(first, ON_MASTER);
    await running.waitForLine(FILTERED, { from });
    await untilWeights(lab, allOf(lab));
    await pass(first);
    await running.waitForLine(OVER, { from });
    await untilWeights(lab, allOf(lab));
  });

  it('makes no difference with --health-source-ports kernel', async () => {
    await filter(lab.node, ON_NODE);
    const running = start('--health-source-ports', 'kernel');
    for (const master of lab.masters) await running.waitForLine(new RegExp(`${master.endpoint} is up`));
    assert.deepEqual(await reported(), { states: ['up', 'up', 'up'], inStatus: false, inMetrics: false });
    assert.doesNotMatch(running.text(), /WARN: (?!.*note)|source ports/);
    assert.equal((await doctor('--health-source-ports', 'kernel')).verdict, 'ok');
  });

  it('makes no difference with a range that it passes, from which all probes come', async () => {
    await filter(lab.node, ON_NODE);
    const running = start('--health-source-ports', '50000-50999');
    for (const master of lab.masters) await running.waitForLine(new RegExp(`${master.endpoint} is up`));
    let used: readonly number[] = [];
    const isKeptToEach = async (): Promise<boolean> => {
      used = await ports();
      return used.length >= lab.masters.length;
    };
    await until(isKeptToEach, {
      timeoutMs: 10_000,
      everyMs: 100,
      what: 'a connection is kept to each master',
    });
    assert.ok(
      used.every((port) => port >= 50000 && port <= 50999),
      used.join(' '),
    );
    assert.deepEqual(await reported(), { states: ['up', 'up', 'up'], inStatus: false, inMetrics: false });
  });

  it('is not reported when masters are cut off, nor when the network of the node is', async () => {
    const running = start();
    for (const master of lab.masters) await running.waitForLine(new RegExp(`${master.endpoint} is up`));
    await lab.master(1).cut();
    await running.waitForLine(/201:6443 is dead/);
    await lab.node.cut();
    await running.waitForLine(/last resort/);
    const from = running.lines.length;
    await restore(lab);
    await running.waitForLine(/last resort is over/, { from });
    await untilWeights(lab, allOf(lab));
    assert.doesNotMatch(running.text(), /source ports|arrive again/);
  });
});
