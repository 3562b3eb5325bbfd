// The tables beside the masquerade table: what is made of them, and of what nft lists, as it was captured.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { arpTable } from '../../src/host/arp-table.js';
import { mssTable } from '../../src/host/mss-table.js';
import { tableDrift } from '../../src/host/nft-table.js';
import { segmentSize } from '../../src/host/segment-size.js';
import { silence } from '../../src/host/silence.js';
import { endpoint } from '../../src/values/endpoint.js';
import { NftMissing } from '../../src/host/nft.js';
import { NftRuleset } from '../../src/host/nft-ruleset.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const VS6 = endpoint('ipv6', 'fd00::2', 6443);
const RS = [endpoint('ipv4', '10.0.0.9', 6443), endpoint('ipv4', '10.0.0.1', 6443)];
const NAME = 'lvscare-10.103.97.2-6443';

/** `nft -j -n list table` of nft 1.0.6, of the tables as lvscare makes them; the sets in the order of nft. */
const MSS = `{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}, {"table": {"family": "inet", "name": "${NAME}", "handle": 1}}, {"set": {"family": "inet", "name": "servers", "table": "${NAME}", "type": ["ipv4_addr", "inet_service"], "handle": 2, "elem": [{"concat": ["10.0.0.1", 6443]}, {"concat": ["10.0.0.9", 6443]}]}}, {"chain": {"family": "inet", "table": "${NAME}", "name": "postrouting", "handle": 1, "type": "filter", "hook": "postrouting", "prio": -150, "policy": "accept"}}, {"rule": {"family": "inet", "table": "${NAME}", "chain": "postrouting", "handle": 3, "expr": [{"match": {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": 2}}, {"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip", "field": "daddr"}}, {"payload": {"protocol": "tcp", "field": "dport"}}]}, "right": "@servers"}}, {"mangle": {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": {"rt": {"key": "mtu"}}}}]}}]}`;
const ARP = `{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}, {"table": {"family": "arp", "name": "${NAME}", "handle": 3}}, {"chain": {"family": "arp", "table": "${NAME}", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}, {"chain": {"family": "arp", "table": "${NAME}", "name": "output", "handle": 2, "type": "filter", "hook": "output", "prio": 0, "policy": "accept"}}, {"rule": {"family": "arp", "table": "${NAME}", "chain": "input", "handle": 3, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "arp", "field": "daddr ip"}}, "right": "10.103.97.2"}}, {"drop": null}]}}, {"rule": {"family": "arp", "table": "${NAME}", "chain": "output", "handle": 4, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "arp", "field": "saddr ip"}}, "right": "10.103.97.2"}}, {"mangle": {"key": {"payload": {"protocol": "arp", "field": "saddr ip"}}, "value": "0.0.0.0"}}]}}]}`;

describe('the MSS table', () => {
  const table = mssTable(VS, RS);
  const changes: readonly (readonly [what: string, shown: string, drift: string | null])[] = [
    ['as it was made, its set in another order', MSS, null],
    [
      'without one of the real servers',
      MSS.replace('{"concat": ["10.0.0.1", 6443]}, ', ''),
      'its set servers has elem',
    ],
    [
      'with another port',
      MSS.replace('["10.0.0.1", 6443]', '["10.0.0.1", 6444]'),
      'its set servers has elem',
    ],
    ['with an MSS that is fixed', MSS.replace('{"rt": {"key": "mtu"}}', '1360'), 'has no MSS rule'],
    ['with a policy', MSS.replace('"accept"', '"drop"'), 'its chain postrouting has policy drop, not accept'],
  ];
  for (const [what, shown, drift] of changes)
    it(`${what} is found ${drift === null ? 'right' : 'changed'}`, () => {
      const found = tableDrift(table, shown);
      if (drift === null) assert.equal(found, null);
      else assert.ok(found?.includes(drift), found ?? 'right');
    });

  it('has the real servers of the family of the virtual server', () => {
    assert.match(table.commands, /type ipv4_addr \. inet_service\n {4}elements = \{ 10\.0\.0\.9 \. 6443, /);
    const { commands } = mssTable(VS6, [endpoint('ipv6', 'fd00::9', 6443)]);
    assert.match(commands, /type ipv6_addr \. inet_service\n {4}elements = \{ fd00::9 \. 6443 \}/);
    assert.match(commands, /ip6 daddr \. tcp dport @servers/);
  });
});

describe('the ARP table', () => {
  const changes: readonly (readonly [what: string, shown: string, drift: string | null])[] = [
    ['as it was made', ARP, null],
    ['of another address', ARP.replaceAll('"10.103.97.2"', '"10.103.97.3"'), 'has no ARP rule'],
    ['that accepts', ARP.replace('{"drop": null}', '{"accept": null}'), 'has no ARP rule'],
    [
      'on another hook',
      ARP.replace('"hook": "output"', '"hook": "input"'),
      'its chain output has hook input',
    ],
  ];
  for (const [what, shown, drift] of changes)
    it(`${what} is found ${drift === null ? 'right' : 'changed'}`, () => {
      const found = tableDrift(arpTable(VS), shown);
      if (drift === null) assert.equal(found, null);
      else assert.ok(found?.includes(drift), found ?? 'right');
    });
});

describe('without nft', () => {
  const missing = new NftRuleset(
    Object.assign(() => Promise.reject(new NftMissing('there is no nft', null)), { generation: () => null }),
  );
  const noInterface = (): Promise<null> => Promise.resolve(null);
  const unexpected = (error: Error): void => {
    throw error;
  };

  it('what clients can live without fails, but is optional', async () => {
    for (const resource of [
      silence(missing, { mode: 'local' }, VS, noInterface, unexpected),
      silence(missing, { mode: 'link', iface: 'lvscare' }, VS, noInterface, unexpected),
      segmentSize(missing, VS, RS),
    ]) {
      assert.equal(resource.isOptional, true);
      await assert.rejects(resource.verify(), NftMissing);
    }
  });

  it('modes whose address no neighbour gets an answer for need none', async () => {
    const missed: string[] = [];
    for (const resource of [
      silence(missing, { mode: 'route' }, VS, noInterface, ({ message }) => missed.push(message)),
      silence(missing, { mode: 'none' }, VS, noInterface, ({ message }) => missed.push(message)),
      silence(missing, { mode: 'local' }, VS6, noInterface, ({ message }) => missed.push(message)),
    ])
      assert.equal(await resource.verify(), null);
    assert.equal(missed.length, 3);
  });
});
