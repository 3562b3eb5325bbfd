import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import { ipvsTable } from '../../src/ipvs/ipvs-table.js';
import { Ipvs } from '../../src/netlink/index.js';
import { serviceSettings } from '../../src/values/table.js';
import { must } from '../../lab/run.js';
import { holdToContract } from '../control-loop/table-contract.js';
import { A, VIRTUAL_SERVER } from '../control-loop/stage.js';

const RULES = ['-A -t 10.103.97.2:6443 -s rr', '-a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m -w 1'];

describe('the IPVS table of a real kernel', () => {
  const ipvs = Ipvs.open();
  const table = ipvsTable(ipvs, VIRTUAL_SERVER);
  after(() => ipvs.close());
  afterEach(() => must('ipvsadm', ['-C']));

  holdToContract(() => Promise.resolve(table));

  it('is as ipvsadm shows it, and is read as ipvsadm made it', async () => {
    await table.apply([
      { kind: 'create-service', settings: serviceSettings('rr') },
      { kind: 'add-destination', server: A, weight: 1 },
    ]);
    assert.deepEqual((await must('ipvsadm', ['-Sn'])).trimEnd().split('\n'), RULES);
    const made = await table.read();
    await must('ipvsadm', ['-C']);
    await must('ipvsadm', ['-R'], { input: `${RULES.join('\n')}\n` });
    assert.deepEqual(await table.read(), made);
  });

  it('names a scheduler that the kernel does not have', async () => {
    const [result] = await table.apply([{ kind: 'create-service', settings: serviceSettings('nosuch') }]);
    assert.equal(
      result?.error?.message,
      'the kernel has no scheduler nosuch: load it with modprobe ip_vs_nosuch',
    );
    assert.equal(result.outcome, 'failed');
  });
});
