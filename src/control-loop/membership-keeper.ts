import {
  age,
  bestFirst,
  initialMembership,
  READING_MS,
  withList,
  withSeeds,
  worthSaving,
  type Member,
  type Membership,
  type MembershipPolicy,
  type MembershipScope,
} from '../decisions/membership.js';
import type { HealthState } from '../decisions/health.js';
import type { Endpoint } from '../values/endpoint.js';
import { briefly } from './briefly.js';
import type { Emit } from './events.js';
import type { Clock, ClusterList, Discovery, DiscoveryResult, LastGoodList } from './ports.js';

interface MembershipParts {
  readonly discovery: Discovery;
  readonly lastGood: LastGoodList;
  /** Whether the list is saved. */
  readonly saves: boolean;
  readonly scope: MembershipScope;
  readonly stateOf: (server: Endpoint) => HealthState;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** How often it is checked which servers have been missing for long enough. */
const AGING_MS = 30_000;
/** Before a discovery that ended, or gave no result, is started again. */
const AGAIN_MS = 10_000;
/** How long the end of one is waited for. */
const END_MS = 1000;
/** How long a reading or a writing of the saved list is waited for: a disk may hang. */
const DISK_MS = 5000;
/** The most lines of one list about what was ignored. */
const MOST_IGNORED = 8;

/** Keeps which real servers a virtual server has, when the cluster lists its apiservers. */
export class MembershipKeeper {
  readonly #parts: Omit<MembershipParts, 'discovery'>;
  #discovery: Discovery;
  #policy: MembershipPolicy;
  #seeds: readonly Endpoint[];
  #membership: Membership;
  /** What was saved last, as one text. */
  #saved: string | null = null;
  /** On a disk that hangs it may go on for ever, so there is one at most. */
  #writing: Promise<void> | null = null;
  /** Something changed since the members were last yielded. */
  #hasChanged = false;
  #wake: () => void = () => undefined;

  private constructor(
    seeds: readonly Endpoint[],
    lastGood: readonly Endpoint[],
    policy: MembershipPolicy,
    { discovery, ...parts }: MembershipParts,
  ) {
    this.#parts = parts;
    this.#discovery = discovery;
    this.#policy = policy;
    this.#seeds = seeds;
    this.#membership = initialMembership(seeds, lastGood, parts.scope);
  }

  /** With what an earlier start saved. Never rejects. */
  static async open(
    seeds: readonly Endpoint[],
    policy: MembershipPolicy,
    parts: MembershipParts,
  ): Promise<MembershipKeeper> {
    return new MembershipKeeper(seeds, await readLastGood(parts), policy, parts);
  }

  get members(): readonly Member[] {
    return this.#membership.members;
  }

  /** Goes on with other seeds. {@link changes} does not yield for it, and must not run. */
  configure(seeds: readonly Endpoint[], policy: MembershipPolicy, discovery: Discovery): void {
    this.#policy = policy;
    this.#discovery = discovery;
    this.#membership = withSeeds(this.#membership, this.#seeds, seeds);
    this.#seeds = seeds;
  }

  /** Yields the members each time that something about them changes, until the signal aborts. For one consumer. */
  async *changes(signal: AbortSignal): AsyncGenerator<readonly Member[]> {
    const running = Promise.all([this.#readLists(signal), this.#ageMembers(signal)]);
    const ended = (): boolean => signal.aborted;
    signal.addEventListener('abort', () => {
      this.#wake();
    });
    while (!ended()) {
      if (this.#hasChanged) {
        this.#hasChanged = false;
        yield this.members;
      } else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    await running;
  }

  async #readLists(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      await this.#readUntilStuck(signal);
      await clock.sleep(AGAIN_MS, signal);
    }
  }

  /** Ends when the discovery ends, or gives no result for long: a watch may be stuck without an error. */
  async #readUntilStuck(signal: AbortSignal): Promise<void> {
    const { clock, emit } = this.#parts;
    const ending = new AbortController();
    let waiting = new AbortController();
    const end = (): void => {
      ending.abort();
      waiting.abort();
    };
    const ended = (): boolean => signal.aborted;
    if (ended()) end();
    signal.addEventListener('abort', end);
    const candidates = (): readonly Endpoint[] => bestFirst(this.members, this.#parts.stateOf);
    const results = this.#discovery.lists(candidates, ending.signal)[Symbol.asyncIterator]();
    try {
      while (!ended()) {
        waiting = new AbortController();
        const stuck = clock.sleep(READING_MS, waiting.signal).then(() => null);
        const next = results.next();
        next.catch(() => undefined);
        const result = await Promise.race([next, stuck]).finally(() => {
          waiting.abort();
        });
        if (ended()) break;
        if (result === null) {
          const minutes = READING_MS / 60_000;
          const error = new Error(`no list and no error for ${minutes} minutes; starting again`);
          emit({ kind: 'cluster-list-failed', from: null, error });
          break;
        }
        if (result.done === true) break;
        await this.#take(result.value);
      }
    } catch (error) {
      emit({ kind: 'fault', where: 'discovery', error: error as Error });
    } finally {
      signal.removeEventListener('abort', end);
      end();
      await briefly(Promise.resolve(results.return?.()), END_MS, clock);
    }
  }

  async #take(result: DiscoveryResult): Promise<void> {
    const { emit } = this.#parts;
    if (result.kind === 'failed') {
      emit({ kind: 'cluster-list-failed', from: result.from, error: result.error });
      return;
    }
    const { list } = result;
    this.#add(list);
    this.#age();
    await this.#save();
  }

