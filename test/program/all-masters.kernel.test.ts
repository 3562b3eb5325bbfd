// Every master runs lvscare, with the same virtual server, at once.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, type LabNode } from '../../lab/index.js';
import { allOf, serversOf, startCare, untilWeights } from './lvscare.js';
import { OPTIONS, PATIENCE_MS } from './ways.js';

describe('on all masters at once', () => {
  let lab: Lab;
  before(async () => {
    lab = await Lab.create({ masters: 3, nodeServes: true });
  });
  after(() => lab.close());

  for (const [mode, made] of [
    ['local', /local route created/],
    ['link', /address created/],
  ] as const) {
    it(`${mode}: each is served by all, and by those that are left`, async () => {
      const nodes = await Promise.all([0, 1, 2].map((index) => masterNode(index)));
      const daemons = nodes.map((node) =>
        startCare(lab, [...OPTIONS, '--mode', mode], serversOf(lab), { on: node }),
      );
      try {
        for (const [index, node] of nodes.entries()) {
          await daemons[index]?.waitForLine(made, { timeoutMs: 60_000 });
          await untilWeights(lab, allOf(lab), { node });
        }
        const all = lab.masters.map(({ name }) => name);
        await servedBy(all);
        await lab.master(1).kill();
        const { [lab.master(1).endpoint]: _, ...left } = allOf(lab);
        for (const node of nodes) await untilWeights(lab, left, { node });
        await servedBy(all.filter((name) => name !== lab.master(1).name));
        await lab.master(1).start();
      } finally {
        await Promise.all(daemons.map((daemon) => daemon.stop(PATIENCE_MS)));
      }

      /** Each master's requests are answered by all of these, and come from its own address. */
      async function servedBy(names: readonly string[]): Promise<void> {
        await Promise.all(
          nodes.map(async (node) => {
            // lvscare itself asks through the virtual server now and then, and takes a turn.
            const requests = [...names, ...names].map(() =>
              node.request(undefined, { timeoutMs: PATIENCE_MS }),
            );
            const answers = (await Promise.all(requests)).map((result) =>
              result.ok ? `${result.by} ${result.whoami?.remoteAddress}` : result.code,
            );
            assert.deepEqual(
              [...new Set(answers)].toSorted(),
              names.map((name) => `${name} ${node.addresses.ipv4}`),
              node.name,
            );
          }),
        );
      }
    });
  }

  const masterNodes = new Map<number, Promise<LabNode>>();
  /** A master as a node, made when it is first asked for. */
  function masterNode(index: number): Promise<LabNode> {
    const node = masterNodes.get(index) ?? lab.nodeAt(index);
    masterNodes.set(index, node);
    return node;
  }
});
