/** The rules of nftables as `nft -j list ruleset` writes them, for {@link fateIn}. */
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

/**
 * What becomes of a packet in the chains of these hooks.
 *
 * @param ruleset What `nft -j list ruleset` prints, parsed.
 * @param isListed Whether a table of this family and name was read by another program, which can say more about it.
 */
export function fatesInNft(
  ruleset: unknown,
  family: 'ipv4' | 'ipv6',
  hooks: readonly string[],
  packet: Packet,
  isListed: (family: string, table: string) => boolean,
): readonly Fate[] {
  const families = familiesOf(family);
  const objects = listAt(ruleset, 'nftables');
  const chains = new Map<string, Rule[]>();
  for (const object of objects) {
    const rule = at(object, 'rule');
    if (rule === undefined) continue;
    const key = keyOf(rule, at(rule, 'chain'));
    const rules = chains.get(key) ?? [];
    rules.push(...rulesOf(rule));
    chains.set(key, rules);
  }
  return objects
    .map((object) => at(object, 'chain'))
    .filter((chain) => hooks.includes(textOf(at(chain, 'hook'))))
    .filter((chain) => families.includes(textOf(at(chain, 'family'))))
    .filter((chain) => !isListed(textOf(at(chain, 'family')), textOf(at(chain, 'table'))))
    .map((chain) => {
      const name = at(chain, 'name');
      const policy: Target =
        at(chain, 'policy') === 'drop'
          ? { kind: 'drop', words: `the policy of ${wordsOf(chain, name)}` }
          : { kind: 'accept' };
      return fateIn(chains, keyOf(chain, name), policy, packet);
    });
}

/** Why rules of this family cannot be known from the ruleset: nft shows matches of iptables only by their names. */
export function unknownInNft(
  ruleset: unknown,
  family: 'ipv4' | 'ipv6',
  isListed: (family: string, table: string) => boolean,
): readonly string[] {
  if (!Array.isArray(at(ruleset, 'nftables')))
    return [
      'rules of nftables cannot be listed: the output of nft -j list ruleset is another one than expected',
    ];
  const tables = listAt(ruleset, 'nftables')
    .map((object) => at(object, 'rule'))
    .filter((rule) => listAt(rule, 'expr').some((expression) => isObject(expression) && 'xt' in expression))
    .map((rule) => [textOf(at(rule, 'family')), textOf(at(rule, 'table'))] as const)
    .filter(([of, table]) => familiesOf(family).includes(of) && !isListed(of, table))
    .map((names) => names.join(' '));
  return [...new Set(tables)].map(
    (table) => `rules of iptables in nft table ${table} cannot be listed: iptables-nft-save is not installed`,
  );
}

function familiesOf(family: 'ipv4' | 'ipv6'): readonly string[] {
  return ['inet', family === 'ipv4' ? 'ip' : 'ip6'];
}

function keyOf(of: unknown, chain: unknown): string {
  return [at(of, 'family'), at(of, 'table'), chain].map(textOf).join(' ');
}

function wordsOf(of: unknown, chain: unknown): string {
  return `nft table ${textOf(at(of, 'family'))} ${textOf(at(of, 'table'))} chain ${textOf(chain)}`;
}

/** A rule, or one for each element of its verdict map: `ct state vmap { invalid : drop }`. */
function rulesOf(rule: unknown): readonly Rule[] {
  const expressions = listAt(rule, 'expr');
  const conditions = expressions.flatMap((expression) => conditionOf(expression) ?? []);
  const matching =
    (more: readonly Condition[]) =>
    (packet: Packet): Match =>
      allOf([...conditions, ...more].map((condition) => condition(packet)));
  return expressions.flatMap((expression): Rule[] => {
    const vmap = at(expression, 'vmap');
    if (vmap === undefined) {
      const target = targetOf(expression, rule);
      return target === null ? [] : [{ matches: matching([]), target }];
    }
    return listAt(vmap, 'data', 'set').flatMap((element) => {
      const target = targetOf(at(element, '1'), rule);
      const isKey: Condition = (packet) => meets(at(vmap, 'key'), at(element, '0'), packet);
      return target === null ? [] : [{ matches: matching([isKey]), target }];
    });
  });
}

