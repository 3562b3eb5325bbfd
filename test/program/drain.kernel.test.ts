// lvscare drain and undrain, beside a daemon and without.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import type { Status } from '../../src/status/status.js';
import { connectionTo } from './clients.js';
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

describe('a real server that is drained by hand', () => {
  let lab: Lab;
  let daemon: LabProcess | null = null;
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  afterEach(async () => {
    await daemon?.stop();
    daemon = null;
    await restore(lab);
    await lvscare(lab.node, ['care', '--vs', VS, '-C']);
  });

  /** `lvscare drain` or `undrain` of a master, which has to succeed; what it says. */
  async function does(
    command: 'drain' | 'undrain',
    index: number,
    ...options: readonly string[]
  ): Promise<string> {
    const args = [command, lab.master(index).endpoint, ...options];
    const { status, stdout, stderr } = await lvscare(lab.node, args);
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    return stdout;
  }

  /** All masters with weight 1, but for those given. */
  function but(others: Readonly<Record<number, number | null>>): Record<string, number> {
    return Object.fromEntries(
      lab.masters.flatMap(({ endpoint }, index) => {
        const weight = others[index] === undefined ? 1 : others[index];
        return weight === null ? [] : [[endpoint, weight] as const];
      }),
    );
  }

  async function drainedInStatus(): Promise<readonly string[]> {
    const { stdout } = await lvscare(lab.node, ['status', '--json']);
    const [one] = (JSON.parse(stdout) as Status).virtualServers;
    const known = one?.drained.map(({ server }) => server) ?? [];
    if (one !== undefined && one.care !== null)
      assert.deepEqual(
        one.care.servers.filter(({ drained }) => drained !== null).map(({ server }) => server),
        known,
      );
    return known;
  }

  it('is completed by bash, of those that the kernel has, and those that are drained', async () => {
    daemon = await takeCare(lab);
    const { stdout: script } = await lvscare(lab.node, ['completion', 'bash']);
    const offered = async (command: string): Promise<readonly string[]> => {
      const line = `lvscare ${command} `;
      const source = `${script}\nCOMP_LINE='${line}' COMP_POINT=${line.length}; _lvscare; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return (await lab.node.exec('bash', ['-c', source])).stdout.trim().split('\n');
    };
    const all = lab.masters.map(({ endpoint }) => endpoint);
    assert.deepEqual(await offered('drain'), all.toSorted());
    assert.deepEqual(await offered('status --vs'), [VS]);
    assert.deepEqual(await offered('undrain'), ['']);
    await does('drain', 1);
    assert.deepEqual(await offered('undrain'), [lab.master(1).endpoint]);
    await does('undrain', 1);
  });

  it('finishes its connections and gets no new ones, also after kill -9, until it is undrained', async () => {
    daemon = await takeCare(lab, ['--drain-timeout', '1s']);
    const { name, endpoint } = lab.master(1);
    const connection = await connectionTo(lab, name);
    assert.match(
      await does('drain', 1),
      new RegExp(`^${VS}: ${endpoint} is drained: no new connections; 1 established\n$`),
    );
    // At once: nobody waits for it.
    assert.deepEqual(await lab.node.weights(), but({ 1: 0 }));
    await daemon.waitForLine(new RegExp(`${endpoint} is drained by hand`));
    assert.ok(!(await answerers(lab, 6)).includes(name));
    assert.equal((await connection.whoami()).name, name);
    assert.deepEqual(await drainedInStatus(), [endpoint]);
    assert.match(
      (await lvscare(lab.node, ['status'])).stdout,
      new RegExp(`${endpoint} +Masq +0 +1 .* up, drained .* drained by hand`),
    );

    // Probing goes on, and its time is never over.
    const asked = async (): Promise<number> => (await lab.master(1).stats()).requests['GET /healthz'] ?? 0;
    const count = await asked();
    await until(async () => (await asked()) >= count + 3, { timeoutMs: 60_000, everyMs: 200 });
    assert.deepEqual(await lab.node.weights(), but({ 1: 0 }));

    await daemon.kill();
    daemon = startCare(lab, ['--drain-timeout', '1s']);
    await daemon.waitForLine(new RegExp(`${endpoint} stays drained by hand, since `));
    for (const master of lab.masters) await daemon.waitForLine(new RegExp(`${master.endpoint} is up`));
    assert.deepEqual(await lab.node.weights(), but({ 1: 0 }));
    assert.equal((await connection.whoami()).name, name);
    assert.doesNotMatch(daemon.text(), /to weight/, 'it had nothing to do');

    assert.match(
      await does('undrain', 1),
      new RegExp(`^${VS}: ${endpoint} is no longer drained, and serves\n$`),
    );
    assert.deepEqual(await lab.node.weights(), allOf(lab));
    assert.ok((await answerers(lab, 6)).includes(name));
    assert.deepEqual(await drainedInStatus(), []);
    assert.equal((await connection.whoami()).name, name);
    await connection.close();
  });

  it('serves as a last resort when all others are down, and rests again when one is back', async () => {
    daemon = await takeCare(lab);
    await does('drain', 1);
    await lab.master(0).kill();
    await lab.master(2).kill();
    await untilWeights(lab, but({ 0: null, 2: null }));
    assert.deepEqual(await answerers(lab, 2), [lab.master(1).name, lab.master(1).name]);
    await daemon.waitForLine(/no real server is up that is not drained: as a last resort/);
    assert.match(await does('drain', 1), /was drained already, but keeps serving as a last resort/);
    await lab.master(0).start();
    await untilWeights(lab, but({ 1: 0, 2: null }));
    assert.deepEqual(await answerers(lab, 2), [lab.master(0).name, lab.master(0).name]);
  });

  it('goes like any other when it dies, and comes back drained', async () => {
    daemon = await takeCare(lab);
    await does('drain', 1);
    await lab.master(1).kill();
    await untilWeights(lab, but({ 1: null }));
    assert.match(await does('drain', 1), /was drained already; it is dead, and not in the kernel's table/);
    const from = daemon.lines.length;
    await lab.master(1).start();
    await daemon.waitForLine(new RegExp(`${lab.master(1).endpoint} is up`), { from });
    assert.match(await does('drain', 1), /was drained already; it is up, and not in the kernel's table/);
    await does('undrain', 1);
    assert.deepEqual(await lab.node.weights(), allOf(lab));
  });

  it('that is unknown is refused, with those that there are, and nothing changes', async () => {
    daemon = await takeCare(lab);
    const before = await fingerprint(lab.node);
    const known = lab.masters.map(({ endpoint }) => endpoint).join(', ');
    const refusals: readonly (readonly [args: readonly string[], says: string])[] = [
      [
        ['drain', '10.0.0.9:6443'],
        `lvscare drain: expected a real server of ${VS}: ${known}, got "10.0.0.9:6443"\n`,
      ],
      [
        ['undrain', '10.0.0.9:6443', '--vs', VS],
        `lvscare undrain: expected a real server of ${VS}: ${known}, got "10.0.0.9:6443"\n`,
      ],
      [['drain'], 'lvscare drain: expected one real server, IP:PORT, got nothing\n'],
      [['drain', 'm1'], 'lvscare drain: expected IP:PORT or [IPv6]:PORT with a numeric address, got "m1"\n'],
      [
        ['drain', lab.master(0).endpoint, '--vs', '10.103.97.9:6443'],
        `lvscare drain: expected a real server of 10.103.97.9:6443, of which none is known, got "${lab.master(0).endpoint}"\n`,
      ],
    ];
    for (const [args, says] of refusals) {
      const { status, stdout, stderr } = await lvscare(lab.node, args);
      assert.deepEqual([status, stdout, stderr], [2, '', says]);
    }
    assert.equal(await fingerprint(lab.node), before);
    assert.deepEqual(await drainedInStatus(), []);
  });

  it('without a daemon is drained by the next one; until then the kernel stays as it is', async () => {
    daemon = await takeCare(lab);
    await daemon.stop();
    const before = await fingerprint(lab.node);
    const { endpoint } = lab.master(1);
    for (let time = 0; time < 2; time += 1)
      assert.match(
        await does('drain', 1),
        /will be drained when lvscare is started; none is running, .*ipvsadm -e/,
      );
    assert.equal((await lvscare(lab.node, ['drain', '10.0.0.9:6443'])).status, 2);
    assert.equal(await fingerprint(lab.node), before);
    assert.deepEqual(await drainedInStatus(), [endpoint]);
    assert.match((await lvscare(lab.node, ['status'])).stdout, /drained by hand \d+ .* ago/);

    const dry = startCare(lab, ['--dry-run']);
    await dry.waitForLine(new RegExp(`would set ${endpoint} to weight 0`));
    await dry.stop();
    assert.equal(await fingerprint(lab.node), before);
    const once = await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once']);
    assert.equal(once.status, 0, once.stderr);
    assert.deepEqual(await lab.node.weights(), but({ 1: 0 }));
    await lab.node.ipvsadm(`-e -t ${VS} -r ${endpoint} -m -w 1`);
    daemon = startCare(lab);
    await untilWeights(lab, but({ 1: 0 }));
    await daemon.stop();

    await does('undrain', 1);
    daemon = startCare(lab);
    await untilWeights(lab, allOf(lab));
  });

  it('without a daemon is saved for each of many servers at the same time', async () => {
    daemon = await takeCare(lab);
    await daemon.stop();
    await Promise.all(lab.masters.map((_, index) => does('drain', index, '--force')));
    assert.deepEqual(
      [...(await drainedInStatus())].sort(),
      lab.masters.map(({ endpoint }) => endpoint).sort(),
    );
    await Promise.all(lab.masters.map((_, index) => does('undrain', index)));
    assert.deepEqual(await drainedInStatus(), []);
  });

  it('is refused if no other one would serve, but for --force, with a daemon and without', async () => {
    daemon = await takeCare(lab);
    const [first, second, last] = lab.masters.map(({ endpoint }) => endpoint);
    const refused = async (says: string): Promise<void> => {
      const before = await fingerprint(lab.node);
      const { status, stdout, stderr } = await lvscare(lab.node, ['drain', String(last)]);
      assert.deepEqual(
        [status, stdout, stderr],
        [
          1,
          '',
          `lvscare: ${VS}: no other real server is up that is not drained, so ${says} would serve as a last resort: to drain it all the same, add --force\n`,
        ],
      );
      assert.equal(await fingerprint(lab.node), before);
    };
    await does('drain', 0);
    await lab.master(1).kill();
    await untilWeights(lab, but({ 0: 0, 1: null }));
    await refused(`${last} and ${first}`);
    assert.match(await does('drain', 2, '--force'), /is drained, but keeps serving as a last resort/);
    await untilWeights(lab, but({ 1: null }));
    await does('undrain', 2);
    await daemon.stop();
    assert.match(await does('drain', 1), /will be drained when lvscare is started/);
    await refused(`${last} and ${first} and ${second}`);
    assert.match(await does('drain', 2, '--force'), /will be drained when lvscare is started/);
    for (const index of [0, 1, 2]) await does('undrain', index);
  });

  it('while lvscare is stopped is an error, and does not happen later', async () => {
    daemon = await takeCare(lab);
    daemon.signal('SIGSTOP');
    const { status, stdout, stderr } = await lvscare(lab.node, ['drain', lab.master(1).endpoint]);
    assert.deepEqual([status, stdout], [1, '']);
    assert.equal(
      stderr,
      `lvscare: ${VS}: its lvscare cannot be reached: no answer within 8 s; it ignores this request if it reads it later\n`,
    );
    daemon.signal('SIGCONT');
    // The answer comes after whatever waited at the socket.
    assert.deepEqual(await drainedInStatus(), []);
    assert.deepEqual(await lab.node.weights(), allOf(lab));
    assert.doesNotMatch(daemon.text(), /drained by hand/);
  });

  it('is forgotten when it is no longer configured, and by --clean', async () => {
    daemon = await takeCare(lab);
    const { endpoint } = lab.master(1);
    await does('drain', 1);
    await daemon.stop();
    daemon = startCare(lab, [], serversOf(lab, [lab.master(0), lab.master(2)]));
    await daemon.waitForLine(new RegExp(`${endpoint} was drained, and is no longer configured`));
    await untilWeights(lab, but({ 1: null }));
    await daemon.stop();
    daemon = await takeCare(lab);
    assert.deepEqual(await drainedInStatus(), []);

    await does('drain', 1);
    await daemon.stop();
    assert.equal((await lvscare(lab.node, ['care', '--vs', VS, '--clean'])).status, 0);
    daemon = await takeCare(lab);
    assert.deepEqual(await drainedInStatus(), []);
  });

  it('while lvscare is being started takes place all the same', async () => {
    daemon = await takeCare(lab);
    await daemon.stop();
    daemon = startCare(lab);
    await does('drain', 1);
    await untilWeights(lab, but({ 1: 0 }));
    assert.deepEqual(await drainedInStatus(), [lab.master(1).endpoint]);
  });
});
