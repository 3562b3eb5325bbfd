// A node that the Go program has set up is taken over while it is in use, and cleaned in the end.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Lab, VIP, type LabProcess } from '../../lab/index.js';
import { goLinkMode, goRouteMode, SHOW_RULES } from '../support/go-program.js';
import { allOf, fingerprint, lvscare, restore, takeCare, untilWeights, VS } from './lvscare.js';

/** How the Go program makes the node reach the virtual server, and what `--clean` says of it. */
const modes: readonly {
  readonly mode: string;
  readonly script: (nodeAddress: string) => string;
  readonly removes: readonly RegExp[];
}[] = [
  {
    mode: 'route',
    script: (nodeAddress) => goRouteMode(VIP.ipv4, nodeAddress),
    removes: [/removed route local 10\.103\.97\.2 dev lo/, /removed route 10\.103\.97\.2\/32 via/],
  },
  {
    mode: 'link',
    script: () => goLinkMode(VIP.ipv4, 6443),
    removes: [
      /removed interface lvscare/,
      /removed iptables-legacy -t nat chain VIRTUAL-SERVICES/,
      /removed iptables-legacy -t filter rule OUTPUT .*accept for all marked by lvscare/,
      /removed ipset VIRTUAL-IP/,
    ],
  },
];

for (const { mode, script, removes } of modes) {
  describe(`a node of the Go program in ${mode} mode`, () => {
    let lab: Lab;
    let daemon: LabProcess | null = null;
    const bash = (text: string): Promise<string> => lab.node.must('bash', ['-euc', text]);
    const everything = async (): Promise<string> => (await fingerprint(lab.node)) + (await bash(SHOW_RULES));
    let bare = '';

    before(async () => {
      lab = await Lab.create();
      // The tables that its rules are in come into being with the first look at them, and stay.
      await bash('iptables-legacy -w -t nat -L >&2; iptables-legacy -w -t filter -L >&2');
      bare = await everything();
    });
    after(() => lab.close());
    beforeEach(async () => {
      const rows = lab.masters.map(({ endpoint }) => `-a -t ${VS} -r ${endpoint} -m -w 1`);
      await lab.node.must('ipvsadm', ['-R'], { input: [`-A -t ${VS} -s rr`, ...rows, ''].join('\n') });
      await bash(script(lab.node.addresses.ipv4));
    });
    afterEach(async () => {
      await daemon?.stop();
      daemon = null;
      await restore(lab);
      await lvscare(lab.node, ['care', '--vs', VS, '-C']);
    });

    it('is taken over: no connection ends, no request fails', async () => {
      const connections = await Promise.all(lab.masters.map(() => lab.node.open()));
      const names = async (): Promise<string[]> =>
        Promise.all(connections.map(async (connection) => (await connection.whoami()).name));
      const served = await names();
      assert.deepEqual([...served].sort(), ['master0', 'master1', 'master2']);
      // As after one failed probe: its connections go on.
      await lab.node.ipvsadm(`-e -t ${VS} -r ${lab.master(2).endpoint} -m -w 0`);
      const steady = await lab.node.steady({ everyMs: 50 });
      const ended: string[] = [];
      for (const connection of connections)
        void connection.ended.then(({ code }) => ended.push(code ?? 'closed'));
      const sampled = async (count: number): Promise<void> => {
        const wanted = steady.samples.length + count;
        await new Promise<void>((resolve) => {
          steady.onSample(() => {
            if (steady.samples.length >= wanted) resolve();
          });
        });
      };
      await sampled(5);

      daemon = await takeCare(lab);
      await untilWeights(lab, allOf(lab));
      await sampled(10);
      assert.deepEqual(await names(), served, 'the same connections, to the same servers');
      const rules = await bash(SHOW_RULES);
      assert.equal(
        rules.includes('VIRTUAL-SERVICES'),
        mode === 'link',
        'its masquerading stays until it is cleaned',
      );

      // Also when it starts a second time, on what it made itself.
      await daemon.stop();
      daemon = await takeCare(lab);
      await sampled(10);
      assert.deepEqual(await names(), served);
      await steady.stop();
      assert.deepEqual(steady.failures, []);
      assert.deepEqual(ended, []);
      for (const connection of connections) await connection.close();
    });

    it('is cleaned', async () => {
      daemon = await takeCare(lab);
      await daemon.stop();
      const before = await everything();
      const dry = await lvscare(lab.node, ['care', '--vs', VS, '-C', '--dry-run']);
      assert.equal(dry.status, 0);
      assert.match(dry.stdout, /would remove virtual server 10\.103\.97\.2:6443/);
      if (mode === 'link')
        assert.match(dry.stdout, /would remove iptables-legacy -t nat chain VIRTUAL-SERVICES/);
      assert.equal(await everything(), before);

      const { status, stdout } = await lvscare(lab.node, ['care', '--vs', VS, '-C']);
      assert.equal(status, 0, stdout);
      assert.match(stdout, /removed virtual server 10\.103\.97\.2:6443/);
      for (const removed of removes) assert.match(stdout, removed);
      assert.equal(await everything(), bare);
      const again = await lvscare(lab.node, ['care', '--vs', VS, '-C']);
      assert.match(again.stdout, /nothing of 10\.103\.97\.2:6443 was there/);
    });

    it('is cleaned as far as it can be when a tool fails, which is reported', async () => {
      await bash(
        'mkdir -p /run/failing; printf "#!/bin/sh\\necho no luck >&2; exit 3\\n" >/run/failing/ipset',
      );
      await bash('chmod +x /run/failing/ipset');
      const path = `/run/failing:${process.env['PATH'] ?? ''}`;
      const { status, stdout } = await lvscare(lab.node, ['care', '--vs', VS, '-C'], { PATH: path });
      assert.equal(status, 1);
      assert.match(stdout, /ipset: status 3: no luck/);
      assert.match(stdout, /removed virtual server 10\.103\.97\.2:6443/);
      assert.equal(await lab.node.weights(), null);
    });
  });
}
