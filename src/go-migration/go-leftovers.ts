import type { Leftovers, Removal } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { runCommand, type Run } from '../host/command.js';
import { goRulesIn } from './go-rules.js';
import { changeTable, matchesSet, readIptables, type Iptables, type Rule } from '../host/iptables.js';
import { deleteEntry, destroySet, readSet } from './ipset.js';

/** The Go lvscare's ipset: all virtual servers whose clients it masquerades. */
const SET = 'VIRTUAL-IP';
const SET_TYPE = 'hash:ip,port';

/** One change, in whole or not at all. */
interface Step {
  /** What it removes, in words. */
  readonly removes: readonly string[];
  readonly remove: () => Promise<void>;
}

interface Plan {
  readonly steps: readonly Step[];
  readonly left: readonly string[];
  /** What could not be read, and so has no step. */
  readonly failures: readonly Error[];
}

/**
 * The masquerading that the Go lvscare's link mode left in iptables and ipset. All its virtual servers share it, so while its set
 * has another one, only the entry of ours is removed. It has none for IPv6.
 *
 * @param note Called with the reason, in words, if nothing can be found.
 */
export function goLeftovers(
  virtualServer: Endpoint,
  note: (words: string) => void,
  run: Run = runCommand,
): Leftovers {
  const entry = `${virtualServer.address},tcp:${virtualServer.port}`;

  async function plan(): Promise<Plan> {
    const set = await readSet(run, SET);
    if (set === 'no program') {
      note('ipset is not installed, so rules of the Go lvscare cannot be found');
      return { steps: [], left: [], failures: [] };
    }
    const ours = set?.type === SET_TYPE && set.entries.includes(entry);
    const others = set?.type === SET_TYPE ? set.entries.filter((other) => other !== entry) : [];
    const removeEntry: Step = {
      removes: [`${entry} from ipset ${SET}`],
      remove: () => deleteEntry(run, SET, entry),
    };
    if (others.length > 0) {
      // Without an entry of ours, nothing of it is ours.
      if (!ours) return { steps: [], left: [], failures: [] };
      const left = [`the Go lvscare's chains and ipset ${SET}: the set also has ${others.join(' ')}`];
      return { steps: [removeEntry], left, failures: [] };
    }
    const { variants, failures } = await readIptables(run);
    if (variants.length === 0 && failures.length === 0) {
      note('iptables is not installed, so rules of the Go lvscare cannot be removed');
      return { steps: [], left: [], failures: [] };
    }
    const going = new Set<Rule>();
    const steps: Step[] = [];
    const left: string[] = [];
    for (const variant of variants) planVariant(run, variant, { steps, left, going });

    const user = userOfSet(variants, going);
    if (set === null) return { steps, left, failures };
    if (set.type !== SET_TYPE)
      left.push(`ipset ${SET}: its type is ${set.type}, so the Go lvscare did not create it`);
    else if (user === null) steps.push({ removes: [`ipset ${SET}`], remove: () => destroySet(run, SET) });
    else {
      if (ours) steps.push(removeEntry);
      left.push(`ipset ${SET}: ${user}`);
    }
    return { steps, left, failures };
  }

  async function planned(): Promise<Plan> {
    try {
      return await plan();
    } catch (error) {
      return { steps: [], left: [], failures: [error as Error] };
    }
  }

  return {
    async find() {
      const { steps, left, failures } = await planned();
      return { taken: steps.flatMap(({ removes }) => removes), left, failures };
    },

    async remove() {
      const { steps, left, failures } = await planned();
      const removal = { taken: [] as string[], left, failures: [...failures] } satisfies Removal;
      for (const { removes, remove } of steps) {
        try {
          await remove();
          removal.taken.push(...removes);
        } catch (error) {
          removal.failures.push(error as Error);
        }
      }
      return removal;
    },
  };
}

function planVariant(
  run: Run,
  { command, tables }: Iptables,
  plan: { readonly steps: Step[]; readonly left: string[]; readonly going: Set<Rule> },
): void {
  for (const table of tables) {
    const { rules, chains, kept } = goRulesIn(table);
    const where = `${command} -t ${table.name}`;
    for (const [chain, why] of kept) plan.left.push(`${where} chain ${chain}: ${why}`);
    for (const rule of table.rules) {
      if (rules.includes(rule) || chains.includes(rule.chain)) plan.going.add(rule);
    }
    if (rules.length === 0 && chains.length === 0) continue;
    plan.steps.push({
      removes: [
        ...rules.map(({ chain, specification }) => `${where} rule ${chain} ${specification}`),
        ...chains.map((chain) => `${where} chain ${chain}`),
      ],
      // In this order nothing refers to a chain when it is deleted.
      remove: () =>
        changeTable(run, command, table.name, [
          ...rules.map(({ chain, specification }) => `-D ${chain} ${specification}`),
          ...chains.map((chain) => `-F ${chain}`),
          ...chains.map((chain) => `-X ${chain}`),
        ]),
    });
  }
}

/** A rule that still matches the set when these rules are gone, in words, or null if there is none. */
function userOfSet(variants: readonly Iptables[], going: ReadonlySet<Rule>): string | null {
  for (const { command, tables } of variants) {
    for (const { name, rules } of tables) {
      const user = rules.find((rule) => matchesSet(rule, SET) && !going.has(rule));
      if (user !== undefined) return `a rule of ${command} -t ${name} chain ${user.chain} matches it`;
    }
  }
  return null;
}
