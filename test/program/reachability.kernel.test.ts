/** Whether lvscare notices that clients do not reach the virtual server, while its probes of the real servers succeed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { asked } from './asked.js';
import { allOf, answerers, lvscare, restore, takeCare, untilWeights, VS } from './lvscare.js';

/** Rules of a firewall on the node, in a chain for packets that it receives. Its own tools may reach the status. */
const FIREWALLS: Readonly<Record<string, string>> = {
  'drops packets of state INVALID': 'policy accept; ct state invalid drop;',
  'accepts only what is ESTABLISHED': 'policy drop; iif lo accept; ct state established accept;',
  // Probes of real servers come from ports above those that the kernel gives to clients.
  'drops full segments to clients':
    'policy accept; tcp sport 6443 tcp dport <= 60999 meta length > 1400 drop;',
};

describe('clients that do not reach the virtual server', () => {
  let lab: Lab;
  let daemon: LabProcess;
  before(async () => {
    lab = await Lab.create();
    // As long as that of a kube-apiserver with an RSA key: more than one segment.
    const more = Array.from({ length: 60 }, (_, index) => `DNS:name-${index}.lab.example.org`);
    for (const master of lab.masters) {
      const alternativeNames = [`IP:${master.addresses.ipv4}`, ...more];
      await master.present(
        await lab.certificates.create(`long-${master.name}`, { name: 'kube-apiserver', alternativeNames }),
      );
    }
    daemon = await takeCare(lab);
    await untilReachable(1);
  });
  after(() => lab.close());

  /** Waits for the metric, which has to be there within two intervals of 12 s each and the time of two probes. */
  async function untilReachable(wanted: 0 | 1): Promise<void> {
    const line = new RegExp(`^lvscare_virtual_server_reachable\\{[^}]*\\} ${wanted}$`, 'm');
    const isSo = async (): Promise<boolean> => line.test((await asked(lab.node, '/metrics')).body);
    await until(isSo, { timeoutMs: 40_000, everyMs: 500, what: `reachable is ${wanted}` });
  }

  for (const [what, rules] of Object.entries(FIREWALLS))
    it(`are noticed where a firewall ${what}, and when that is over`, async () => {
      const from = daemon.lines.length;
      const chain = `type filter hook input priority 0; ${rules}`;
      await lab.node.must('nft', ['-f', '-'], {
        input: `table inet firewall {\nchain input { ${chain} }\n}\n`,
      });
      await daemon.waitForLine(/WARN: clients on this node do not reach .*; run lvscare doctor/, { from });
      await untilReachable(0);
      const ready = await asked(lab.node, '/readyz');
      assert.equal(ready.status, 503);
      assert.match(ready.body, /clients on this node do not reach it: (silent|slow), no /);
      const status = await lvscare(lab.node, ['status']);
      assert.match(status.stdout, /clients on this node do not reach/);
      assert.equal((await asked(lab.node, '/healthz')).status, 200);
      await untilWeights(lab, allOf(lab));
      await lab.node.must('nft', ['delete', 'table', 'inet', 'firewall']);
      await daemon.waitForLine(/clients on this node reach .* again/, { from });
      await untilReachable(1);
      assert.equal((await asked(lab.node, '/readyz')).status, 200);
      const text = daemon.lines.slice(from).map((line) => line.text);
      assert.doesNotMatch(text.join('\n'), /is (sick|dead)|removed|to weight 0/);
    });

  it('are noticed when every apiserver is dead, and when that is over', async () => {
    const from = daemon.lines.length;
    for (const master of lab.masters) await master.kill();
    await daemon.waitForLine(/do not reach .*: refused, /, { from });
    const ready = await asked(lab.node, '/readyz');
    assert.deepEqual(
      [ready.status, ready.body.startsWith(`not ready: ${VS}: clients on this node`)],
      [503, true],
    );
    await restore(lab);
    await untilWeights(lab, allOf(lab));
    await daemon.waitForLine(/clients on this node reach .* again/, { from });
    assert.equal((await asked(lab.node, '/readyz')).status, 200);
    assert.equal((await answerers(lab, 3)).length, 3);
  });

  it('do not count one apiserver that is killed', async () => {
    const from = daemon.lines.length;
    await lab.master(1).kill();
    await daemon.waitForLine(/201:6443 is dead/, { from });
    await lab.node.must('sleep', ['3']);
    await restore(lab);
    await untilWeights(lab, allOf(lab));
    const text = daemon.lines.slice(from).map((line) => line.text);
    assert.doesNotMatch(text.join('\n'), /do not reach/);
  });
});
