/** Connections that stand when a fault comes, and sockets that are left when it is over: what docs/faults.md says of both. */
import assert from 'node:assert/strict';
import { openSockets, until, type Lab, type LabProcess, type Master } from '../../lab/index.js';
import { timeLimit } from '../../lab/time-limit.js';
import { cell, decisionTable } from '../decisions/decision-tables.js';
import { BusyClient, connectionTo, type Connection } from './clients.js';

/** Bounds, in ms. Much longer than needed: a guest may be slow. */
const RESET_MS = 10_000;
const ANSWER_MS = 10_000;
/** An apiserver learns by its own keepalive, after 15 s, of a client that was reset while it was cut off. */
const IDLE_AGAIN_MS = 90_000;

/** What docs/faults.md says of connections in a fault of more than one apiserver, or in time. */
export function promiseOf(fault: string): { readonly fresh: string; readonly live: string } {
  const row = decisionTable('wider faults', 'faults.md').find((each) => cell(each, 'fault') === fault);
  if (row === undefined) throw new Error(`docs/faults.md: no fault ${fault}`);
  return { fresh: cell(row, 'new connections'), live: cell(row, 'live connections') };
}

/** An idle connection and a busy one through the virtual server, both to the same apiserver. */
export interface Pair {
  readonly name: string;
  readonly idle: Connection;
  readonly busy: BusyClient;
}

export async function pairTo(lab: Lab, name: string): Promise<Pair> {
  const idle = await connectionTo(lab, name);
  return { name, idle, busy: new BusyClient(await connectionTo(lab, name)) };
}

export async function pairsToAll(lab: Lab): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (const { name } of lab.masters) pairs.push(await pairTo(lab, name));
  return pairs;
}

export async function closePairs(...pairs: readonly Pair[]): Promise<void> {
  for (const { idle, busy } of pairs) {
    await busy.stop();
    await idle.close();
  }
}

interface Judging {
  /** For an answer. */
  readonly answerMs?: number;
  /** Hears when the busy connection was reset, on this process's clock. */
  readonly onReset?: (atMs: number) => void;
}

/** Sees what a table's column "live connections" says of a pair; returns what is to be seen when the fault is over. */
export async function connectionsAre(
  manner: string,
  pair: Pair,
  { answerMs = ANSWER_MS, onReset }: Judging = {},
): Promise<() => Promise<void>> {
  const { name, idle, busy } = pair;
  const answersMore = async (): Promise<void> => {
    const { answers } = busy;
    await until(() => busy.answers >= answers + 2, {
      timeoutMs: answerMs,
      what: `the busy one to ${name} is answered`,
    });
  };
  const bothAnswer = async (): Promise<void> => {
    await answersMore();
    assert.equal((await idle.whoami(answerMs)).name, name);
  };
  switch (manner) {
    case 'live':
      await bothAnswer();
      return bothAnswer;
    case 'reset': {
      const ending = await within(RESET_MS, busy.connection.ended, 'the busy connection is reset');
      onReset?.(ending.atMs - performance.timeOrigin);
      // One that has ended takes no more requests.
      await idle.ask('/whoami');
      await within(RESET_MS, idle.ended, 'the idle connection is reset');
      return () => Promise.resolve();
    }
    case 'wait': {
      const { answers } = busy;
      await idle.ask('/whoami');
      await assert.rejects(idle.expect(/master/, 1000), /TIMEOUT/);
      assert.equal(busy.answers, answers);
      return async () => {
        await idle.expect(new RegExp(`"name":"${name}"`), answerMs);
        await answersMore();
      };
    }
    case 'closed': {
      const { code } = await within(RESET_MS, idle.ended, 'the idle connection is closed');
      assert.equal(code, null, 'in good order');
      return () => Promise.resolve();
    }
    default:
      throw new Error(`docs/faults.md: no live connections that ${manner}`);
  }
}

/** The same of several, one after another. */
export async function allAre(
  manner: string,
  pairs: readonly Pair[],
  judging: Judging = {},
): Promise<() => Promise<void>> {
  const afterwards: (() => Promise<void>)[] = [];
  for (const pair of pairs) afterwards.push(await connectionsAre(manner, pair, judging));
  return async () => {
    for (const each of afterwards) await each();
  };
}

interface Counts {
  readonly daemon: number;
  readonly masters: Readonly<Record<string, number>>;
}

/** The sockets of the daemon and of apiservers. */
export class Sockets {
  readonly #lab: Lab;
  readonly #daemon: LabProcess;
  readonly #masters: readonly Master[];
  readonly #before: Counts;

  private constructor(lab: Lab, daemon: LabProcess, masters: readonly Master[], before: Counts) {
    this.#lab = lab;
    this.#daemon = daemon;
    this.#masters = masters;
    this.#before = before;
  }

  /** Counts them while nothing happens: the fewest of some moments, for a probe that is under way has one of its own. */
  static async of(lab: Lab, daemon: LabProcess, masters: readonly Master[] = lab.masters): Promise<Sockets> {
    let fewest = await countSockets(daemon, masters);
    for (let time = 0; time < 20; time += 1) fewest = fewer(fewest, await countSockets(daemon, masters));
    return new Sockets(lab, daemon, masters, fewest);
  }

  /** Waits until there are no more than before. */
  async areNoMore(): Promise<void> {
    let now = this.#before;
    const fewAgain = async (): Promise<boolean> => {
      now = await countSockets(this.#daemon, this.#masters);
      const least = fewer(now, this.#before);
      return JSON.stringify(least) === JSON.stringify(now);
    };
    await until(fewAgain, { timeoutMs: IDLE_AGAIN_MS }).catch(async (error: unknown) => {
      const numbers = `${JSON.stringify(now)}, before ${JSON.stringify(this.#before)}`;
      const { stdout } = await this.#lab.node.exec('ss', ['-Hanp']);
      const its = stdout.split('\n').filter((line) => line.includes(`pid=${this.#daemon.pid},`));
      throw new Error(`sockets are left: ${numbers}\n${its.join('\n')}`, { cause: error });
    });
  }
}

async function countSockets(daemon: LabProcess, masters: readonly Master[]): Promise<Counts> {
  const counts: Record<string, number> = {};
  for (const master of masters) counts[master.name] = (await master.stats()).openConnections;
  return { daemon: await openSockets(daemon.pid), masters: counts };
}

function fewer(one: Counts, other: Counts): Counts {
  const masters = Object.entries(one.masters).map(([name, count]) => [
    name,
    Math.min(count, other.masters[name] ?? count),
  ]);
  return {
    daemon: Math.min(one.daemon, other.daemon),
    masters: Object.fromEntries(masters) as Counts['masters'],
  };
}

/** What a promise resolves to; rejects when that takes longer than so many ms on a machine of the usual speed. */
export async function within<T>(usualMs: number, promise: Promise<T>, what: string): Promise<T> {
  const timeoutMs = timeLimit(usualMs);
  let timer: NodeJS.Timeout | undefined;
  const impatience = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not so within ${timeoutMs} ms: ${what}`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, impatience]);
  } finally {
    clearTimeout(timer);
  }
}
