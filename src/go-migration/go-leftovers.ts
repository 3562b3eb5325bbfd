import type { Leftovers, Removal } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { runCommand, type Run } from '../host/command.js';
import { goRulesIn } from './go-rules.js';
import { changeTable, matchesSet, readIptables, type Iptables, type Rule } from '../host/iptables.js';
import { deleteEntry, destroySet, readSet } from './ipset.js';

/** The Go program's ipset, of all virtual servers whose clients it masquerades. */
const SET = 'VIRTUAL-IP';
const SET_TYPE = 'hash:ip,port';

/** One change, all or nothing. */
interface Step {
  /** What it takes away, in words. */
  readonly takes: readonly string[];
  readonly take: () => Promise<void>;
}

interface Plan {
  readonly steps: readonly Step[];
  readonly left: readonly string[];
  /** What could not be read, and so is in no step. */
  readonly failures: readonly Error[];
}

/**
 * What the Go program's link mode left in iptables and ipset: its masquerading. All its virtual servers share it, so as long
 * as its set has another one, only ours is taken out of the set. It makes none for IPv6.
 *
 * @param note Hears, in words, why there was nothing to look for.
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
      note('there is no ipset to look for rules of the Go program with');
      return { steps: [], left: [], failures: [] };
    }
    const ours = set?.type === SET_TYPE && set.entries.includes(entry);
    const others = set?.type === SET_TYPE ? set.entries.filter((other) => other !== entry) : [];
    const takeEntry: Step = {
      takes: [`${entry} from ipset ${SET}`],
      take: () => deleteEntry(run, SET, entry),
    };
    if (others.length > 0) {
      // Nothing of ours is there: so nothing of it is our business.
      if (!ours) return { steps: [], left: [], failures: [] };
      const left = [`the Go program's chains and ipset ${SET}: ${others.join(' ')} is in it, too`];
      return { steps: [takeEntry], left, failures: [] };
    }
    const { variants, failures } = await readIptables(run);
    if (variants.length === 0 && failures.length === 0) {
      note('there is no iptables to remove rules of the Go program with');
      return { steps: [], left: [], failures: [] };
    }
    const going = new Set<Rule>();
    const steps: Step[] = [];
    const left: string[] = [];
    for (const variant of variants) planVariant(run, variant, { steps, left, going });

    const user = userOfSet(variants, going);
    if (set === null) return { steps, left, failures };
    if (set.type !== SET_TYPE) left.push(`ipset ${SET}: it is a ${set.type}, not the Go program's`);
    else if (user === null) steps.push({ takes: [`ipset ${SET}`], take: () => destroySet(run, SET) });
    else {
      if (ours) steps.push(takeEntry);
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
      return { taken: steps.flatMap(({ takes }) => takes), left, failures };
    },

    async remove() {
      const { steps, left, failures } = await planned();
      const removal = { taken: [] as string[], left, failures: [...failures] } satisfies Removal;
      for (const { takes, take } of steps) {
        try {
          await take();
          removal.taken.push(...takes);
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
      takes: [
        ...rules.map(({ chain, specification }) => `${where} rule ${chain} ${specification}`),
        ...chains.map((chain) => `${where} chain ${chain}`),
      ],
      // In this order each is without references when its turn comes.
      take: () =>
        changeTable(run, command, table.name, [
          ...rules.map(({ chain, specification }) => `-D ${chain} ${specification}`),
          ...chains.map((chain) => `-F ${chain}`),
          ...chains.map((chain) => `-X ${chain}`),
        ]),
    });
  }
}

/** Who goes on matching the set when these rules are gone, in words; null if nobody does. */
function userOfSet(variants: readonly Iptables[], going: ReadonlySet<Rule>): string | null {
  for (const { command, tables } of variants) {
    for (const { name, rules } of tables) {
      const user = rules.find((rule) => matchesSet(rule, SET) && !going.has(rule));
      if (user !== undefined) return `a rule of ${command} -t ${name} chain ${user.chain} matches it`;
    }
  }
  return null;
}
