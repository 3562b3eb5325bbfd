// --prefer-local on a control-plane node: the first master is the node itself.
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { BusyClient, connectionTo } from './clients.js';
import { allOf, answerers, lvscare, restore, serversOf, startCare, untilWeights, VS } from './lvscare.js';

describe('with --prefer-local', () => {
  let lab: Lab;
  let daemon: LabProcess;
  let directory = '';
  let file = '';
  before(async () => {
    lab = await Lab.create({ masters: 3, nodeServes: true });
    directory = await mkdtemp(join(tmpdir(), 'lvscare-prefer-local-'));
    file = join(directory, 'lvscare.yaml');
  });
  after(async () => {
    await lab.close();
    await rm(directory, { recursive: true });
  });
  beforeEach(async () => {
    await configure(true);
    daemon = startCare(lab, ['--config', file, '--metrics-addr', 'off']);
    await untilWeights(lab, onlyOwn());
    await until(async () => (await lab.node.request()).ok, { timeoutMs: 30_000 });
  });
  afterEach(async () => {
    await daemon.stop();
    await restore(lab);
    await lvscare(lab.node, ['care', '--vs', VS, '-C']);
  });

  async function configure(preferLocal: boolean): Promise<void> {
    await writeFile(`${file}.new`, `prefer-local: ${preferLocal}\n`);
    await rename(`${file}.new`, file);
  }

  const weights = (...each: readonly (number | null)[]): Record<string, number> =>
    Object.fromEntries(
      lab.masters.flatMap(({ endpoint }, index) => {
        const weight = each[index] ?? null;
        return weight === null ? [] : [[endpoint, weight] as const];
      }),
    );
  const onlyOwn = (): Record<string, number> => weights(1, 0, 0);

  it('the own real server serves alone, and connections to the others finish', async () => {
    assert.deepEqual([...new Set(await answerers(lab, 6))], ['master0']);
    await daemon.waitForLine(/new connections go to 10\.103\.97\.100:6443 only, which runs on this node/);
    const { stdout } = await lvscare(lab.node, ['status']);
    assert.match(stdout, /10\.103\.97\.201:6443 .*Masq +0 .*up, standby .*own real server is preferred/);
    assert.doesNotMatch(stdout, /10\.103\.97\.100:6443 .*standby/);

    await configure(false);
    await untilWeights(lab, allOf(lab));
    const busy = new BusyClient(await connectionTo(lab, 'master1'));
    await configure(true);
    await untilWeights(lab, onlyOwn());
    const answered = busy.answers;
    await until(() => busy.answers >= answered + 5, { timeoutMs: 60_000 });
    assert.deepEqual([...new Set(await answerers(lab, 6))], ['master0']);
    await busy.stop();
  });

  it('the others serve while it is down, and it serves again when it is back', async () => {
    const seen: string[] = [];
    const watching = new AbortController();
    const watched = watch(seen, watching.signal);
    await lab.master(0).kill();
    await untilWeights(lab, weights(null, 1, 1));
    assert.deepEqual([...new Set(await answerers(lab, 6))].sort(), ['master1', 'master2']);
    const busy = new BusyClient(await connectionTo(lab, 'master2'));
    await lab.master(0).start();
    await untilWeights(lab, onlyOwn());
    const answered = busy.answers;
    await until(() => busy.answers >= answered + 5, { timeoutMs: 60_000 });
    await busy.stop();
    assert.deepEqual([...new Set(await answerers(lab, 6))], ['master0']);
    watching.abort();
    await watched;
    assert.ok(seen.length > 0);
    assert.deepEqual(
      seen.filter((line) => !/:[1-9]/.test(line)),
      [],
      'there is always a row with a weight',
    );
  });

  it('the others serve while it is sick or drained by hand; as a last resort all do', async () => {
    await lab.master(0).fail(500);
    await untilWeights(lab, weights(0, 1, 1));
    await lab.master(0).heal();
    await untilWeights(lab, onlyOwn());

    const drained = await lvscare(lab.node, ['drain', lab.master(0).endpoint]);
    assert.equal(drained.status, 0, drained.stderr);
    assert.deepEqual(await lab.node.weights(VS), weights(0, 1, 1));
    const undrained = await lvscare(lab.node, ['undrain', lab.master(0).endpoint]);
    assert.equal(undrained.status, 0, undrained.stderr);
    assert.deepEqual(await lab.node.weights(VS), onlyOwn());

    for (const master of lab.masters) await master.fail(500);
    await daemon.waitForLine(/as a last resort/);
    await untilWeights(lab, allOf(lab));
    for (const master of lab.masters) await master.heal();
    await untilWeights(lab, onlyOwn());
  });

  it('a node without a real server of its own, and --run-once, use all alike', async () => {
    await daemon.stop();
    await lvscare(lab.node, ['care', '--vs', VS, '-C']);
    const once = await lvscare(lab.node, ['care', ...serversOf(lab), '--prefer-local', '--run-once']);
    assert.equal(once.status, 0, once.stderr);
    assert.deepEqual(await lab.node.weights(VS), allOf(lab));
    daemon = startCare(lab, ['--prefer-local'], serversOf(lab, lab.masters.slice(1)));
    await untilWeights(lab, weights(null, 1, 1));
    for (const name of ['master1', 'master2']) assert.ok((await answerers(lab, 6)).includes(name));
  });

  /** The weights of the table, as often as it can be read. */
  async function watch(seen: string[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const rows = Object.values((await lab.node.weights(VS)) ?? {});
      seen.push(rows.map((weight) => `:${weight}`).join(' '));
    }
  }
});
