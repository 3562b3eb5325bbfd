// One lvscare for each virtual server and network namespace.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, type LabProcess } from '../../lab/index.js';
import { asked } from './asked.js';
import { allOf, fingerprint, lvscare, serversOf, startCare, takeCare, untilWeights, VS } from './lvscare.js';

/** Has the name before lvscare, until it is ended. */
const SQUATTER = `
const name = '\\0lvscare/${VS}'.padEnd(108, '\\0');
require('node:net').createServer().listen(name, () => console.log('listening'));
`;

/** Connects to the name of the lock and to the control socket over and over, and says each second what came of it. */
const FLOOD = `
const { connect } = require('node:net');
const counts = { lock: [0, 0], socket: [0, 0] };
const again = (kind, path) => {
  const socket = connect(path, () => { counts[kind][0] += 1; socket.destroy(); });
  socket.on('error', () => { counts[kind][1] += 1; });
  socket.on('close', () => setImmediate(again, kind, path));
};
for (let time = 0; time < 10; time += 1) {
  again('lock', '\\0lvscare/${VS}'.padEnd(108, '\\0'));
  again('socket', '/run/lvscare/${VS}.sock');
}
setInterval(() => console.log('lock ' + counts.lock.join(' ECONNREFUSED ') + ' socket ' + counts.socket.join(' EACCES ')), 1000);
`;

/** What takes rights from a process, and the user that it then is. */
const SQUATTERS = {
  'a user': { uid: 65534, wrapper: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] },
  'root of a container of the host network without capabilities': {
    uid: 0,
    wrapper: ['setpriv', '--bounding-set=-all', '--inh-caps=-all'],
  },
} as const;

interface Finding {
  readonly name: string;
  readonly evidence: string;
  readonly remedy: string | null;
}

