// A peer that falls silent: its cable is pulled, and no FIN and no RST ever comes.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Lab, type LabProcess } from '../../lab/index.js';
import { childScript } from '../support/child.js';
import { lines } from '../support/tools.js';

interface Ended {
  readonly name: string;
  readonly code: string | null;
  readonly afterMs: number;
}

describe('TCP connections to a peer that falls silent', () => {
  let lab: Lab;
  before(async () => {
    lab = await Lab.create({ masters: 2 });
  });
  after(() => lab.close());

  /** The child of this test, on the node. It needs the sanitizers, if any, that the lab keeps from what it starts. */
  function startChild(address: string): LabProcess {
    const script = fileURLToPath(childScript('silent-peer'));
    const preload = `LD_PRELOAD=${process.env['LD_PRELOAD'] ?? ''}`;
    return lab.node.spawn('env', [preload, process.execPath, script, address, '6443'], { ipc: true });
  }

  /** The node's connections to a master, as ss shows them: what the kernel waits for with each. */
  async function timers(address: string): Promise<string[]> {
    const shown = lines(await lab.node.must('ss', ['-Htno', 'state', 'established', 'dst', `[${address}]`]));
    return shown.map((line) => /timer:\((\w+),/.exec(line)?.[1] ?? 'none').sort();
  }

  async function endings(child: LabProcess, names: readonly string[]): Promise<Record<string, Ended>> {
    const ended = await Promise.all(
      names.map(async (name) => {
        const { text } = await child.waitForLine(new RegExp(`"name":"${name}"`), { timeoutMs: 120_000 });
        return JSON.parse(text) as Ended;
      }),
    );
    return Object.fromEntries(ended.map((each) => [each.name, each]));
  }

  for (const family of ['ipv4', 'ipv6'] as const) {
    it(`end with ETIMEDOUT after the given seconds, over ${family}`, async () => {
      const master = lab.master(family === 'ipv4' ? 0 : 1);
      const address = master.addresses[family];
      const child = startChild(address);
      await child.waitForLine(/^ready$/, { timeoutMs: 120_000 });
      assert.deepEqual(await timers(address), ['keepalive', 'keepalive', 'keepalive', 'none']);

      await master.cut();
      child.child.send('silent');
      const ended = await endings(child, ['idle', 'probed', 'busy']);
      assert.deepEqual(
        Object.values(ended).map(({ name, code }) => [name, code]),
        [
          ['idle', 'ETIMEDOUT'],
          ['probed', 'ETIMEDOUT'],
          ['busy', 'ETIMEDOUT'],
        ],
        child.text(),
      );
      for (const { name, afterMs } of Object.values(ended))
        assert.ok(afterMs < 20_000, `${name}: ${afterMs} ms`);
      // Not before the user timeout, which begins with the data.
      assert.ok((ended['busy']?.afterMs ?? 0) >= 1900, child.text());

      // The one that was told nothing would wait for ever.
      assert.deepEqual(await timers(address), ['none']);
      await child.kill();
    });
  }
});
