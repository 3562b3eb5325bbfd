/** The rules of iptables as `iptables-save` writes them, for {@link fateIn}. */
import { unquoted, type Iptables, type Rule as Line, type Table } from '../host/iptables.js';
import { contains } from './cidr.js';
import {
  allOf,
  anyOf,
  fateIn,
  inRange,
  matchOf,
  negated,
  type Fate,
  type Match,
  type Packet,
  type Rule,
  type Target,
} from './packet-filter.js';

/** What becomes of a packet in the chains of these names, of all tables. */
export function fatesInIptables(
  { command, tables }: Iptables,
  bases: readonly string[],
  packet: Packet,
): readonly Fate[] {
  return tables.flatMap((table) => {
    const words = (chain: string): string => `${command} -t ${table.name} chain ${chain}`;
    const chains = new Map<string, Rule[]>();
    for (const line of table.rules) {
      const rules = chains.get(line.chain) ?? [];
      rules.push(ruleOf(line, words(line.chain)));
      chains.set(line.chain, rules);
    }
    return bases
      .filter((base) => chains.has(base) || table.policies[base] !== undefined)
      .map((base) => fateIn(chains, base, policyOf(table, base, words(base)), packet));
  });
}

function policyOf({ policies }: Table, chain: string, words: string): Target {
  return policies[chain] === 'DROP' ? { kind: 'drop', words: `the policy of ${words}` } : { kind: 'accept' };
}

function ruleOf(line: Line, words: string): Rule {
  const [conditions = '', flag = '', name = ''] = /^(.*?)(?:(?:^| )-([jg]) (\S+).*)?$/
    .exec(unquoted(line))
    ?.slice(1) ?? [''];
  const all = [...conditions.matchAll(/(! )?(--?[\w-]+)((?: (?!!|-)\S+)*)/g)];
  return {
    matches: (packet) =>
      allOf(
        all.map(([, not, option = '', values = '']) => {
          const match = meets(option, values.trim(), packet);
          return not === undefined ? match : negated(match);
        }),
      ),
    target: targetOf(flag, name, words),
  };
}

function targetOf(flag: string, name: string, words: string): Target {
  switch (name) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
    case 'REJECT':
      return { kind: 'drop', words };
    case 'RETURN':
      return { kind: 'return' };
    case '':
      return { kind: 'none' };
    default:
      // LOG, MARK and other targets of the kernel are chains without rules here: the packet goes on.
      return { kind: flag === 'g' ? 'goto' : 'jump', chain: name };
  }
}

function meets(option: string, value: string, packet: Packet): Match {
  switch (option) {
    case '-m':
    case '--comment':
      return 'yes';
    case '-p':
      return matchOf(['tcp', 'all', '6', '0'].includes(value));
    case '-s':
      return packet.source === null ? 'maybe' : matchOf(contains(value, packet.source));
    case '-d':
      return packet.destination === null ? 'maybe' : matchOf(contains(value, packet.destination));
    case '-i':
      return onInterface(value, packet.inInterface);
    case '-o':
      return onInterface(value, packet.outInterface);
    case '--sport':
    case '--sports':
      return onPorts(value, packet.sourcePort);
    case '--dport':
    case '--dports':
      return onPorts(value, packet.destinationPort);
    case '--state':
    case '--ctstate':
      return matchOf(value.split(',').includes(packet.state.toUpperCase()));
    default:
      return 'maybe';
  }
}

function onInterface(pattern: string, name: string | null): Match {
  if (name === null) return pattern === 'lo' ? 'no' : 'maybe';
  return matchOf(pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern);
}

/** `6443`, `1024:65535`, `:1023`, or several with commas. */
function onPorts(list: string, port: number | null): Match {
  return anyOf(
    list.split(',').map((range) => {
      const [from = '', to = from] = range.split(':');
      return inRange(port, Number(from), to === '' ? 65535 : Number(to));
    }),
  );
}
