import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHaproxyState } from '../../bench/observe/tables.js';
import { hexEndpoint, parseIpVs, sameWeights } from '../../lab/ip-vs.js';

/** As Linux 6.1 has it. */
const IP_VS = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  [fd00:0000:0000:0000:0000:0000:0000:0002]:192B wlc 
  -> [fd00:0000:0000:0000:0000:0000:0000:0200]:192B      Masq    1      0          0         
TCP  0A676102:192B rr  
  -> 0A6761C9:192B      Masq    0      3          12        
  -> 0A6761C8:192B      Masq    1      0          0         
TCP  0A676102:192C rr  
  -> 0A6761CA:192B      Masq    1      0          0         
`;

describe("the kernel's table", () => {
  it('gives the rows of one virtual server with their weights', () => {
    assert.deepEqual(parseIpVs(IP_VS, '10.103.97.2:6443'), {
      '10.103.97.201:6443': 0,
      '10.103.97.200:6443': 1,
    });
  });

  it('gives none of a virtual server that is not there', () => {
    assert.deepEqual(parseIpVs(IP_VS, '10.103.97.3:6443'), {});
    assert.deepEqual(parseIpVs('', '10.103.97.2:6443'), {});
  });

  it('writes addresses in hexadecimal', () => {
    assert.equal(hexEndpoint('10.103.97.2:6443'), '0A676102:192B');
    assert.equal(hexEndpoint('10.103.97.200:80'), '0A6761C8:0050');
  });
});

/** As HAProxy 2.6 answers, up to the prompt. */
const STATE = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
3 apiservers 1 rs0 10.103.97.200 2 0 1 1 4 6 3 4 6 0 0 0 - 6443 - 0 0 - - 0
3 apiservers 2 rs1 10.103.97.201 0 0 1 1 4 6 3 4 6 0 0 0 - 6443 - 0 0 - - 0

> `;

describe("HAProxy's servers", () => {
  it('have their weight while they run, and 0 while they do not', () => {
    assert.deepEqual(parseHaproxyState(STATE), { '10.103.97.200:6443': 1, '10.103.97.201:6443': 0 });
  });

  it('are none in an answer to something else', () => {
    assert.deepEqual(parseHaproxyState('\n> '), {});
  });
});

it('two tables are the same if they have the same rows', () => {
  assert.ok(sameWeights({ a: 1, b: 0 }, { b: 0, a: 1 }));
  assert.ok(!sameWeights({ a: 1 }, { a: 1, b: 0 }));
  assert.ok(!sameWeights({ a: 1, b: 0 }, { a: 1, c: 0 }));
});
