/** Clients on a lab's node whose connections last. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../../lab/index.js';

export type Connection = Awaited<ReturnType<Lab['node']['open']>>;

/** Longer than any fault lasts: one who waits is not to give up. */
const PATIENCE_MS = 120_000;

/** Between an answer and the next request of one that is busy. */
const PAUSE_MS = 100;

/** A connection through the virtual server, or another URL, that a given master serves. */
export async function connectionTo(
  lab: Lab,
  name: string,
  url?: string,
  timeoutMs?: number,
): Promise<Connection> {
  for (let time = 0; time < lab.masters.length * 2; time += 1) {
    const connection = await lab.node.open(url, timeoutMs === undefined ? {} : { timeoutMs });
    if ((await connection.whoami(timeoutMs)).name === name) return connection;
    await connection.close();
  }
  throw new Error(`no connection reached ${name}`);
}

/** Uses a connection all the time: a request, its answer, a tenth of a second, a request. */
export class BusyClient {
  readonly connection: Connection;
  /** How many requests were answered so far. */
  answers = 0;
  #stopped = false;

  constructor(connection: Connection) {
    this.connection = connection;
    // It ends with its connection, and whoever wants to know why asks that.
    this.#run().catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.connection.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.connection.whoami(PATIENCE_MS);
      this.answers += 1;
      await delay(PAUSE_MS);
    }
  }
}
