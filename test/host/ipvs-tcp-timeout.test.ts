import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { changedTcpTimeout, ipvsTcpTimeout } from '../../src/host/ipvs-tcp-timeout.js';
import type { IpvsTimeouts, IpvsTimeoutsChange } from '../../src/netlink/index.js';
import { KernelError } from '../../src/values/errors.js';
import { FakeEarlierValues } from './fake-earlier-values.js';

/** IPVS with its timeouts and nothing else. */
class FakeIpvs {
  timeouts: IpvsTimeouts = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };
  refuses: Error | null = null;
  sets = 0;

  getTimeouts(): Promise<IpvsTimeouts> {
    return Promise.resolve(this.timeouts);
  }

  setTimeouts(change: IpvsTimeoutsChange): Promise<void> {
    if (this.refuses !== null) return Promise.reject(this.refuses);
    this.sets += 1;
    this.timeouts = { ...this.timeouts, ...change };
    return Promise.resolve();
  }

  /** Another program sets it. */
  otherSets(tcpSeconds: number): void {
    this.timeouts = { ...this.timeouts, tcpSeconds };
  }
}

let ipvs: FakeIpvs;
let earlier: FakeEarlierValues;
let nowMs = 0;
const now = (): number => nowMs;
beforeEach(() => {
  ipvs = new FakeIpvs();
  earlier = new FakeEarlierValues();
  nowMs = 1_000_000;
});

describe('the TCP timeout of IPVS', () => {
  it('is well when it is the wanted one, and then is no change of lvscare', async () => {
    ipvs.otherSets(7500);
    const resource = ipvsTcpTimeout(ipvs, 7500, earlier, now);
    assert.equal(await resource.verify(), null);
    assert.equal(await resource.find(), null);
    assert.equal(await resource.remove(), null);
    assert.equal(ipvs.sets, 0);
  });

  it('is set if it is another one, and again after another program changed it; the other timeouts stay', async () => {
    const resource = ipvsTcpTimeout(ipvs, 7500, earlier, now);
    assert.equal(resource.name, 'IPVS TCP timeout');
    assert.equal(await resource.verify(), 'IPVS drops idle TCP connections after 900 s, not 7500 s');
    assert.equal(ipvs.sets, 0, 'checking changes nothing');
    await resource.repair();
    assert.deepEqual(ipvs.timeouts, { tcpSeconds: 7500, tcpFinSeconds: 120, udpSeconds: 300 });
    assert.equal(await resource.verify(), null);
    ipvs.otherSets(60);
    assert.equal(await resource.verify(), 'IPVS drops idle TCP connections after 60 s, not 7500 s');
    await resource.repair();
    assert.equal(await resource.verify(), null);
  });

  it('is left after three changes within ten minutes, which is a failure until it is as wanted', async () => {
    const resource = ipvsTcpTimeout(ipvs, 7500, earlier, now);
    await resource.repair();
    for (let time = 0; time < 3; time += 1) {
      ipvs.otherSets(900);
      assert.notEqual(await resource.verify(), null);
      await resource.repair();
      nowMs += 60_000;
    }
    ipvs.otherSets(900);
    const isLeft = async (): Promise<void> => {
      await assert.rejects(resource.verify(), {
        name: 'KernelError',
        message:
          'another program keeps changing it, to 900 s last: lvscare does not set it to 7500 s again; give both programs the same value',
      });
    };
    await isLeft();
    nowMs += 3_600_000;
    await isLeft();
    assert.equal(ipvs.sets, 4);
    ipvs.otherSets(7500);
    assert.equal(await resource.verify(), null);
    ipvs.otherSets(900);
    assert.notEqual(await resource.verify(), null, 'it is repaired again');
  });

  it('is set again each time if the changes are far apart', async () => {
    const resource = ipvsTcpTimeout(ipvs, 7500, earlier, now);
    for (let time = 0; time < 20; time += 1) {
      ipvs.otherSets(900);
      assert.notEqual(await resource.verify(), null);
      await resource.repair();
      nowMs += 300_000;
    }
    assert.equal(ipvs.timeouts.tcpSeconds, 7500);
  });

  it('that is refused has not been changed', async () => {
    ipvs.refuses = Object.assign(new Error('EPERM'), { code: 'EPERM' });
    const resource = ipvsTcpTimeout(ipvs, 7500, earlier, now);
    await assert.rejects(resource.repair(), (error: unknown) => {
      assert.ok(error instanceof KernelError);
      assert.match(error.message, /^ipvsadm --set 7500 0 0: not permitted: run as root/);
      return true;
    });
    assert.equal(earlier.values.size, 0);
  });

  it('cannot be kept where IPVS has no TCP', async () => {
    ipvs.timeouts = { tcpSeconds: null, tcpFinSeconds: null, udpSeconds: 300 };
    await assert.rejects(ipvsTcpTimeout(ipvs, 7500, earlier, now).verify(), /has no TCP/);
  });
});

describe('the earlier TCP timeout of IPVS', () => {
  it('is restored by any process: the one before the first change', async () => {
    await ipvsTcpTimeout(ipvs, 7500, earlier, now).repair();
    await ipvsTcpTimeout(ipvs, 3600, earlier, now).repair();
    const work = changedTcpTimeout(ipvs, earlier);
    assert.equal(await work.find(), 'IPVS TCP timeout 3600 s, which was 900 s before');
    assert.equal(ipvs.timeouts.tcpSeconds, 3600, 'finding changes nothing');
    assert.equal(await work.remove(), 'IPVS TCP timeout 3600 s, which is 900 s again');
    assert.equal(ipvs.timeouts.tcpSeconds, 900);
    assert.equal(await work.remove(), null);
    assert.equal(earlier.values.size, 0);
  });

  it('is not restored if another program has set the timeout since', async () => {
    await ipvsTcpTimeout(ipvs, 7500, earlier, now).repair();
    ipvs.otherSets(60);
    const work = changedTcpTimeout(ipvs, earlier);
    assert.equal(await work.find(), null);
    assert.equal(await work.remove(), null);
    assert.equal(ipvs.timeouts.tcpSeconds, 60);
    assert.equal(earlier.values.size, 0);
  });

  it('stays recorded if it cannot be restored', async () => {
    await ipvsTcpTimeout(ipvs, 7500, earlier, now).repair();
    ipvs.refuses = Object.assign(new Error('EPERM'), { code: 'EPERM' });
    await assert.rejects(
      changedTcpTimeout(ipvs, earlier).remove(),
      /^KernelError: ipvsadm --set 900 0 0: not permitted/,
    );
    assert.equal(earlier.values.size, 1);
  });
});
