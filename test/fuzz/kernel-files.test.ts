import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import fc from 'fast-check';
import { readIpVs } from '../../src/doctor/ip-vs-table.js';
import { careArguments, careProcesses, flagValue } from '../../src/doctor/processes.js';
import { tcpSocketsTo } from '../../src/doctor/tcp-sockets.js';
import { hostsEntries } from '../../src/host/hosts-file.js';
import { ipVsConnections } from '../../src/ipvs/ip-vs-connections.js';
import { effectiveCapabilities } from '../../src/values/process-rights.js';
import { addProcess, nodeFrom, STATUS, VS, wellNode } from '../doctor/fake-node.js';
import { anyBytes, anyText, fuzz, mutated, quickly } from './fuzz.js';

const HOSTS = ['127.0.0.1 localhost\n10.0.0.1 lvscare.node.ip apiserver # comment\n\n::1\tip6-localhost\n'];
const TABLE = [
  'IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\nTCP  0A676102:192B rr\n  -> 0A6761C9:192B      Masq    1      0          0\nFWM  00000007 wlc persistent 300 FFFFFFFF\nTCP  [fd00:0010:0103:0097:0000:0000:0000:0002]:192B sh (flag-1)\n  -> [fd00:0010:0103:0097:0000:0000:0000:0200]:192B      Masq    1      0          0\n',
];
const CONNECTIONS = [
  'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\nTCP 0A67610A CFC7 0A676102 192B 0A6761C8 192B ESTABLISHED     889\nTCP fd00:0010:0103:0097:0000:0000:0000:000a E0D2 0A676102 192B 0A6761C8 192B FIN_WAIT 89 sip 1234\n',
];
const SOCKETS = [
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n   1: 0900000A:CFC7 0261670A:192B 01 00000000:00000000 02:0006978C 00000000     0        0 2 2 0 20 4 30 10 -1\n   0: 0000000000000000FFFF00000900000A:E0D2 0000000000000000FFFF00000261670A:192B 01 00000000:00000000 00:00000000 00000000     0\n',
];

function textsLike(corpus: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(mutated(corpus), anyText, anyBytes);
}

describe('files of the node', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lvscare-fuzz-'));
  after(() => {
    rmSync(directory, { recursive: true });
  });

  fuzz('the hosts file', textsLike(HOSTS), async (text) => {
    await quickly(() => hostsEntries(text));
  });

  fuzz('/proc/net/ip_vs', textsLike(TABLE), async (text) => {
    const fake = wellNode();
    fake.files['/proc/net/ip_vs'] = text;
    await quickly(() => readIpVs(nodeFrom(fake).files));
  });

  fuzz('/proc/net/ip_vs_conn', textsLike(CONNECTIONS), async (text) => {
    const path = join(directory, 'ip_vs_conn');
    writeFileSync(path, text);
    await quickly(async () => {
      for await (const { client } of ipVsConnections(VS, path)) client.text.trim();
    });
  });

  fuzz('/proc/net/tcp', textsLike(SOCKETS), async (text) => {
    await quickly(() => tcpSocketsTo(VS, text));
  });

  const args = textsLike([
    '/usr/bin/lvscare\0care\0--vs\x0010.103.97.2:6443\0--rs=10.0.0.1:6443\0',
    'sealctl\0ipvs\0-C\0',
  ]);
  const process = fc.tuple(args, textsLike(Object.values(STATUS)));
  fuzz('the arguments and the rights of processes', process, async ([cmdline, status]) => {
    const fake = wellNode();
    addProcess(fake, 4711, cmdline.split('\0'), 'net:[1]', { status });
    await quickly(async () => {
      const found = await careProcesses(nodeFrom(fake).files, 1);
      for (const one of found) flagValue(careArguments(one.args) ?? [], 'vs');
      effectiveCapabilities(status);
    });
  });
});
