import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab, until, VIP, type LabProcess } from '../../lab/index.js';
import { allOf, lvscare, startCare, takeCare, untilWeights, VS } from './lvscare.js';

describe('what another program changes', () => {
  let lab: Lab;
  let daemon: LabProcess;
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  beforeEach(async () => {
    daemon = await takeCare(lab);
  });
  afterEach(async () => {
    await daemon.stop();
    await lvscare(lab.node, ['care', '--vs', VS, '-C']);
  });

  /** Ways to break our virtual server by ipvsadm, each repaired within one interval of 1 s (and the guest's time to say so). */
  const breaks: readonly { readonly what: string; readonly by: string }[] = [
    { what: 'the virtual server deleted', by: `-D -t ${VS}` },
    { what: 'everything flushed', by: '-C' },
    { what: 'a real server deleted', by: `-d -t ${VS} -r 10.103.97.201:6443` },
    { what: 'a weight changed', by: `-e -t ${VS} -r 10.103.97.201:6443 -m -w 7` },
    { what: 'a weight set to 0', by: `-e -t ${VS} -r 10.103.97.201:6443 -m -w 0` },
    { what: 'the forwarding changed', by: `-e -t ${VS} -r 10.103.97.201:6443 -g -w 1` },
    { what: 'thresholds set', by: `-e -t ${VS} -r 10.103.97.201:6443 -m -w 1 -x 5 -y 2` },
    { what: 'the scheduler changed', by: `-E -t ${VS} -s sh` },
    { what: 'persistence switched on', by: `-E -t ${VS} -s rr -p 600` },
  ];
  /** Without the connections, of which lvscare itself makes one now and then. */
  const shown = async (): Promise<string> => {
    const thresholds = await lab.node.must('ipvsadm', ['-Ln', '--thresholds']);
    const saved = await lab.node.must('ipvsadm', ['-Sn']);
    return saved + thresholds.replaceAll(/^( {2}-> \S+ +\d+ +\d+) .*/gm, '$1');
  };
  for (const { what, by } of breaks) {
    it(`${what}: is repaired`, async () => {
      const right = await shown();
      const from = daemon.lines.length;
      await lab.node.ipvsadm(by);
      await daemon.waitForLine(/another program had changed it/, { from });
      await until(async () => (await shown()) === right, { timeoutMs: 20_000, everyMs: 150, what });
    });
  }

  it('the virtual server deleted: is back each time, with its rows, long before the next interval', async (context) => {
    await daemon.stop();
    daemon = await takeCare(lab, ['--interval', '10m']);
    const right = await shown();
    const times: number[] = [];
    for (let time = 0; time < 8; time += 1) {
      // Not in step with whatever lvscare does at regular times.
      await delay(87 * time);
      await lab.node.ipvsadm(time % 2 === 0 ? '-C' : `-D -t ${VS}`);
      const startMs = performance.now();
      await untilWeights(lab, allOf(lab), { timeoutMs: 20_000, everyMs: 20 });
      times.push(Math.round(performance.now() - startMs));
      assert.equal(await shown(), right);
    }
    context.diagnostic(`back after ${times.join(', ')} ms`);
  });

  it('a real server added: is drained and removed', async () => {
    await lab.node.ipvsadm(`-a -t ${VS} -r 10.103.97.209:6443 -m -w 1`);
    await untilWeights(lab, allOf(lab), { timeoutMs: 20_000 });
  });

  /** The route to the virtual server, as `ip` shows it. */
  const route = async (): Promise<string> =>
    (await lab.node.ip('route show table local')).split('\n').find((line) => line.includes('10.103.97.2 ')) ??
    '';
  const untilRoute = (what: string, isRight: (shown: string) => boolean): Promise<true> =>
    until(async () => isRight(await route()), {
      timeoutMs: 20_000,
      what: () => `${what}; lvscare logged:\n${daemon.text()}`,
    });

  it('the route deleted: is repaired, again and again, without the timer: rtnetlink reports it', async () => {
    await daemon.stop();
    daemon = await takeCare(lab, ['--interval', '10m']);
    const right = await route();
    assert.match(right, /^local 10\.103\.97\.2 dev lo .*src 10\.103\.97\.100/);
    for (let time = 0; time < 5; time += 1) {
      const from = daemon.lines.length;
      await lab.node.ip('route del local 10.103.97.2 dev lo table local');
      await daemon.waitForLine(/local route repaired: no route local 10\.103\.97\.2/, { from });
      assert.equal(await route(), right);
    }
  });

  it('the route pointed elsewhere: is repaired', async () => {
    const right = await route();
    await lab.node.ip('address add 10.103.97.111/24 dev eth0');
    await lab.node.ip('route replace local 10.103.97.2 dev lo table local src 10.103.97.111');
    await untilRoute('the route is as it was', (shown) => shown === right);
    await lab.node.ip('address del 10.103.97.111/24 dev eth0');
    await untilRoute('the route is as it was, without that address', (shown) => shown === right);
  });

  it("this node's address changed: the route follows", async () => {
    // Else the second address of a network goes with the first.
    await lab.node.sysctl('net.ipv4.conf.eth0.promote_secondaries', 1);
    await lab.node.ip('address add 10.103.97.112/24 dev eth0');
    await lab.node.ip('address del 10.103.97.100/24 dev eth0');
    await untilRoute('the route has src 10.103.97.112', (shown) => shown.includes('src 10.103.97.112'));
    await daemon.waitForLine(/this node is 10\.103\.97\.112/);
    const result = await lab.node.request();
    assert.ok(result.ok && result.whoami?.remoteAddress === '10.103.97.112', JSON.stringify(result));
    await lab.node.ip('address add 10.103.97.100/24 dev eth0');
    await lab.node.ip('address del 10.103.97.112/24 dev eth0');
    await untilRoute('the route has src 10.103.97.100', (shown) => shown.includes('src 10.103.97.100'));
  });

  it('the address of --ip removed: the route follows the choice of the kernel, which the log and status say, until it is back', async () => {
    await daemon.stop();
    await lab.node.sysctl('net.ipv4.conf.eth0.promote_secondaries', 1);
    await lab.node.ip('address add 10.103.97.113/24 dev eth0');
    // Without the timer: rtnetlink reports it.
    daemon = await takeCare(lab, ['--ip', '10.103.97.113', '--interval', '10m']);
    const troubles = async (): Promise<string> => {
      const { stdout } = await lvscare(lab.node, ['status', '--vs', VS]);
      return stdout;
    };
    const seen = async (): Promise<string> => lab.node.seenAs(lab.node.vipUrl('/whoami', 'ipv4'));
    await untilRoute('the route has src 10.103.97.113', (shown) => shown.includes('src 10.103.97.113'));
    assert.equal(await seen(), '10.103.97.113');
    assert.doesNotMatch(await troubles(), /not an address/);
    await lab.node.ip('address del 10.103.97.113/24 dev eth0');
    await daemon.waitForLine(
      /this node is 10\.103\.97\.100 \(the route to .*\): 10\.103\.97\.113 \(--ip\) is not an address of this node/,
    );
    await untilRoute('the route has src 10.103.97.100', (shown) => shown.includes('src 10.103.97.100'));
    assert.equal(await seen(), '10.103.97.100');
    assert.match(await troubles(), /node address: 10\.103\.97\.113 \(--ip\) is not an address of this node/);
    await lab.node.ip('address add 10.103.97.113/24 dev eth0');
    await untilRoute('the route has src 10.103.97.113', (shown) => shown.includes('src 10.103.97.113'));
    assert.equal(await seen(), '10.103.97.113');
    assert.doesNotMatch(await troubles(), /not an address/);
    await lab.node.ip('address del 10.103.97.113/24 dev eth0');
  });

  it("--ip with the virtual server's address, which the kernel has but masters cannot answer to: the kernel's choice, also after the route exists", async () => {
    await daemon.stop();
    daemon = await takeCare(lab, ['--ip', VIP.ipv4, '--interval', '300ms']);
    const said = /node address: [\d.]+ \(--ip\) is the virtual server's address/;
    for (let pass = 0; pass < 3; pass += 1) {
      await delay(500);
      assert.equal(await lab.node.seenAs(lab.node.vipUrl('/whoami', 'ipv4')), '10.103.97.100');
      assert.match((await lvscare(lab.node, ['status', '--vs', VS])).stdout, said);
    }
  });

  it('the sysctl changed: is repaired', async () => {
    assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn'), '1');
    await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn', 0);
    await until(async () => (await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn')) === '1', {
      timeoutMs: 20_000,
    });
  });
});

