import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readIpVs } from '../../src/doctor/ip-vs-table.js';
import { nodeFrom, wellNode } from './fake-node.js';

describe('/proc/net/ip_vs', () => {
  // As Linux 6.1 writes it.
  const TEXT = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A676102:192B rr
  -> 0A6761C9:192B      Masq    1      0          0
  -> 0A6761C8:192B      Masq    0      3          1
UDP  0A600010:0035 wrr
  -> 0AF40005:0035      Masq    1      0          0
FWM  00000007 wlc persistent 300 FFFFFFFF
  -> 0AF40006:0050      Route   1      0          0
TCP  [fd00:0010:0103:0097:0000:0000:0000:0002]:192B sh (flag-1)
  -> [fd00:0010:0103:0097:0000:0000:0000:0200]:192B      Masq    1      0          0
`;

  it('has virtual servers of TCP with their rows, in both families', async () => {
    const fake = wellNode();
    fake.files['/proc/net/ip_vs'] = TEXT;
    const found = await readIpVs(nodeFrom(fake).files);
    assert.deepEqual(
      found?.map(({ server, scheduler, rows }) => [server.text, scheduler, rows.map(({ text }) => text)]),
      [
        ['10.103.97.2:6443', 'rr', ['10.103.97.201:6443', '10.103.97.200:6443']],
        ['[fd00:10:103:97::2]:6443', 'sh', ['[fd00:10:103:97::200]:6443']],
      ],
    );
  });

  it('that cannot be read is a fault, and no empty table', async () => {
    const fake = wellNode();
    fake.files['/proc/net/ip_vs'] = null;
    await assert.rejects(readIpVs(nodeFrom(fake).files), { code: 'EACCES' });
  });
});
