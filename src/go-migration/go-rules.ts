/** The rules that the Go lvscare creates in its link mode, and which of them no other program uses. */
import { targetOf, type Rule, type Table } from '../host/iptables.js';

/** Its rules in shared chains. --masqueradebit chooses the mark. */
const RULES: readonly { readonly table: string; readonly chain: string; readonly pattern: RegExp }[] = [
  {
    table: 'nat',
    chain: 'OUTPUT',
    pattern: /^-m comment --comment "virtual service portals" -j VIRTUAL-SERVICES$/,
  },
  {
    table: 'nat',
    chain: 'PREROUTING',
    pattern: /^-m comment --comment "virtual service portals" -j VIRTUAL-SERVICES$/,
  },
  {
    table: 'nat',
    chain: 'POSTROUTING',
    pattern: /^-m comment --comment "virtual service postrouting rules" -j VIRTUAL-POSTROUTING$/,
  },
  {
    table: 'filter',
    chain: 'OUTPUT',
    pattern: /^-m comment --comment "accept for all marked by lvscare" -m mark --mark [\dxa-f/]+ -j ACCEPT$/,
  },
];

/** Its own chains, and the rules that it adds there; the canaries stay empty. */
const CHAINS: readonly { readonly table: string; readonly chain: string; readonly pattern: RegExp | null }[] =
  [
    {
      table: 'nat',
      chain: 'VIRTUAL-SERVICES',
      pattern:
        /^-m comment --comment "virtual service ip \+ port for masquerade purpose" -m set --match-set VIRTUAL-IP dst,dst -j VIRTUAL-MARK-MASQ$/,
    },
    { table: 'nat', chain: 'VIRTUAL-MARK-MASQ', pattern: /^-j MARK --set-xmark [\dxa-f/]+$/ },
    {
      table: 'nat',
      chain: 'VIRTUAL-POSTROUTING',
      // Older versions match the mark a second time; newer ones choose random ports if iptables can.
      pattern:
        /^-m mark ! --mark [\dxa-f/]+ -j RETURN$|^-m comment --comment "virtual service traffic requiring SNAT" (-m mark --mark [\dxa-f/]+ )?-j MASQUERADE( --random-fully)?$/,
    },
    { table: 'nat', chain: 'VIRTUAL-CANARY', pattern: null },
    { table: 'filter', chain: 'VIRTUAL-CANARY', pattern: null },
  ];

interface GoRules {
  /** Rules in shared chains. */
  readonly rules: readonly Rule[];
  /** Chains to remove with their rules. */
  readonly chains: readonly string[];
  /** Chains that stay, each with the reason. */
  readonly kept: ReadonlyMap<string, string>;
}

/** The Go lvscare's part of a table. A chain that another program uses stays, and so do the chains that it leads to. */
export function goRulesIn(table: Table): GoRules {
  const rules = table.rules.filter((rule) =>
    RULES.some(
      ({ table: name, chain, pattern }) =>
        name === table.name && chain === rule.chain && pattern.test(rule.specification),
    ),
  );
  const own = CHAINS.filter(({ table: name, chain }) => name === table.name && table.chains.includes(chain));
  const kept = new Map<string, string>();
  for (let before = -1; before !== kept.size;) {
    before = kept.size;
    for (const { chain, pattern } of own) {
      const going = (other: string): boolean =>
        own.some(({ chain: name }) => name === other) && !kept.has(other);
      const stranger = table.rules.find(
        (rule) => rule.chain === chain && pattern?.test(rule.specification) !== true,
      );
      const user = table.rules.find(
        (rule) => targetOf(rule) === chain && !rules.includes(rule) && !going(rule.chain),
      );
      if (stranger !== undefined)
        kept.set(chain, `it has a rule of another program, ${stranger.specification}`);
      else if (user !== undefined) kept.set(chain, `chain ${user.chain} leads to it`);
    }
  }
  return { rules, chains: own.map(({ chain }) => chain).filter((chain) => !kept.has(chain)), kept };
}
