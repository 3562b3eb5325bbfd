/** Rules that drop what connection tracking calls INVALID: the answers of real servers, as far as IPVS does not tell it. */
import { about, ok, skip, warn, type Said } from './finding.js';
import { textOf, type Iptables, type Node, type Subject } from './ports.js';

const CONNTRACK = 'net.ipv4.vs.conntrack';

/** Whose answers of real servers come by a hook, and how packets go there. */
const WAYS = {
  input: { about: null, words: 'on their way in', whose: 'clients' },
  forward: {
    about: 'of pods',
    words: 'between pods or other hosts and real servers',
    whose: 'pods, and other hosts that come through this node,',
  },
} as const;
type Hook = keyof typeof WAYS;

export async function checkFirewall({ files, firewall }: Node, subject: Subject): Promise<readonly Said[]> {
  const { family } = subject.virtualServer;
  const [{ variants, failures }, ruleset] = await Promise.all([
    firewall.iptables(family),
    firewall.nftRuleset(),
  ]);
  const dropping = (hook: Hook): string | undefined =>
    [
      ...variants.flatMap((variant) => inIptables(variant, hook)),
      ...(ruleset === null ? [] : inNftables(ruleset, family, hook)),
    ][0];
  const [input, forward] = [dropping('input'), dropping('forward')];
  const tracked = (await textOf(files, `/proc/sys/${CONNTRACK.replaceAll('.', '/')}`))?.trim() === '1';
  const found = [
    ...(input === undefined ? [] : [judge(input, 'input', tracked, subject)]),
    ...(forward === undefined ? [] : [judge(forward, 'forward', tracked, subject)]),
  ];
  if (found.length > 0) return found;
  const [failure] = failures;
  if (failure !== undefined) return [warn(failure.message, 'run lvscare doctor as root, on the host')];
  return variants.length === 0 && ruleset === null
    ? [skip('there are no rules, or neither iptables nor nft to read them')]
    : [ok('nothing drops INVALID packets')];
}

/** Of a rule that drops what connection tracking knows nothing of. */
function judge(rule: string, hook: Hook, tracked: boolean, { masquerade }: Subject): Said {
  const { about: of, words, whose } = WAYS[hook];
  const evidence = `${rule} drops INVALID packets ${words}`;
  const said = tracked
    ? ok(`${evidence}, but with ${CONNTRACK}=1 the answers of real servers are none`)
    : masquerade
      ? ok(`${evidence}; lvscare sets ${CONNTRACK}=1, with which the answers of real servers are none`)
      : warn(
          `${evidence}, and the answers of real servers with them: ${whose} time out while every probe is well`,
          `sysctl -w ${CONNTRACK}=1, or give lvscare --masquerade`,
        );
  return of === null ? said : about(of, said);
}

/** From one chain to the next. */
interface Chain {
  readonly leadsTo: readonly string[];
  /** A rule in it that drops INVALID packets, in words. */
  readonly drops: string | null;
}

/** The first dropping rule that a packet can come to from a chain. */
function reachable(from: readonly string[], chains: ReadonlyMap<string, Chain>): string[] {
  const seen = new Set<string>();
  const open = [...from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const chain = chains.get(name);
    if (chain?.drops !== undefined && chain.drops !== null) return [chain.drops];
    open.push(...(chain?.leadsTo ?? []));
  }
  return [];
}

const DROPS_INVALID = /(?<!! )--(?:ct)?state (?:\S+,)?INVALID(?:,\S+)?(?: .*)? -j (?:DROP|REJECT)\b/;

