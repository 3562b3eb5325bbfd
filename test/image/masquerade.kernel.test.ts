// --masquerade from the image: its own nft, under the security context of the static pod.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, NODE } from '../../lab/index.js';
import { VS } from '../program/lvscare.js';
import { PodRunner } from './container.js';
import { shippedPod } from './pod.js';

const TABLE = 'table ip lvscare-10.103.97.2-6443';
const TABLES = ['arp', 'inet', 'ip'].map((family) => `table ${family} lvscare-10.103.97.2-6443`);

describe('--masquerade in the image', () => {
  let lab: Lab;
  let pods: PodRunner;
  before(async () => {
    lab = await Lab.create({ clients: ['pod'] });
    pods = await PodRunner.create(lab, shippedPod());
  });
  after(async () => {
    await pods.close();
    await lab.close();
  });
  const tables = async (): Promise<string[]> =>
    (await lab.node.must('nft', ['list', 'tables'])).split('\n').filter((line) => line !== '');

  it('makes its table by the nft that is in it, and --clean takes it away', async () => {
    const [{ args = [] }] = shippedPod().spec.containers;
    const daemon = await pods.start({ args: [...args, '--masquerade'] });
    for (const { addresses } of lab.masters)
      await daemon.process.waitForLine(new RegExp(`added ${addresses.ipv4}`), { timeoutMs: 120_000 });
    await daemon.process.waitForLine(new RegExp(`masquerade created: no ${TABLE}`), { timeoutMs: 60_000 });
    await daemon.process.waitForLine(/local route created/, { timeoutMs: 60_000 });
    assert.equal(await lab.client('pod').seenAs(undefined, { timeoutMs: 20_000 }), NODE.ipv4);
    assert.deepEqual((await tables()).sort(), TABLES);
    assert.doesNotMatch(daemon.process.text(), /"level":"(warn|error|fatal)"/);
    assert.equal(await daemon.end('SIGTERM'), 0);
    assert.deepEqual((await tables()).sort(), TABLES, 'the rules stay');

    const { status, stdout } = await pods.run({ args: ['care', '--vs', VS, '--clean'] });
    assert.equal(status, 0, stdout);
    assert.match(stdout, new RegExp(`removed ${TABLE}`));
    assert.deepEqual(await tables(), []);
  });
});
