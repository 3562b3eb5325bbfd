import { describe } from 'node:test';
import fc from 'fast-check';
import { matchesSet, readIptables, targetOf, unquoted } from '../../src/host/iptables.js';
import { masqueradeTable } from '../../src/host/masquerade-table.js';
import { tableDrift } from '../../src/host/nft-table.js';
import { VS } from '../doctor/fake-node.js';
import { anyText, changedJson, COMMAND_MS, fuzz, mutated, quickly } from './fuzz.js';

const SAVED = [
  '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:MORE - [0:0]\n-A INPUT -m conntrack --ctstate INVALID -j DROP\n-A INPUT ! -s 10.0.0.0/8 -p tcp -m tcp --dport 6443 -m comment --comment "a \\" -j b" -j MORE\n-A MORE -g INPUT\n-A MORE -i eth+ -j RETURN\nCOMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m set --match-set lvscare dst,dst -j MARK\nCOMMIT\n',
];

describe('the rules of iptables', () => {
  fuzz('are read', fc.oneof(mutated(SAVED), anyText), async (text) => {
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
    }, COMMAND_MS);
  });
});

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
