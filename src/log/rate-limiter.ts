import type { Logger } from 'pino';

/** What a line says to machines; `event` is what it is about. */
export interface Fields {
  readonly event: string;
  readonly [field: string]: unknown;
}

interface Line {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: Fields;
  readonly message: string;
}

/** So many lines of one topic at once, and one more each so often. */
const OF_ONE = { burst: 20, everyMs: 20_000 };
/** The same of all topics together. Whoever starts with a thousand servers is told of each. */
const OF_ALL = { burst: 5000, everyMs: 3000 };
/** How often is looked after what was withheld. */
const CATCH_UP_MS = 1000;
/** Topics that are remembered at a time: somebody may make up ever new ones. */
const MOST_TOPICS = 5000;

interface Topic {
  readonly supply: Supply;
  withheld: number;
  /** The last of those that were withheld; null when there is none. */
  last: Line | null;
}

/**
 * Tells the log what happens, and what happens all the time ever less often, so that it cannot fill a disk. Of the lines of a topic
 * that were withheld the last one is told when its time has come: how it is now is never missing for long. All of them are there
 * at debug.
 */
export class Ration {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #all: Supply;
  readonly #topics = new Map<string, Topic>();
  /** What the supply of all topics together is too short for. */
  readonly #rest: Topic;
  #caughtUpMs: number;

  /** @param now Milliseconds of the monotonic clock. */
  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#now = now;
    this.#all = new Supply(OF_ALL, now());
    this.#rest = emptyTopic(now());
    this.#caughtUpMs = now();
  }

  /** Tells a line, or keeps it for {@link catchUp}. */
  tell(name: string, line: Line): void {
    const nowMs = this.#now();
    const topic = this.#topic(name, nowMs);
    if (!topic.supply.has(nowMs)) this.#withhold(topic, line);
    else if (!this.#all.has(nowMs)) this.#withhold(this.#rest, line);
    else this.#say(topic, line);
  }

  /** Tells what was withheld, as far as it may be told by now. To be called whenever something happens. */
  catchUp(): void {
    const nowMs = this.#now();
    if (nowMs - this.#caughtUpMs < CATCH_UP_MS) return;
    this.#caughtUpMs = nowMs;
    for (const topic of [...this.#topics.values(), this.#rest])
      if (topic.last !== null && topic.supply.has(nowMs) && this.#all.has(nowMs))
        this.#say(topic, topic.last);
    for (const [name, { supply, last }] of this.#topics)
      if (last === null && supply.isFull(nowMs)) this.#topics.delete(name);
  }

  #topic(name: string, nowMs: number): Topic {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    if (this.#topics.size >= MOST_TOPICS) return this.#rest;
    const topic = emptyTopic(nowMs);
    this.#topics.set(name, topic);
    return topic;
  }

  #withhold(topic: Topic, line: Line): void {
    topic.withheld += 1;
    topic.last = line;
    this.#log.debug(line.fields, line.message);
  }

  #say(topic: Topic, line: Line): void {
    topic.supply.take();
    this.#all.take();
    const withheld = topic.last === line ? topic.withheld - 1 : topic.withheld;
    topic.withheld = 0;
    topic.last = null;
    const { level, fields, message } = line;
    if (withheld === 0) this.#log[level](fields, message);
    else this.#log[level]({ ...fields, withheld }, `${message} (and ${withheld} more before it)`);
  }
}

function emptyTopic(nowMs: number): Topic {
  return { supply: new Supply(OF_ONE, nowMs), withheld: 0, last: null };
}

class Supply {
  readonly #burst: number;
  readonly #everyMs: number;
  #left: number;
  #atMs: number;

  constructor({ burst, everyMs }: { readonly burst: number; readonly everyMs: number }, nowMs: number) {
    this.#burst = burst;
    this.#everyMs = everyMs;
    this.#left = burst;
    this.#atMs = nowMs;
  }

  has(nowMs: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + (nowMs - this.#atMs) / this.#everyMs);
    this.#atMs = nowMs;
    return this.#left >= 1;
  }

  isFull(nowMs: number): boolean {
    this.has(nowMs);
    return this.#left >= this.#burst;
  }

  take(): void {
    this.#left -= 1;
  }
}
