import { describe } from 'node:test';
import fc from 'fast-check';
import { checkFirewall } from '../../src/doctor/check-firewall.js';
import { matchesSet, readIptables, targetOf, unquoted } from '../../src/host/iptables.js';
import { masqueradeTable } from '../../src/host/masquerade-table.js';
import { tableDrift } from '../../src/host/nft-table.js';
import { nodeFrom, SUBJECT, VS, wellNode } from '../doctor/fake-node.js';
import { anyJson, anyText, changedJson, COMMAND_MS, fuzz, mutated, quickly } from './fuzz.js';

const SAVED = [
  '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:MORE - [0:0]\n-A INPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT ! -s 10.0.0.0/8 -p tcp -m tcp --dport 6443 -m comment --comment "a \\" -j b" -j MORE\n-A MORE -g INPUT\n-A MORE -i eth+ -j RETURN\nCOMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m set --match-set lvscare dst,dst -j MARK\nCOMMIT\n',
];

describe('the rules of iptables', () => {
  fuzz('are read, and judged', fc.oneof(mutated(SAVED), anyText), async (text) => {
    await quickly(async () => {
      const read = await readIptables((program) =>
        Promise.resolve(program === 'iptables-nft-save' ? { status: 0, stdout: text, stderr: '' } : null),
      );
      for (const { tables } of read.variants)
        for (const rule of tables.flatMap(({ rules }) => rules)) {
          unquoted(rule);
          targetOf(rule);
          matchesSet(rule, 'lvscare');
        }
      const fake = wellNode();
      fake.iptables = { variants: [...read.variants], failures: [], unknown: [] };
      await checkFirewall(nodeFrom(fake), SUBJECT);
    }, COMMAND_MS);
  });
});

const rule = (expr: unknown[]) => ({ rule: { family: 'inet', table: 'fw', chain: 'in', expr } });
const RULESET = {
  nftables: [
    { metainfo: { version: '1.0.6' } },
    { chain: { family: 'inet', table: 'fw', name: 'in', type: 'filter', hook: 'input', policy: 'drop' } },
    rule([{ match: { op: '==', left: { ct: { key: 'state' } }, right: ['invalid'] } }, { drop: null }]),
    rule([
      {
        match: {
          op: '!=',
          left: { payload: { protocol: 'ip', field: 'saddr' } },
          right: { prefix: { addr: '10.0.0.0', len: 8 } },
        },
      },
      { jump: { target: 'more' } },
    ]),
    rule([
      {
        match: {
          op: '==',
          left: { payload: { protocol: 'tcp', field: 'dport' } },
          right: { set: [{ range: [1, 9] }, 6443] },
        },
      },
      { accept: null },
    ]),
    rule([{ vmap: { key: { ct: { key: 'state' } }, data: { set: [['invalid', { drop: null }]] } } }]),
    rule([
      { xt: { type: 'match', name: 'conntrack' } },
      { match: { left: { meta: { key: 'iifname' } }, right: 'eth*', op: '==' } },
    ]),
  ],
};
const WORDS = [
  'nftables',
  'rule',
  'chain',
  'expr',
  'match',
  'left',
  'right',
  'set',
  'vmap',
  'jump',
  'target',
  'drop',
];

describe('the rules of nftables', () => {
  const rulesets = fc.oneof(changedJson(RULESET, WORDS), anyJson(WORDS));
  fuzz('are judged', rulesets, async (ruleset) => {
    await quickly(async () => {
      const fake = wellNode();
      fake.nftRuleset = { kind: 'listed', ruleset };
      await checkFirewall(nodeFrom(fake), SUBJECT);
    }, COMMAND_MS);
  });

  const table = masqueradeTable(VS);
  const listed = { nftables: table.objects.map(([kind, value]) => ({ [kind]: value })) };
  const shown = fc.oneof(
    mutated([JSON.stringify(listed)]),
    changedJson(listed, WORDS).map((value) => JSON.stringify(value)),
  );
  fuzz('are compared with those of lvscare', shown, async (text) => {
    await quickly(() => tableDrift(table, text));
  });
});
