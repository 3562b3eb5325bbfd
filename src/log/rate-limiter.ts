import type { Logger } from 'pino';

export interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** What the line says to machines. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
  /** Lines of one topic are limited together. By default that of the event and the server. */
  readonly topic?: string;
  /** A condition that lasts: the line is logged once for these words, until {@link LogRateLimiter.clear}. */
  readonly once?: { readonly topic: string; readonly words: string };
}

/** Of one topic: so many lines at once, and one more each `everyMs`. */
const OF_ONE = { burst: 20, everyMs: 20_000 };
/** Of all topics. A start with a thousand servers logs a line for each. */
const OF_ALL = { burst: 5000, everyMs: 3000 };
/** How often withheld lines are checked. */
const CATCH_UP_MS = 1000;
/** The most topics at a time: an error's text may make ever new ones. */
const MOST_TOPICS = 5000;
/** In how many words a condition is logged: a server that never fails the same way twice must not fill the disk. */
const MOST_WORDS = 10;

interface Topic {
  readonly bucket: TokenBucket;
  withheld: number;
  /** The last of those that were withheld; null when there is none. */
  last: Line | null;
}

/**
 * Limits the log, so that it cannot fill a disk. What lasts is logged once. What happens all the time is logged ever less often, and
 * of a topic's withheld lines the last one is logged later, so the log soon shows the present state. At debug all lines are logged.
 */
export class LogRateLimiter {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #all: TokenBucket;
  readonly #topics = new Map<string, Topic>();
  /** What was logged of each condition that lasts. */
  readonly #said = new Map<string, Set<string>>();
  /** The lines for which the bucket of all topics had nothing left. */
  readonly #rest: Topic;
  #caughtUpMs: number;

  /** @param now Milliseconds of the monotonic clock. */
  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#now = now;
    this.#all = new TokenBucket(OF_ALL, now());
    this.#rest = emptyTopic(now());
    this.#caughtUpMs = now();
  }

  /** Logs a line, or keeps it for {@link catchUp}. */
  log(line: Line): void {
    if (line.level === 'debug' || this.#isSaid(line)) {
      this.#log.debug(line.fields, line.message);
      return;
    }
    const nowMs = this.#now();
    const { event, rs } = line.fields;
    const topic = this.#topic(line.topic ?? `${String(event)} ${String(rs)}`, nowMs);
    if (!topic.bucket.has(nowMs)) this.#withhold(topic, line);
    else if (!this.#all.has(nowMs)) this.#withhold(this.#rest, line);
    else this.#write(topic, line);
  }

  /** The condition is over. Returns whether the log has a line of it. */
  clear(topic: string): boolean {
    return this.#said.delete(topic);
  }

  #isSaid({ once }: Line): boolean {
    if (once === undefined) return false;
    const said = this.#said.get(once.topic) ?? new Set();
    this.#said.set(once.topic, said);
    if (said.has(once.words) || said.size >= MOST_WORDS) return true;
    said.add(once.words);
    return false;
  }

  /** Logs the withheld lines whose time has come. To be called whenever something happens. */
  catchUp(): void {
    const nowMs = this.#now();
    if (nowMs - this.#caughtUpMs < CATCH_UP_MS) return;
    this.#caughtUpMs = nowMs;
    for (const topic of [...this.#topics.values(), this.#rest])
      if (topic.last !== null && topic.bucket.has(nowMs) && this.#all.has(nowMs))
        this.#write(topic, topic.last);
    for (const [name, { bucket, last }] of this.#topics)
      if (last === null && bucket.isFull(nowMs)) this.#topics.delete(name);
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

  #write(topic: Topic, line: Line): void {
    topic.bucket.take();
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
  return { bucket: new TokenBucket(OF_ONE, nowMs), withheld: 0, last: null };
}

class TokenBucket {
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
