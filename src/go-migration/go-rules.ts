/** The rules that the Go lvscare creates in its link mode, and which of them no other program uses. */
import { targetOf, type Rule, type Table } from '../host/iptables.js';

type Place = readonly [table: string, chain: string, pattern: RegExp];

const PORTALS = /^-m comment --comment "virtual service portals" -j VIRTUAL-SERVICES$/;
/** Its rules in shared chains. --masqueradebit chooses the mark. */
const RULES: readonly Place[] = [
  ['nat', 'OUTPUT', PORTALS],
  ['nat', 'PREROUTING', PORTALS],
  ['nat', 'POSTROUTING', /^-m comment --comment "virtual service postrouting rules" -j VIRTUAL-POSTROUTING$/],
  [
    'filter',
    'OUTPUT',
    /^-m comment --comment "accept for all marked by lvscare" -m mark --mark [\dxa-f/]+ -j ACCEPT$/,
  ],
];

/** It matches nothing. */
const NONE = /(?!)/;
/** Its own chains, and the rules that it adds there; the canaries stay empty. */
const CHAINS: readonly Place[] = [
  [
    'nat',
    'VIRTUAL-SERVICES',
    /^-m comment --comment "virtual service ip \+ port for masquerade purpose" -m set --match-set VIRTUAL-IP dst,dst -j VIRTUAL-MARK-MASQ$/,
  ],
  ['nat', 'VIRTUAL-MARK-MASQ', /^-j MARK --set-xmark [\dxa-f/]+$/],
  [
    'nat',
    'VIRTUAL-POSTROUTING',
    // Older versions match the mark a second time; newer ones choose random ports if iptables can.
    /^-m mark ! --mark [\dxa-f/]+ -j RETURN$|^-m comment --comment "virtual service traffic requiring SNAT" (-m mark --mark [\dxa-f/]+ )?-j MASQUERADE( --random-fully)?$/,
  ],
  ['nat', 'VIRTUAL-CANARY', NONE],
  ['filter', 'VIRTUAL-CANARY', NONE],
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
      ([name, chain, pattern]) =>
        name === table.name && chain === rule.chain && pattern.test(rule.specification),
    ),
  );
  const own = CHAINS.filter(([name, chain]) => name === table.name && table.chains.includes(chain));
  const kept = new Map<string, string>();
  for (let before = -1; before !== kept.size;) {
    before = kept.size;
    for (const [, chain, pattern] of own) {
      const going = (other: string): boolean => own.some(([, name]) => name === other) && !kept.has(other);
      const stranger = table.rules.find((rule) => rule.chain === chain && !pattern.test(rule.specification));
      const user = table.rules.find(
        (rule) => targetOf(rule) === chain && !rules.includes(rule) && !going(rule.chain),
      );
      if (stranger !== undefined)
        kept.set(chain, `it has a rule of another program, ${stranger.specification}`);
      else if (user !== undefined) kept.set(chain, `chain ${user.chain} leads to it`);
    }
  }
  return { rules, chains: own.map(([, chain]) => chain).filter((chain) => !kept.has(chain)), kept };
}