function targetOf(verdict: unknown, rule: unknown): Target | null {
  const has = (kind: string): boolean => isObject(verdict) && kind in verdict;
  if (has('accept')) return { kind: 'accept' };
  if (has('drop') || has('reject')) return { kind: 'drop', words: wordsOf(rule, at(rule, 'chain')) };
  if (has('return')) return { kind: 'return' };
  for (const kind of ['jump', 'goto'] as const)
    if (has(kind)) return { kind, chain: keyOf(rule, at(verdict, kind, 'target')) };
  return null;
}

type Condition = (packet: Packet) => Match;

/** Statements after which a rule goes on with any packet. */
const HARMLESS = ['counter', 'log', 'mangle', 'comment', 'vmap', 'notrack'];
const VERDICTS = ['accept', 'drop', 'reject', 'return', 'jump', 'goto', 'continue'];

/** The condition of an expression, or null if it is none. */
function conditionOf(expression: unknown): Condition | null {
  const match = at(expression, 'match');
  if (match !== undefined)
    return (packet) => {
      const met = meets(at(match, 'left'), at(match, 'right'), packet);
      // `!`: none of these flags is set.
      return ['!=', '!'].includes(textOf(at(match, 'op'))) ? negated(met) : met;
    };
  const [kind = ''] = isObject(expression) ? Object.keys(expression) : [];
  // Others, such as limit and xt, may end the rule.
  return [...HARMLESS, ...VERDICTS].includes(kind) ? null : () => 'maybe';
}

function meets(left: unknown, right: unknown, packet: Packet): Match {
  if (at(left, 'ct', 'key') === 'state') return oneOf(right, (value) => matchOf(value === packet.state));
  const [protocol, field] = [at(left, 'payload', 'protocol'), at(left, 'payload', 'field')];
  if (protocol === 'ip' || protocol === 'ip6') {
    const address = { saddr: packet.source, daddr: packet.destination }[textOf(field)] ?? null;
    return address === null ? 'maybe' : oneOf(right, (value) => hasAddress(value, address));
  }
  if (protocol === 'udp') return 'no';
  if (protocol === 'tcp' || protocol === 'th')
    return field === 'sport' || field === 'dport'
      ? oneOf(right, (value) =>
          hasPort(value, field === 'sport' ? packet.sourcePort : packet.destinationPort),
        )
      : 'maybe';
  const meta = at(left, 'meta', 'key');
  if (meta === 'l4proto') return oneOf(right, (value) => matchOf(value === 'tcp' || value === 6));
  if (meta === 'iifname' || meta === 'iif') return onInterface(right, packet.inInterface);
  if (meta === 'oifname' || meta === 'oif') return onInterface(right, packet.outInterface);
  return 'maybe';
}

/** A value, or one of a set or of flags. The name of a set, `@name`, may contain anything. */
function oneOf(right: unknown, is: (value: unknown) => Match): Match {
  const several = [right, at(right, 'set'), at(right, '|')].find(Array.isArray) as unknown[] | undefined;
  if (several !== undefined)
    return anyOf(several.map((value) => oneOf(at(value, 'elem', 'val') ?? value, is)));
  return typeof right === 'string' && right.startsWith('@') ? 'maybe' : is(right);
}

function hasAddress(value: unknown, address: string): Match {
  if (typeof value === 'string') return matchOf(contains(value, address));
  const prefix = at(value, 'prefix');
  return prefix === undefined
    ? 'maybe'
    : matchOf(contains(`${textOf(at(prefix, 'addr'))}/${textOf(at(prefix, 'len'))}`, address));
}

function hasPort(value: unknown, port: number | null): Match {
  const [from, to] = typeof value === 'number' ? [value, value] : listAt(value, 'range');
  return typeof from === 'number' && typeof to === 'number' ? inRange(port, from, to) : 'maybe';
}

function onInterface(right: unknown, name: string | null): Match {
  return oneOf(right, (value) => {
    if (name === null) return value === 'lo' ? 'no' : 'maybe';
    const text = textOf(value);
    return matchOf(text.endsWith('*') ? name.startsWith(text.slice(0, -1)) : name === text);
  });
}

/** The value at a path in parsed JSON, or undefined if there is none. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((found, key) => (isObject(found) ? found[key] : undefined), value);
}

/** A value as a text. That of an object is not asked for: it may have a key toString. */
function textOf(value: unknown): string {
  return isObject(value) ? JSON.stringify(value) : String(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}
