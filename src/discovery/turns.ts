import type { Endpoint } from '../values/endpoint.js';

/** For how long an apiserver that failed is asked only if the others failed, too, in milliseconds. */
const AVOIDED_MS = 5 * 60_000;

/** Which apiserver is asked next: each in its turn, those that failed after the others. */
export class Turns {
  readonly #now: () => number;
  /** By the text of the server. Those that are no candidates any more are dropped. */
  #asked = new Map<string, { readonly turn: number; failedMs: number }>();
  #turn = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param candidates The best first. Null if there are none. */
  next(candidates: readonly Endpoint[]): Endpoint | null {
    const nowMs = this.#now();
    this.#asked = new Map(
      candidates.flatMap(({ text }) => {
        const asked = this.#asked.get(text);
        return asked === undefined ? [] : [[text, asked]];
      }),
    );
    const rank = ({ text }: Endpoint): readonly [isAvoided: number, turn: number] => {
      const { turn, failedMs } = this.#asked.get(text) ?? { turn: 0, failedMs: -Infinity };
      return [nowMs - failedMs < AVOIDED_MS ? 1 : 0, turn];
    };
    // Of those with the same rank, the best stays first.
    const [next = null] = [...candidates].sort((one, other) => {
      const [[avoided, turn], [otherAvoided, otherTurn]] = [rank(one), rank(other)];
      return avoided - otherAvoided || turn - otherTurn;
    });
    if (next !== null) {
      this.#turn += 1;
      const failedMs = this.#asked.get(next.text)?.failedMs ?? -Infinity;
      this.#asked.set(next.text, { turn: this.#turn, failedMs });
    }
    return next;
  }

  failed({ text }: Endpoint): void {
    const asked = this.#asked.get(text);
    if (asked !== undefined) asked.failedMs = this.#now();
  }
}