describe('virtual servers of other programs', () => {
  it('stay as they are through everything that befalls ours', async () => {
    await using lab = await Lab.create();
    const { node } = lab;
    for (const rule of [
      '-A -t 10.96.0.1:443 -s wlc -p 300',
      '-a -t 10.96.0.1:443 -r 10.103.97.200:6443 -m -w 0',
      '-a -t 10.96.0.1:443 -r 10.103.97.201:6443 -g -w 0',
      '-A -t 10.103.97.2:6444 -s rr',
      '-a -t 10.103.97.2:6444 -r 10.103.97.201:6443 -m -w 0',
      '-A -u 10.103.97.2:6443 -s rr',
      '-a -u 10.103.97.2:6443 -r 10.103.97.202:6443 -m -w 0',
      '-A -f 7 -s sh',
      '-a -f 7 -r 10.103.97.202:6443 -m -w 0',
    ]) {
      await node.ipvsadm(rule);
    }
    await node.ip('address add 10.96.0.1/32 dev lo');
    const ofOurs = /^-[Aa] -t 10\.103\.97\.2:6443 /;
    const foreign = async (): Promise<string> => {
      const rules = (await node.must('ipvsadm', ['-Sn'])).split('\n').filter((rule) => !ofOurs.test(rule));
      return [...rules, await node.ip('address show'), await node.ip('route show table main')]
        .join('\n')
        .replaceAll(/valid_lft.*/g, '');
    };
    const before = await foreign();

    let daemon = await takeCare(lab, ['--drain-timeout', '1s']);
    await lab.master(1).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    await lab.master(2).fail(503);
    await untilWeights(lab, { [lab.master(0).endpoint]: 1 });
    assert.equal(await foreign(), before);
    await node.ipvsadm(`-D -t ${VS}`);
    await untilWeights(lab, { [lab.master(0).endpoint]: 1 });
    await daemon.kill();
    daemon = startCare(lab);
    await lab.master(2).heal();
    await lab.master(1).start();
    await untilWeights(lab, allOf(lab));
    await daemon.stop();
    assert.equal(await foreign(), before);
    for (let time = 0; time < 2; time += 1) {
      assert.equal((await lvscare(node, ['care', '--vs', VS, '-C'])).status, 0);
      assert.equal(await node.weights(VS), null);
      assert.equal(await foreign(), before);
    }
  });
});
