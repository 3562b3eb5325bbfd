/**
 * Rules that drop packets of state INVALID. Unless IPVS registers its connections with connection tracking, the answers of real
 * servers are INVALID.
 */
import { targetOf, unquoted, type Iptables } from '../host/iptables.js';
import { about, AS_ROOT, ok, skip, warn, type Said } from './finding.js';
import { textOf, type Node, type Subject } from './ports.js';

const CONNTRACK = 'net.ipv4.vs.conntrack';

/** The hooks that answers of real servers pass, and the clients that wait for them. */
const HOOKS = {
  input: { about: null, packets: 'incoming', clients: 'clients on this node' },
  forward: { about: 'of pods', packets: 'forwarded', clients: 'clients in pods and behind this node' },
} as const;
type Hook = keyof typeof HOOKS;

export async function checkFirewall({ files, firewall }: Node, subject: Subject): Promise<readonly Said[]> {
  const { family } = subject.virtualServer;
  const [{ variants, failures }, ruleset] = await Promise.all([
    firewall.iptables(family),
    firewall.nftRuleset(),
  ]);
  const tracked = (await textOf(files, `/proc/sys/${CONNTRACK.replaceAll('.', '/')}`))?.trim() === '1';
  const found = (['input', 'forward'] as const).flatMap((hook) => {
    const [first] = [
      ...variants.flatMap((variant) => inIptables(variant, hook)),
      ...inNftables(ruleset, family, hook),
    ];
    return first === undefined ? [] : [judge(first, hook, tracked, subject)];
  });
  if (found.length > 0) return found;
  const [failure] = failures;
  if (failure !== undefined) return [warn(failure.message, AS_ROOT)];
  return variants.length === 0 && ruleset === null
    ? [skip('there are no rules, or neither iptables nor nft to list them')]
    : [ok('no rule drops INVALID packets')];
}

function judge(rule: string, hook: Hook, tracked: boolean, { masquerade }: Subject): Said {
  const { about: of, packets, clients } = HOOKS[hook];
  const evidence = `${rule} drops ${packets} INVALID packets`;
  const said =
    tracked || masquerade
      ? ok(
          `${evidence}; ${tracked ? 'with' : 'lvscare sets'} ${CONNTRACK}=1: answers of real servers are not INVALID`,
        )
      : warn(
          `${evidence}, and with them the answers of real servers: ${clients} time out although every probe succeeds`,
          `sysctl -w ${CONNTRACK}=1, or give lvscare --masquerade`,
        );
  return of === null ? said : about(of, said);
}

/** A rule, as far as it matters here. */
interface Rule {
  readonly chain: string;
  /** The chains to which it can send packets. */
  readonly leadsTo: readonly string[];
  /** The rule in words if it drops INVALID packets, else null. */
  readonly drops: string | null;
}

/** The first rule that drops INVALID packets, of those that a packet can reach from some chains; empty if there is none. */
function firstDrop(entries: readonly string[], rules: readonly Rule[]): string[] {
  const chains = new Map<string, Rule[]>();
  for (const rule of rules) chains.set(rule.chain, [...(chains.get(rule.chain) ?? []), rule]);
  // A set grows while it is iterated, and has every chain only once.
  const reached = new Set(entries);
  for (const name of reached) {
    const chain = chains.get(name) ?? [];
    const dropping = chain.flatMap(({ drops }) => drops ?? []);
    if (dropping.length > 0) return dropping.slice(0, 1);
    for (const target of chain.flatMap(({ leadsTo }) => leadsTo)) reached.add(target);
  }
  return [];
}

const DROPS_INVALID = /(?<!! )--(?:ct)?state (?:\S+,)?INVALID(?:,\S+)?(?: .*)? -j (?:DROP|REJECT)\b/;

function inIptables({ command, tables }: Iptables, hook: Hook): string[] {
  return tables.flatMap(({ name, rules }) =>
    firstDrop(
      [hook.toUpperCase()],
      rules.map((rule) => ({
        chain: rule.chain,
        leadsTo: [targetOf(rule) ?? []].flat(),
        drops: DROPS_INVALID.test(unquoted(rule)) ? `${command} -t ${name} chain ${rule.chain}` : null,
      })),
    ),
  );
}

/** @param ruleset What `nft -j list ruleset` prints, parsed. */
function inNftables(ruleset: unknown, family: 'ipv4' | 'ipv6', hook: Hook): string[] {
  const families = ['inet', family === 'ipv4' ? 'ip' : 'ip6'];
  const objects = listAt(ruleset, 'nftables');
  const key = (of: unknown, chain: unknown): string =>
    [at(of, 'family'), at(of, 'table'), chain].map(String).join(' ');
  const entries = objects
    .map((object) => at(object, 'chain'))
    .filter((chain) => at(chain, 'hook') === hook && families.includes(String(at(chain, 'family'))))
    .map((chain) => key(chain, at(chain, 'name')));
  const rules = objects
    .map((object) => at(object, 'rule'))
    .map((rule): Rule => {
      const branches = branchesOf(listAt(rule, 'expr'));
      const verdicts = branches.flatMap((branch) => branch.verdicts);
      const chain = at(rule, 'chain');
      const words = `nft table ${String(at(rule, 'family'))} ${String(at(rule, 'table'))} chain ${String(chain)}`;
      return {
        chain: key(rule, chain),
        leadsTo: verdicts
          .map((verdict) => at(verdict, 'jump', 'target') ?? at(verdict, 'goto', 'target'))
          .filter((target) => target !== undefined)
          .map((target) => key(rule, target)),
        drops: branches.some((branch) => branch.invalid && branch.verdicts.some(isDrop)) ? words : null,
      };
    });
  return firstDrop(entries, rules);
}

/** A branch of a rule of nftables. */
interface Branch {
  /** Whether INVALID packets take it. */
  readonly invalid: boolean;
  /** Its verdicts, among other things. */
  readonly verdicts: readonly unknown[];
}

/** The rule itself, and each element of its verdict maps: `ct state vmap { invalid : drop }`. */
function branchesOf(expressions: readonly unknown[]): readonly Branch[] {
  const invalid = expressions
    .map((expression) => at(expression, 'match'))
    .some(
      (match) => at(match, 'op') !== '!=' && isCtState(at(match, 'left')) && hasInvalid(at(match, 'right')),
    );
  return [
    { invalid, verdicts: expressions },
    ...expressions
      .map((expression) => at(expression, 'vmap'))
      .flatMap((vmap) =>
        listAt(vmap, 'data', 'set').map((element) => ({
          invalid: isCtState(at(vmap, 'key')) && hasInvalid(at(element, '0')),
          verdicts: [at(element, '1')],
        })),
      ),
  ];
}

function isDrop(verdict: unknown): boolean {
  return at(verdict, 'drop') !== undefined || at(verdict, 'reject') !== undefined;
}

function isCtState(value: unknown): boolean {
  return at(value, 'ct', 'key') === 'state';
}

/** `invalid`, or a set that contains it. */
function hasInvalid(value: unknown): boolean {
  if (value === 'invalid') return true;
  return [value, at(value, 'set'), at(value, '|')].some((set) => Array.isArray(set) && set.some(hasInvalid));
}

/** The value at a path in parsed JSON, or undefined if there is none. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce(
    (found, key) =>
      typeof found === 'object' && found !== null
        ? (found as Readonly<Record<string, unknown>>)[key]
        : undefined,
    value,
  );
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}
