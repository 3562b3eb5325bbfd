/** What probes must not do: blame servers for what is our own fault, and get in the way of clients. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab } from '../../lab/index.js';
import { allOf, restore, takeCare, untilWeights } from './lvscare.js';

/** The node's counter of SYNs that were sent again: by then a second has passed in which nobody answered. */
async function synsSentAgain(lab: Lab): Promise<number> {
  const text = await lab.node.must('nstat', ['-asz', 'TcpExtTCPSynRetrans']);
  const [, count] = /TcpExtTCPSynRetrans\s+(\d+)/.exec(text) ?? [];
  if (count === undefined) throw new Error(`no such counter: ${text}`);
  return Number(count);
}

/** The node's ports of connections to the masters themselves: those of probes. */
async function probesPorts(lab: Lab): Promise<number[]> {
  const text = await lab.node.must('ss', ['-Htn', 'state', 'established', 'dport', '=', ':6443']);
  const masters = lab.masters.map((master) => master.endpoint);
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , peer = '']) => masters.includes(peer))
    .map(([, , local = '']) => Number(local.split(':').at(-1)));
}

describe('probes', () => {
  let lab: Lab;
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());

  it('of a daemon that was stopped for 5 s count against no server when it goes on', async () => {
    const tight = [
      '--interval',
      '200ms',
      '--health-timeout',
      '500ms',
      '--connect-timeout',
      '500ms',
      '--fall',
      '1',
    ];
    const daemon = await takeCare(lab, tight);
    try {
      for (let time = 0; time < 3; time += 1) {
        daemon.signal('SIGSTOP');
        await lab.node.must('sleep', ['5']);
        daemon.signal('SIGCONT');
        const from = daemon.text().length;
        await lab.node.must('sleep', ['2']);
        assert.deepEqual(await lab.node.weights(), allOf(lab));
        assert.doesNotMatch(daemon.text().slice(from), /is (sick|dead)/);
      }
    } finally {
      await daemon.stop();
      await restore(lab);
    }
  });

  it('come from ports that no client gets, so that none of them meets a probe', async () => {
    // Few ports, so that a probe from among them would soon be met: to the server, both come from NODE_IP.
    const [first, last] = [40_000, 40_127];
    const kernels = (await lab.node.sysctl('net.ipv4.ip_local_port_range')).replace(/\s+/, ' ');
    await lab.node.sysctl('net.ipv4.ip_local_port_range', `${first} ${last}`);
    const daemon = await takeCare(lab, ['--interval', '100ms', '--handshake-interval', '0']);
    try {
      const before = await synsSentAgain(lab);
      for (let count = 0; count < 120; count += 1) {
        const answer = await lab.node.request();
        assert.ok(answer.ok, `request ${count}: ${answer.ok ? '' : answer.code}`);
        if (count % 20 === 0) {
          const ports = await probesPorts(lab);
          assert.ok(ports.length > 0, 'there are kept connections');
          for (const port of ports) assert.ok(port < first || port > last, `a probe from ${port}`);
        }
      }
      assert.equal(await synsSentAgain(lab), before, 'each SYN was answered at once');
      await untilWeights(lab, allOf(lab));
      assert.doesNotMatch(daemon.text(), /is (sick|dead)/);
    } finally {
      await daemon.stop();
      await lab.node.sysctl('net.ipv4.ip_local_port_range', kernels);
    }
  });
});