describe('lvscare care beside another', () => {
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
    assert.deepEqual(await holders(), [], 'nothing is left');
    await lvscare(lab.node, ['care', '--vs', VS, '-C']);
  });

  /** The pids of those who have the name of our virtual server, as `ss` shows them. */
  async function holders(): Promise<number[]> {
    const rows = (await lab.node.must('ss', ['-xlp'])).split('\n');
    return rows
      .filter((row) => row.includes(`@lvscare/${VS}@`))
      .map((row) => Number(/pid=(\d+)/.exec(row)?.[1]));
  }

  /** Runs a second one, which has to be refused, and to change nothing. */
  async function isRefused(
    args: readonly string[],
    says: RegExp,
    wrapper: readonly string[] = [],
  ): Promise<void> {
    const before = await fingerprint(lab.node);
    const { status, stdout, stderr } = await lvscare(lab.node, ['care', ...args], {}, wrapper);
    assert.equal(status, 1, stdout);
    assert.equal(stdout, '');
    assert.match(stderr, /^lvscare: [^\n]+\n$/, 'one line');
    assert.match(stderr.trimEnd(), says);
    assert.equal(await fingerprint(lab.node), before);
  }

  function another(who: string | number, advice: RegExp): RegExp {
    const process = typeof who === 'number' ? `process ${who}` : who;
    return new RegExp(
      `another lvscare \\(${process}\\) is at work on ${VS.replaceAll('.', String.raw`\.`)} in this network namespace: ${advice.source}`,
    );
  }

  it('is refused, names the other, and changes nothing: awake, asleep, and in a container of its own', async () => {
    const daemon = started(await takeCare(lab));
    assert.deepEqual(await holders(), [daemon.pid]);
    const servers = serversOf(lab, lab.masters.slice(0, 1));
    await isRefused(servers, another(daemon.pid, /one is enough$/));
    const outside = another('a process outside of this container', /one is enough$/);
    await isRefused(servers, outside, ['unshare', '--pid', '--fork']);
    daemon.signal('SIGSTOP');
    await isRefused(servers, another(daemon.pid, /one is enough$/));
    daemon.signal('SIGCONT');
    assert.deepEqual(await holders(), [daemon.pid]);
    await untilWeights(lab, allOf(lab));
  });

  it('is neither delayed nor deceived by a user who connects to its lock and to its socket without an end', async () => {
    started(await takeCare(lab));
    const flood = started(
      lab.node.spawn(SQUATTERS['a user'].wrapper[0], [
        ...SQUATTERS['a user'].wrapper.slice(1),
        ...[process.execPath, '-e', FLOOD],
      ]),
    );
    await flood.waitForLine(/^lock [1-9]\d* ECONNREFUSED [1-9]\d* socket 0 EACCES [1-9]\d*$/m);
    try {
      await lab.master(1).kill();
      await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
      const servers = serversOf(lab, lab.masters.slice(0, 1));
      // The kernel does not name the process while it has given up the name.
      await isRefused(servers, /another lvscare \((?:process \d|a process that)/);
      const { body } = await asked(lab.node, '/metrics');
      assert.doesNotMatch(body, /to="(sick|dead)",cause="(slow|silent|broken|tls|status)"\} [^0]/);
      const connected = Number(/^lock (\d+) /.exec(flood.text().trim().split('\n').at(-1) ?? '')?.[1]);
      // Each ten seconds at most those of a second and of the kernel's queue.
      assert.ok(connected < 5000, `${connected} connections were accepted`);
    } finally {
      await flood.stop();
      await lab.master(1).start();
    }
    await untilWeights(lab, allOf(lab));
  });

  it('--run-once and --clean are refused, which would undo what it knows, and be undone by it', async () => {
    const daemon = started(await takeCare(lab));
    await lab.master(1).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    await isRefused([...serversOf(lab), '--run-once'], another(daemon.pid, /stop it first: .*healthy/));
    await isRefused(['--vs', VS, '--clean'], another(daemon.pid, /stop it first: .*put back/));

    assert.equal(await daemon.stop(), 0);
    assert.deepEqual(await holders(), []);
    const once = await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once']);
    assert.equal(once.status, 0, once.stderr);
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    assert.equal((await lvscare(lab.node, ['care', '--vs', VS, '--clean'])).status, 0);
    assert.equal(await lab.node.weights(), null);
    await lab.master(1).start();
  });

  it('--dry-run keeps no other lvscare from its work, whichever comes first', async () => {
    const dry = started(startCare(lab, ['--dry-run']));
    await dry.waitForLine(/would create the virtual server/);
    assert.deepEqual(await holders(), []);
    const daemon = started(await takeCare(lab));
    assert.deepEqual(await holders(), [daemon.pid]);
    const second = started(startCare(lab, ['--dry-run']));
    await second.waitForLine(new RegExp(`${lab.master(0).endpoint} is up`));
    const clean = await lvscare(lab.node, ['care', '--vs', VS, '--clean', '--dry-run']);
    assert.equal(clean.status, 0);
    assert.match(clean.stdout, /would remove virtual server/);
    assert.equal(await second.stop(), 0);
    await untilWeights(lab, allOf(lab));
  });

  it('another virtual server, and the same one in another network namespace, are none of its business', async () => {
    const daemon = started(await takeCare(lab));
    const other = '10.103.97.3:6443';
    const rs = lab.masters.map((master) => master.endpoint);
    const servers = ['--vs', other, '--rs', rs.join(','), '--health-ca', lab.caFile];
    const beside = started(startCare(lab, [], servers));
    await untilWeights(lab, allOf(lab), { virtualServer: other });
    {
      await using elsewhere = await Lab.create({ masters: 1 });
      await takeCare(elsewhere);
      assert.deepEqual(await holders(), [daemon.pid]);
    }
    assert.equal(await beside.stop(), 0);
    assert.equal((await lvscare(lab.node, ['care', '--vs', other, '-C'])).status, 0);
    await untilWeights(lab, allOf(lab));
  });

  it('a start never removes the virtual server of a stopped lvscare with the same real servers; doctor names the command that does', async () => {
    const other = '10.103.97.3:6443';
    const servers = (vs: string): string[] => ['--vs', vs, ...serversOf(lab).slice(2)];
    const start = async (vs: string): Promise<LabProcess> => {
      const one = started(startCare(lab, ['--log-level', 'debug'], servers(vs)));
      await one.waitForLine(/reconciled/);
      await untilWeights(lab, allOf(lab), { virtualServer: vs });
      return one;
    };
    const both = (): Promise<LabProcess[]> => Promise.all([VS, other].map(start));
    for (const one of await both()) assert.equal(await one.stop(), 0);
    const records = await lab.node.must('sh', [
      '-c',
      'ls /run/lvscare/$(readlink /proc/self/ns/net | tr -dc 0-9)',
    ]);
    assert.deepEqual(records.trim().split('\n'), [
      `${VS}.json`,
      `${other}.json`,
      'net.ipv4.vs.expire_nodest_conn.sysctl',
    ]);
    const findingsOf = async (...args: string[]): Promise<ReadonlyMap<string, Finding>> => {
      const { stdout } = await lvscare(lab.node, ['doctor', '--json', ...args]);
      const { findings } = JSON.parse(stdout) as { findings: Finding[] };
      return new Map(findings.map((finding) => [finding.name, finding]));
    };
    const unnamed = await findingsOf();
    assert.equal(
      unnamed.get('arguments')?.evidence,
      `lvscare has records of several virtual servers (${VS}, ${other}); only the node itself is checked`,
    );
    for (const vs of [VS, other])
      assert.equal(unnamed.get(`records ${vs}`)?.remedy, `lvscare care --vs ${vs} --clean`);

    const [stopped, restarted] = await both();
    assert.ok(stopped !== undefined && restarted !== undefined);
    const clients = await Promise.all(
      [VS, other].map((vs) =>
        lab.node.steady({ everyMs: 100, url: `https://${vs}/whoami`, timeoutMs: 10_000 }),
      ),
    );
    assert.equal(await stopped.stop(), 0);
    assert.equal(await restarted.stop(), 0);
    const before = await fingerprint(lab.node);
    const daemon = await start(other);
    for (let pass = 0; pass < 3; pass += 1)
      await daemon.waitForLine(/reconciled/, { from: daemon.lines.length });
    assert.equal(await fingerprint(lab.node), before);
    for (const client of clients) {
      await client.stop();
      assert.ok(client.samples.length > 10);
      assert.deepEqual(client.failures, []);
    }

    const remedy = (await findingsOf(...servers(other))).get(`records ${VS}`)?.remedy ?? '';
    assert.equal(remedy, `lvscare care --vs ${VS} --clean`);
    assert.equal((await lvscare(lab.node, remedy.split(' ').slice(1))).status, 0);
    assert.equal(await lab.node.weights(VS), null);
    assert.deepEqual(await lab.node.weights(other), allOf(lab));
    assert.equal(await daemon.stop(), 0);
    assert.equal((await lvscare(lab.node, ['care', '--vs', other, '-C'])).status, 0);
  });

  it('takes over at once when the other was killed', async () => {
    const first = await takeCare(lab);
    await first.kill();
    const daemon = started(await takeCare(lab));
    assert.deepEqual(await holders(), [daemon.pid]);
    assert.doesNotMatch(daemon.text(), /second lvscare/);
  });

  it('of many that start at once exactly one is left, and does the work', async () => {
    const all = Array.from({ length: 4 }, () => started(startCare(lab)));
    const ended = await Promise.race(
      all.map((one) => Promise.all(all.filter((other) => other !== one).map(({ exited }) => exited))),
    );
    assert.deepEqual(ended, [1, 1, 1]);
    await untilWeights(lab, allOf(lab));
    const [winner, ...more] = await holders();
    assert.deepEqual(more, []);
    assert.ok(winner !== undefined);
    for (const { pid, text } of all.map((one) => ({ pid: one.pid, text: one.text('stderr') })))
      if (pid !== winner) assert.match(text.trimEnd(), another(winner, /one is enough$/));
      else assert.equal(text, '');
  });

  for (const [who, { uid, wrapper }] of Object.entries(SQUATTERS))
    it(`${who} that has the name of the lock keeps no lvscare out, and lets no second one in; the name is taken when it is free`, async () => {
      const [command, ...args] = wrapper;
      const squatter = started(lab.node.spawn(command, [...args, process.execPath, '-e', SQUATTER]));
      await squatter.waitForLine(/listening/);
      assert.deepEqual(await holders(), [squatter.pid]);
      const daemon = started(await takeCare(lab));
      await daemon.waitForLine(/reconciled|added/);
      const named = `instance lock acquired without its name: process ${squatter.pid} (uid ${uid}) has its name and is not an lvscare`;
      assert.equal(daemon.text().split(named).length - 1, 1, daemon.text());
      await isRefused(serversOf(lab), another('a process that the kernel does not name', /one is enough$/));
      await isRefused(
        ['--vs', VS, '--clean'],
        another('a process that the kernel does not name', /stop it first/),
      );
      const { stdout } = await lvscare(lab.node, ['status', '--json']);
      assert.match(stdout, /"lvscare": "answers"/);

      await squatter.stop();
      await daemon.waitForLine(/instance lock: its name is free again, and taken/);
      assert.deepEqual(await holders(), [daemon.pid]);
      await isRefused(serversOf(lab), another(daemon.pid, /one is enough$/));
      assert.equal(await daemon.stop(), 0);
      assert.equal((await lvscare(lab.node, ['care', '--vs', VS, '--clean'])).status, 0);
      assert.equal(await lab.node.weights(), null);
    });
});
