import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { examine } from '../../src/doctor/checks.js';
import { nodeFrom, SUBJECT, wellNode } from './fake-node.js';

describe('doctor: all of it', () => {
  it('on a node that is well has nothing but ok', async () => {
    const { findings } = await examine(nodeFrom(wellNode()), SUBJECT);
    assert.ok(findings.length > 15);
    for (const { verdict, name, evidence, remedy } of findings)
      assert.deepEqual([verdict, remedy], ['ok', null], `${name}: ${evidence}`);
  });

  it('without a virtual server checks the node alone', async () => {
    const { findings, skipped } = await examine(nodeFrom(wellNode()), null);
    assert.deepEqual(
      findings.map(({ name }) => name),
      ['ipvs', 'capabilities', 'run-directory', 'records'],
    );
    assert.ok(skipped.length > 10);
    assert.deepEqual([...new Set(skipped.map(({ why }) => why))], ['no --vs']);
  });

  it('whatever breaks under it is a warning that says so, with a remedy', async () => {
    const broken = (): Promise<never> => Promise.reject(new Error('out of order'));
    const well = nodeFrom(wellNode());
    const files = {
      read: broken,
      readStored: broken,
      list: broken,
      readLink: broken,
      whyNotWritable: broken,
    };
    const network = { addresses: broken, routes: broken, interfaceTowards: broken, nodeAddress: broken };
    const ownership = { lock: broken, daemon: broken, records: broken, goLeftovers: broken };
    const ipvs = { tcpTimeoutS: broken, clientConnections: broken };
    for (const part of [
      { files },
      { network },
      { ownership },
      { nftVersion: broken },
      { ask: broken },
      { files, network, ownership, nftVersion: broken, ipvs, ask: broken },
    ]) {
      const { findings } = await examine({ ...well, ...part }, { ...SUBJECT, masquerade: true });
      const wrong = findings.filter(({ verdict }) => verdict !== 'ok');
      assert.ok(
        wrong.some(({ evidence }) => evidence.includes('out of order')),
        JSON.stringify(findings),
      );
      for (const { remedy, name } of wrong) assert.notEqual(remedy ?? '', '', name);
    }
  });
});