function inIptables({ command, tables }: Iptables, hook: Hook): string[] {
  return tables.flatMap(({ name, rules }) => {
    const chains = new Map<string, Chain>();
    for (const { chain, specification } of rules) {
      // A comment may say anything.
      const unquoted = specification.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
      const target = /(?:^| )-[jg] (\S+)/.exec(unquoted)?.[1];
      const before = chains.get(chain);
      const drops = DROPS_INVALID.test(unquoted) ? `${command} -t ${name} chain ${chain}` : null;
      chains.set(chain, {
        leadsTo: [...(before?.leadsTo ?? []), ...(target === undefined ? [] : [target])],
        drops: before?.drops ?? drops,
      });
    }
    return reachable([hook.toUpperCase()], chains);
  });
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** In what `nft -j list ruleset` says. */
function inNftables(ruleset: unknown, family: 'ipv4' | 'ipv6', hook: Hook): string[] {
  const items =
    isObject(ruleset) && Array.isArray(ruleset['nftables']) ? (ruleset['nftables'] as unknown[]) : [];
  const families = ['inet', family === 'ipv4' ? 'ip' : 'ip6'];
  const chains = new Map<string, Chain>();
  const entries: string[] = [];
  const of = (kind: string): Json[] =>
    items.flatMap((item) => (isObject(item) && isObject(item[kind]) ? [item[kind]] : []));
  for (const chain of of('chain')) {
    const key = keyOf(chain, chain['name']);
    if (families.includes(String(chain['family'])) && chain['hook'] === hook) entries.push(key);
  }
  for (const rule of of('rule')) {
    const key = keyOf(rule, rule['chain']);
    const before = chains.get(key);
    const expressions = Array.isArray(rule['expr']) ? (rule['expr'] as unknown[]).filter(isObject) : [];
    const targets = expressions.flatMap(targetsOf).map((target) => keyOf(rule, target));
    const words = `nft table ${String(rule['family'])} ${String(rule['table'])} chain ${String(rule['chain'])}`;
    chains.set(key, {
      leadsTo: [...(before?.leadsTo ?? []), ...targets],
      drops: before?.drops ?? (dropsInvalid(expressions) ? words : null),
    });
  }
  return reachable(entries, chains);
}

function keyOf(of: Json, chain: unknown): string {
  return [of['family'], of['table'], chain].map(String).join(' ');
}

function targetsOf(expression: Json): string[] {
  const verdicts = [expression, ...vmapElements(expression).map(([, verdict]) => verdict)];
  return verdicts.flatMap((verdict) => {
    if (!isObject(verdict)) return [];
    const jump = verdict['jump'] ?? verdict['goto'];
    return isObject(jump) ? [String(jump['target'])] : [];
  });
}

/** `ct state vmap { invalid : drop, ... }`: its elements, each a key and a verdict. */
function vmapElements(expression: Json): [unknown, unknown][] {
  const vmap = expression['vmap'];
  const data = isObject(vmap) ? vmap['data'] : null;
  const set = isObject(data) ? data['set'] : null;
  return Array.isArray(set)
    ? ((set as unknown[]).filter((element) => Array.isArray(element)) as [unknown, unknown][])
    : [];
}

function dropsInvalid(expressions: readonly Json[]): boolean {
  const drops = (verdict: unknown): boolean =>
    isObject(verdict) && ('drop' in verdict || 'reject' in verdict);
  const byMatch =
    expressions.some((expression) => matchesInvalid(expression['match'])) && expressions.some(drops);
  const byMap = expressions.some((expression) =>
    vmapElements(expression).some(
      ([key, verdict]) => isCtState(expression['vmap'], 'key') && hasInvalid(key) && drops(verdict),
    ),
  );
  return byMatch || byMap;
}

function matchesInvalid(match: unknown): boolean {
  return isObject(match) && match['op'] !== '!=' && isCtState(match, 'left') && hasInvalid(match['right']);
}

function isCtState(value: unknown, side: 'left' | 'key'): boolean {
  const ct = isObject(value) && isObject(value[side]) ? value[side]['ct'] : null;
  return isObject(ct) && ct['key'] === 'state';
}

/** `invalid`, or a set with it. */
function hasInvalid(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasInvalid);
  if (isObject(value)) return hasInvalid(value['set']) || hasInvalid(value['|']);
  return value === 'invalid';
}
