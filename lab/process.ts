/** A program that runs on in a lab: its lines as they come, its end as a promise. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { toolEnvironment } from './run.js';
import { timeLimit } from './time-limit.js';

/** One line of output. */
interface Line {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
  /** When it was read, in ms on the clock of `performance`. */
  readonly atMs: number;
}

export interface StartOptions {
  /** Its environment. Default ours, without a sanitizer preloaded. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Give it an IPC channel. Default no. */
  readonly ipc?: boolean;
}

interface WaitForLineOptions {
  /** In ms on a machine of the usual speed. Default 30 000. */
  readonly timeoutMs?: number;
  /** Which of the lines seen already count as well: from this index of `lines` on. Default 0, all of them. */
  readonly from?: number;
}

/** A running program. */
export class LabProcess {
  readonly child: ChildProcess;
  /** Everything it wrote, so far. */
  readonly lines: Line[] = [];
  /** Resolves when it is gone and all its output read: its status as a shell would tell. */
  readonly exited: Promise<number>;
  readonly #watchers = new Set<() => void>();
  #ended = false;

  constructor(command: string, args: readonly string[], options: StartOptions = {}) {
    const { env = toolEnvironment(), cwd, ipc = false } = options;
    const stdio: SpawnOptions['stdio'] = ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'];
    this.child = spawn(command, args, { env, cwd, stdio });
    for (const stream of ['stdout', 'stderr'] as const) this.#read(stream, this.child[stream]);
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        this.#ended = true;
        this.#wake();
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
    // Whoever awaits it learns of a failure; nobody has to.
    this.exited.catch(() => undefined);
  }

  /** Its process id. `ip netns exec` becomes the program it runs, so this is the program's own. */
  get pid(): number {
    if (this.child.pid === undefined) throw new Error('it could not be started');
    return this.child.pid;
  }

  /** Everything it wrote to one of its streams, or to both. */
  text(stream?: Line['stream']): string {
    const lines = this.lines.filter((line) => stream === undefined || line.stream === stream);
    return lines.map((line) => `${line.text}\n`).join('');
  }

  /**
   * The first line that matches, which may have been written already.
   * @throws Error if there is none in time, or the program ends first; it tells what was written instead.
   */
  waitForLine(pattern: RegExp, options: WaitForLineOptions = {}): Promise<Line> {
    const { timeoutMs = 30_000, from = 0 } = options;
    return new Promise((resolve, reject) => {
      let next = from;
      const fail = (why: string): void => {
        stop();
        reject(new Error(`${why}: no line like ${String(pattern)} in:\n${this.text()}`));
      };
      const look = (): void => {
        for (; next < this.lines.length; next++) {
          const line = this.lines[next];
          if (line === undefined || !pattern.test(line.text)) continue;
          stop();
          resolve(line);
          return;
        }
        if (this.#ended) fail('it ended');
      };
      const limitMs = timeLimit(timeoutMs);
      const impatient = setTimeout(() => {
        fail(`${limitMs} ms`);
      }, limitMs);
      const stop = (): void => {
        clearTimeout(impatient);
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Sends a signal; false if it is gone already. */
  signal(name: NodeJS.Signals): boolean {
    return this.child.kill(name);
  }

  /** Asks it to end by SIGTERM, insists by SIGKILL after `patienceMs`, and resolves with its status. */
  async stop(patienceMs = 5000): Promise<number> {
    const impatient = setTimeout(() => this.signal('SIGKILL'), timeLimit(patienceMs));
    try {
      // Asleep by SIGSTOP it would not hear.
      this.signal('SIGTERM');
      this.signal('SIGCONT');
      return await this.exited;
    } finally {
      clearTimeout(impatient);
    }
  }

  /** Ends it by SIGKILL, and resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  #read(stream: Line['stream'], source: Readable | null): void {
    if (source === null) return;
    createInterface({ input: source }).on('line', (text) => {
      this.lines.push({ stream, text, atMs: performance.now() });
      this.#wake();
    });
  }

  #wake(): void {
    for (const look of [...this.#watchers]) look();
  }
}
