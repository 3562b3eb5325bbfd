import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { ipVsConnections } from '../../src/ipvs/ip-vs-connections.js';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvscare-connections-'));
});
after(() => rm(directory, { recursive: true }));

const VS = endpoint('ipv4', '10.103.97.2', 6443);

async function read(text: string, virtualServer = VS): Promise<string[]> {
  const path = join(directory, 'ip_vs_conn');
  await writeFile(path, text);
  const found: string[] = [];
  for await (const { client, server, expiresInS } of ipVsConnections(virtualServer, path))
    found.push(`${client.text} to ${server.text} for ${expiresInS} s`);
  return found;
}

describe('/proc/net/ip_vs_conn', () => {
  it('has the connections of TCP through a virtual server, in both families', async () => {
    const text = [
      'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData',
      'TCP 0A67610A CFC7 0A676102 192B 0A6761C8 192B ESTABLISHED     889',
      'TCP 0A67610A CFC8 0A676102 192B 0A6761C9 192B FIN_WAIT         89 sip 1234',
      'UDP 0A67610A 9C40 0A676102 192B 0A6761C8 192B UDP             300',
      // Through others: another port, another address, and one whose server is our virtual server.
      'TCP 0A67610A CFC9 0A676102 01BB 0A6761C8 192B ESTABLISHED     889',
      'TCP 0A67610A CFCA 0A676103 192B 0A6761C8 192B ESTABLISHED     889',
      'TCP 0A67610A CFCB 0A600001 01BB 0A676102 192B ESTABLISHED     889',
      'TCP fd00:0010:0103:0097:0000:0000:0000:000a E0D2 fd00:0010:0103:0097:0000:0000:0000:0002 192B fd00:0010:0103:0097:0000:0000:0000:00c8 192B ESTABLISHED     899',
      // A tunnel of the other family.
      'TCP fd00:0010:0103:0097:0000:0000:0000:000a E0D3 fd00:0010:0103:0097:0000:0000:0000:0002 192B 0A6761C8 192B SYN_SENT         3',
      '',
    ].join('\n');
    assert.deepEqual(await read(text), [
      '10.103.97.10:53191 to 10.103.97.200:6443 for 889 s',
      '10.103.97.10:53192 to 10.103.97.201:6443 for 89 s',
    ]);
    assert.deepEqual(await read(text, endpoint('ipv6', 'fd00:10:103:97::2', 6443)), [
      '[fd00:10:103:97::a]:57554 to [fd00:10:103:97::c8]:6443 for 899 s',
      '[fd00:10:103:97::a]:57555 to 10.103.97.200:6443 for 3 s',
    ]);
  });

  for (const [what, text] of Object.entries({
    'is empty': '',
    'has its heading only':
      'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n',
    'is cut in a line': 'TCP 0A67610A CFC7 0A676102 192B 0A67',
    'has lines that nobody knows': 'TCP nonsense CFC7 0A676102 192B 0A6761C8 192B X 1\nTCP\n\n',
    'has a port that is none': 'TCP 0A67610A CFC 0A676102 192B 0A6761C8 192B ESTABLISHED 889\n',
  }))
    it(`has none when it ${what}`, async () => {
      assert.deepEqual(await read(text), []);
    });

  it('is read to its end when it is large', async () => {
    const line = 'TCP 0A67610A CFC7 0A676102 192B 0A6761C8 192B ESTABLISHED     889\n';
    assert.equal((await read(line.repeat(20_000))).length, 20_000);
  });

  it('that is not there is an error of the file system', async () => {
    await assert.rejects(ipVsConnections(VS, join(directory, 'nosuch')).next(), { code: 'ENOENT' });
  });
});
