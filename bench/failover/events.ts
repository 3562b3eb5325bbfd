/** What befalls a master, and its end; each tells the moment at which it happened. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Master } from '../../lab/index.js';
import { nowMs } from '../clock.js';

export const EVENT_NAMES = ['kill', 'stop', 'cut', '500'] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/**
 * The switch's cables. One `ip` waits for commands throughout the run: starting one for each would take longer than
 * what is measured.
 */
export class Cables {
  readonly #ip: ChildProcessWithoutNullStreams;

  constructor(switchNamespace: string) {
    this.#ip = spawn('ip', ['-n', switchNamespace, '-batch', '-']);
    // Whatever it says is bad news; what it could not do shows in the measurement.
    this.#ip.stderr.pipe(process.stderr);
    this.#ip.stdin.on('error', () => undefined);
  }

  set(master: Master, state: 'up' | 'down'): void {
    this.#ip.stdin.write(`link set ${master.host.port} ${state}\n`);
  }

  close(): void {
    this.#ip.stdin.end();
  }
}

/** Lets it happen. Gives the moment just before. */
export async function strike(event: EventName, master: Master, cables: Cables): Promise<number> {
  const atMs = nowMs();
  switch (event) {
    case 'kill':
      await master.kill();
      break;
    case 'stop':
      await master.stop();
      break;
    case 'cut':
      cables.set(master, 'down');
      break;
    case '500':
      await master.fail(500);
      break;
  }
  return atMs;
}

/** Ends it. Gives the moment from which the master is healthy. */
export async function recover(event: EventName, master: Master, cables: Cables): Promise<number> {
  const atMs = nowMs();
  switch (event) {
    case 'kill':
      // Node takes its time to start: it counts from when it listens.
      await master.start();
      return nowMs();
    case 'stop':
      await master.cont();
      break;
    case 'cut':
      cables.set(master, 'up');
      break;
    case '500':
      await master.heal();
      break;
  }
  return atMs;
}
