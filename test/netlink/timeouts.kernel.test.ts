// The timeouts of IPVS, set by us and judged by ipvsadm, and the other way round.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Ipvs } from '../../src/netlink/index.js';
import { patience } from '../support/netlink.js';
import { ipvsadm } from '../support/tools.js';

/** As `ipvsadm -L --timeout` prints them. */
const DEFAULTS = 'Timeout (tcp tcpfin udp): 900 120 300';

describe('the timeouts of IPVS', () => {
  let ipvs: Ipvs;
  before(() => {
    ipvs = Ipvs.open(patience);
  });
  after(async () => {
    await ipvsadm('--set 900 120 300');
    await ipvs.close();
  });

  const shown = async (): Promise<string> => (await ipvsadm('-L --timeout')).trim();

  it('are at first those that the kernel has by default', async () => {
    assert.equal(await shown(), DEFAULTS);
    assert.deepEqual(await ipvs.getTimeouts(), { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 });
  });

  it('are set together or one by one, and what is not named stays', async () => {
    await ipvs.setTimeouts({ tcpSeconds: 7500, tcpFinSeconds: 60, udpSeconds: 30 });
    assert.equal(await shown(), 'Timeout (tcp tcpfin udp): 7500 60 30');
    await ipvs.setTimeouts({ tcpSeconds: 1 });
    assert.equal(await shown(), 'Timeout (tcp tcpfin udp): 1 60 30');
    await ipvs.setTimeouts({ tcpFinSeconds: 2 });
    assert.equal(await shown(), 'Timeout (tcp tcpfin udp): 1 2 30');
    await ipvs.setTimeouts({ udpSeconds: 3 });
    assert.equal(await shown(), 'Timeout (tcp tcpfin udp): 1 2 3');
    await ipvs.setTimeouts({});
    assert.equal(await shown(), 'Timeout (tcp tcpfin udp): 1 2 3');
  });

  it('may be as long as the kernel can count', async () => {
    await ipvs.setTimeouts({ tcpSeconds: 2_147_483, tcpFinSeconds: 2_147_483, udpSeconds: 2_147_483 });
    assert.equal(await shown(), 'Timeout (tcp tcpfin udp): 2147483 2147483 2147483');
    assert.equal((await ipvs.getTimeouts()).tcpSeconds, 2_147_483);
  });

  it('that ipvsadm set are read', async () => {
    await ipvsadm('--set 10 20 40');
    assert.deepEqual(await ipvs.getTimeouts(), { tcpSeconds: 10, tcpFinSeconds: 20, udpSeconds: 40 });
  });
});
