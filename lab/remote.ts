/** Typed calls between a lab and the processes that it starts in other namespaces, over node's IPC channel. */
import type { ChildProcess } from 'node:child_process';
import { timeLimit } from './time-limit.js';

/** What a process can be asked for: names, and functions whose arguments and results are plain values. */
type Calls<C> = { [K in keyof C]: (...args: never[]) => unknown };

interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

type Message =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly event: unknown };

/** How long an answer may take, in ms: longer than what any call waits for. */
const PATIENCE_MS = timeLimit(150_000);

/** The asking side. */
export class Remote<C extends Calls<C>, E = never> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #lastId = 0;
  #gone: Error | null = null;

  constructor(child: ChildProcess, onEvent?: (event: E) => void) {
    this.#child = child;
    child.on('message', (message: Message) => {
      if ('event' in message) onEvent?.(message.event as E);
      else this.#settle(message);
    });
    const lose = (): void => {
      this.#gone ??= new Error('the process is gone');
      for (const { reject } of this.#waiting.values()) reject(this.#gone);
      this.#waiting.clear();
    };
    child.once('disconnect', lose);
    child.once('exit', lose);
    child.once('error', lose);
  }

  /** Asks, and waits for the answer. */
  call<K extends keyof C & string>(name: K, ...args: Parameters<C[K]>): Promise<Awaited<ReturnType<C[K]>>> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== null || !this.#child.connected) {
        reject(new Error(`${name}: the process is gone`));
        return;
      }
      const id = ++this.#lastId;
      const impatient = setTimeout(() => {
        this.#settle({ id, error: `${name}: no answer within ${PATIENCE_MS} ms` });
      }, PATIENCE_MS);
      const done = (): void => {
        clearTimeout(impatient);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (value) => {
          done();
          resolve(value as Awaited<ReturnType<C[K]>>);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.#child.send({ id, name, args } satisfies Request, (error) => {
        if (error !== null) this.#settle({ id, error: `${name}: ${error.message}` });
      });
    });
  }

  #settle(message: Exclude<Message, { event: unknown }>): void {
    const waiting = this.#waiting.get(message.id);
    if ('error' in message) waiting?.reject(new Error(message.error));
    else waiting?.resolve(message.result);
  }
}

/** The answering side: answers calls for as long as the asking process lives, and ends with it. */
export function serve<C extends Calls<C>>(calls: C): void {
  const answer = async ({ id, name, args }: Request): Promise<void> => {
    try {
      const call = calls[name as keyof C] as unknown as (...args: readonly unknown[]) => unknown;
      send({ id, result: await call(...args) });
    } catch (error) {
      send({ id, error: error instanceof Error ? error.message : String(error) });
    }
  };
  process.on('message', (request: Request) => void answer(request));
  process.on('disconnect', () => process.exit());
}

/** The answering side tells something unasked. */
export function tell(event: unknown): void {
  send({ event });
}

function send(message: Message): void {
  // A lost channel ends this process at once, above.
  process.send?.(message, undefined, undefined, () => undefined);
}
