/** The run's end of an observer: what was seen, and waiting for what will be. */
import { fileURLToPath } from 'node:url';
import type { LabNode, LabProcess } from '../../lab/index.js';
import { nowMs } from '../clock.js';
import { OBSERVE_EVERY_MS } from '../settings.js';
import type { ObserverEvent, ObserverOptions, Source } from './observer-calls.js';
import type { Weights } from '../../lab/ip-vs.js';

const PROGRAM = fileURLToPath(new URL('./observer.js', import.meta.url));

/** The table as it was from a moment on. */
export interface Sight {
  readonly atMs: number;
  readonly weights: Weights;
}

export class Watch {
  readonly #process: LabProcess;
  readonly #waiting = new Set<() => void>();
  #sights: Sight[] = [];
  #failure: Error | null = null;

  constructor(node: LabNode, source: Source, everyMs = OBSERVE_EVERY_MS) {
    const options: ObserverOptions = { source, everyMs };
    this.#process = node.spawn(process.execPath, [PROGRAM, JSON.stringify(options)], { ipc: true });
    this.#process.child.on('message', ({ event }: { event: ObserverEvent }) => {
      if (event.kind === 'failed') this.#fail(new Error(event.why));
      else this.#sights.push(event);
      this.#wake();
    });
    this.#process.exited.then(
      (status) => {
        this.#fail(new Error(`the observer ended with status ${status}: ${this.#process.text()}`));
      },
      (error: unknown) => {
        this.#fail(new Error('the observer cannot be started', { cause: error }));
      },
    );
  }

  /** What was seen last. */
  get weights(): Weights {
    return this.#sights.at(-1)?.weights ?? {};
  }

  /** What was seen since the last `forget`, and the last before it. */
  get sights(): readonly Sight[] {
    return this.#sights;
  }

  /** Forgets all that was seen before the last sight. */
  forget(): void {
    this.#sights = this.#sights.slice(-1);
  }

  /**
   * When the table was first such, at or after a moment; null if it was not within the limit.
   * The state that the moment found counts as well.
   */
  async when(such: (weights: Weights) => boolean, fromMs: number, limitMs: number): Promise<number | null> {
    const look = (): number | null => {
      const before = this.#sights.findLast(({ atMs }) => atMs < fromMs);
      if (before !== undefined && such(before.weights)) return fromMs;
      return this.#sights.find(({ atMs, weights }) => atMs >= fromMs && such(weights))?.atMs ?? null;
    };
    for (;;) {
      const found = look();
      if (found !== null) return found;
      if (this.#failure !== null) throw this.#failure;
      const leftMs = fromMs + limitMs - nowMs();
      if (leftMs <= 0) return null;
      await this.#next(leftMs);
    }
  }

  async close(): Promise<void> {
    this.#failure ??= new Error('closed');
    await this.#process.kill();
  }

  #next(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(impatient);
        this.#waiting.delete(done);
        resolve();
      };
      const impatient = setTimeout(done, limitMs);
      this.#waiting.add(done);
    });
  }

  #fail(why: Error): void {
    this.#failure ??= why;
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
