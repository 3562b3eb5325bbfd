import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../control-loop/ports.js';

/** `busy`: too many passwords wait to be compared. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy';

/** Compares a password with a bcrypt hash, which takes up to seconds of CPU time, on another thread. */
export type Compare = (password: string, hash: string) => Promise<boolean>;

/** Credentials that were right and are not compared again. */
const MOST_KNOWN = 100;
/** Addresses whose passwords wait. */
const MOST_WAITING = 16;
/** After a wrong password, the next one waits this many times as long as the comparison took: together they have a fifth of a CPU. */
const REST = 4;
/** Not longer, because on a busy node a comparison takes longer than its CPU time. */
const LONGEST_REST_MS = 1000;

interface Waiting {
  readonly address: string;
  readonly compare: () => Promise<boolean>;
}

/**
 * Checks passwords one after the other. Clients that try many cost a fifth of a CPU in all, and because each address has only one that
 * waits, they delay the first request of another client, but do not prevent it.
 */
export class Passwords {
  readonly #compare: Compare;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #key = randomBytes(32);
  /** Keyed hashes of a user, the password and the hash that it was right for: a changed hash or a removed user makes them unknown. */
  readonly #right = new Set<string>();
  readonly #underWay = new Map<string, Promise<PasswordVerdict>>();
  readonly #waiting: Waiting[] = [];
  #working = false;

  constructor(compare: Compare, clock: Clock, signal: AbortSignal) {
    this.#compare = compare;
    this.#clock = clock;
    this.#signal = signal;
  }

  /**
   * @param authorization The header, or null.
   * @param address Of the client.
   */
  async check(
    users: ReadonlyMap<string, string>,
    authorization: string | null,
    address: string,
  ): Promise<PasswordVerdict> {
    const given = basicCredentials(authorization);
    if (given === null) return 'wrong';
    const known = users.get(given.user);
    // An unknown user takes as long as a known one.
    const [hash = ''] = known === undefined ? users.values() : [known];
    const digest = createHmac('sha256', this.#key)
      .update(JSON.stringify([given.user, given.password, hash, known !== undefined]))
      .digest('base64');
    if (this.#right.has(digest)) return 'right';
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return await underWay;
    if (this.#waiting.length >= MOST_WAITING || this.#waiting.some((one) => one.address === address))
      return 'busy';
    const checking = this.#checked(address, () => this.#compare(given.password, hash))
      .then((equal) => {
        if (!equal || known === undefined) return 'wrong';
        this.#remember(digest);
        return 'right';
      })
      .finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, checking);
    return await checking;
  }

  #remember(digest: string): void {
    const [oldest] = this.#right;
    if (oldest !== undefined && this.#right.size >= MOST_KNOWN) this.#right.delete(oldest);
    this.#right.add(digest);
  }

  #checked(address: string, compare: () => Promise<boolean>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        address,
        async compare() {
          try {
            const equal = await compare();
            resolve(equal);
            return equal;
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
            return false;
          }
        },
      });
      if (!this.#working) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const startedMs = this.#clock.now();
      const equal = await next.compare();
      const restMs = Math.min(REST * (this.#clock.now() - startedMs), LONGEST_REST_MS);
      if (!equal) await this.#clock.sleep(restMs, this.#signal);
    }
    this.#working = false;
  }
}

function basicCredentials(
  authorization: string | null,
): { readonly user: string; readonly password: string } | null {
  const encoded = /^basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