  #add(list: ClusterList): void {
    const { emit, clock, scope, stateOf } = this.#parts;
    const before = new Map(this.members.map(({ server }) => [server.text, server]));
    const { membership, ignored, unusable } = withList(this.#membership, list, stateOf, clock.now(), scope);
    for (const what of ignored.slice(0, MOST_IGNORED))
      emit({ kind: 'cluster-list-ignored', from: list.from, what });
    const more = ignored.length - MOST_IGNORED;
    if (more > 0) emit({ kind: 'cluster-list-ignored', from: list.from, what: `${more} more of it` });
    // In status and metrics this is as good as no list: new apiservers are not found.
    if (unusable !== null) emit({ kind: 'cluster-list-failed', from: list.from, error: new Error(unusable) });
    if (membership === this.#membership) return;
    emit({ kind: 'cluster-list', list });
    this.#set(membership);
    for (const { server } of this.members)
      if (!before.delete(server.text)) emit({ kind: 'discovered', server, from: list.from });
    for (const server of before.values())
      emit({
        kind: 'forgotten',
        server,
        why: 'the cluster does not list it, and a new server takes its place',
      });
  }

  async #ageMembers(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#parts.clock.sleep(AGING_MS, signal);
      if (signal.aborted) return;
      this.#age();
    }
  }

  #age(): void {
    const { emit, clock, stateOf } = this.#parts;
    const before = new Map(this.members.map((member) => [member.server.text, member.missingSinceMs]));
    const { membership, forgotten } = age(this.#membership, stateOf, clock.now(), this.#policy);
    this.#set(membership);
    for (const { server, missingSinceMs } of this.members) {
      const missing = missingSinceMs !== null;
      if (missing !== (before.get(server.text) !== null)) emit({ kind: 'missing', server, missing });
    }
    for (const { server, why } of forgotten) emit({ kind: 'forgotten', server, why });
  }

  #set(membership: Membership): void {
    const isSame = textOf(membership.members) === textOf(this.members);
    this.#membership = membership;
    if (isSame) return;
    this.#hasChanged = true;
    this.#wake();
  }

  /** Only lists change what is saved, so each is a new attempt after one that failed. */
  async #save(): Promise<void> {
    const { lastGood, saves, emit, clock } = this.#parts;
    const servers = worthSaving(this.members);
    if (!saves || servers.length === 0 || this.#writing !== null) return;
    try {
      const cluster = await this.#discovery.cluster();
      const text = [cluster, ...servers.map((server) => server.text)].join();
      if (text === this.#saved) return;
      this.#writing = lastGood.write(cluster, servers).finally(() => (this.#writing = null));
      await inTime(this.#writing, clock);
      this.#saved = text;
    } catch (error) {
      emit({ kind: 'state-not-saved', what: 'list', error: error as Error });
    }
  }
}

async function readLastGood({
  lastGood,
  discovery,
  emit,
  clock,
}: MembershipParts): Promise<readonly Endpoint[]> {
  try {
    // While the kubeconfig cannot be read, any list will do: probes refuse the servers of another cluster by their certificates.
    const cluster = await discovery.cluster().catch(() => null);
    const found = await inTime(lastGood.read(cluster), clock);
    if (found === null) return [];
    emit({ kind: 'last-good-list', ...found, problem: null });
    return found.servers;
  } catch (error) {
    emit({ kind: 'last-good-list', servers: [], savedAtMs: null, problem: (error as Error).message });
    return [];
  }
}

/** Rejects if it takes too long; it may go on unseen. */
async function inTime<Value>(work: Promise<Value>, clock: Clock): Promise<Value> {
  const late = briefly(work, DISK_MS, clock).then((): never => {
    throw new Error(`the disk did not answer in ${DISK_MS / 1000} s`);
  });
  return await Promise.race([work, late]);
}

/** What others are to know of them. */
function textOf(members: readonly Member[]): string {
  return members
    .map(({ server, source, listed, missingSinceMs }) =>
      [server.text, source, listed, missingSinceMs].join(' '),
    )
    .join();
}
