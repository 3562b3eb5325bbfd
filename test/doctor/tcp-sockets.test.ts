import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tcpSocketsTo } from '../../src/doctor/tcp-sockets.js';
import { endpoint } from '../../src/values/endpoint.js';
import { VS } from './fake-node.js';

/** As a kernel on a little-endian machine prints them. */
const TCP = [
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
  '   0: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0',
  // Keepalive in 72 minutes, no timer, retransmission.
  '   1: 0900000A:CFC7 0261670A:192B 01 00000000:00000000 02:0006978C 00000000     0        0 2 2 0 20 4 30 10 -1',
  '   2: 0900000A:CFC8 0261670A:192B 01 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 20 4 30 10 -1',
  ' 103: 0900000A:CFC9 0261670A:192B 01 00000000:00000001 01:00000015 00000000     0        0 4 1 0 20 4 30 10 -1',
  // Another port, another address, closed by the client, closed by the server.
  '   4: 0900000A:CFCA 0261670A:01BB 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0 20 4 30 10 -1',
  '   5: 0900000A:CFCB 0361670A:192B 01 00000000:00000000 00:00000000 00000000     0        0 6 1 0 20 4 30 10 -1',
  '   6: 0900000A:CFCC 0261670A:192B 06 00000000:00000000 03:00000F0A 00000000     0        0 0 3 0 20 4 30 10 -1',
  '   7: 0900000A:CFCE 0261670A:192B 08 00000000:00000001 00:00000000 00000000     0        0 9 1 0 20 4 30 10 -1',
  '   8: 0900000A:CFCD nonsense',
  '',
].join('\n');
const TCP6 = [
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
  '   0: 0000000000000000FFFF00000900000A:E0D2 0000000000000000FFFF00000261670A:192B 01 00000000:00000000 00:00000000 00000000     0        0 7 1 0 20 4 30 10 -1',
  '   2: 100000FD97000301000000000A000000:E0D3 100000FD970003010000000002000000:192B 01 00000000:00000000 02:00000064 00000000     0        0 8 2 0 20 4 30 10 -1',
  '',
].join('\n');

const shown = (file: string, virtualServer = VS): string[] =>
  tcpSocketsTo(virtualServer, file).map(({ local, timerInS }) => `${local.text} ${timerInS ?? 'never'}`);

describe('the sockets of /proc/net/tcp', () => {
  it('are those that are established to the virtual server, with the time to what their kernel sends next', () => {
    assert.deepEqual(shown(TCP), ['10.0.0.9:53191 4320.12', '10.0.0.9:53192 never', '10.0.0.9:53193 0.21']);
  });

  it('may be IPv6 sockets that are connected over IPv4', () => {
    assert.deepEqual(shown(TCP6), ['10.0.0.9:57554 never']);
  });

  it('may be connected over IPv6', () => {
    const virtualServer = endpoint('ipv6', 'fd00:10:103:97::2', 6443);
    assert.deepEqual(shown(TCP6, virtualServer), ['[fd00:10:103:97::a]:57555 1']);
  });

  it('are none where there is no text', () => {
    assert.deepEqual(shown(''), []);
  });
});
