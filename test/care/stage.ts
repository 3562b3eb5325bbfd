/** Everything that `care` needs, faked, and the strings to pull. */
import { care, type CarePolicy } from '../../src/care/care.js';
import type { Pass, Prober, Reporter, VoidProbe } from '../../src/care/ports.js';
import { endpoint, type Endpoint } from '../../src/core/endpoint.js';
import type { Evidence, EvidenceKind } from '../../src/core/evidence.js';
import { FakeClock, settle } from './fake-clock.js';
import { FakeKernel, FakeUpkeep } from './fake-kernel.js';

export const VIRTUAL_SERVER = endpoint('ipv4', '10.103.97.2', 6443);
export const [A, B, C] = [200, 201, 202].map((host) => endpoint('ipv4', `10.103.97.${host}`, 6443)) as [
  Endpoint,
  Endpoint,
  Endpoint,
];

export const POLICY: CarePolicy = {
  scheduler: 'rr',
  weight: 1,
  intervalMs: 5000,
  fastIntervalMs: 200,
  fall: 2,
  rise: 2,
  drainTimeoutMs: 30_000,
};

/** Servers that answer as they are told; `hang` until the probe is stopped. */
class FakeProber implements Prober {
  readonly answers = new Map<string, EvidenceKind | 'void' | 'hang' | 'throw'>();
  readonly probes: string[] = [];
  readonly inFlight = new Set<string>();

  async probe(server: Endpoint, signal: AbortSignal): Promise<Evidence | VoidProbe> {
    if (this.inFlight.has(server.text)) throw new Error('two probes of one server at once');
    this.inFlight.add(server.text);
    this.probes.push(server.text);
    try {
      await new Promise((resolve) => setImmediate(resolve));
      const kind = this.answers.get(server.text) ?? 'ok';
      if (kind === 'throw') throw new Error('a fault of the prober');
      if (kind === 'hang') {
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve, { once: true });
        });
      }
      return kind === 'void' || kind === 'hang' ? { kind: 'void', detail: kind } : { kind, detail: kind };
    } finally {
      this.inFlight.delete(server.text);
    }
  }
}

/** Remembers what was reported, a line each. */
export class FakeReporter implements Reporter {
  readonly lines: string[] = [];
  readonly passes: Pass[] = [];

  probed(): void {
    // Too many to remember, and the prober knows.
  }

  judged(server: Endpoint, before: { state: string }, after: { state: string }): void {
    if (before.state !== after.state) this.lines.push(`${server.address} ${before.state} to ${after.state}`);
  }

  reconciled(pass: Pass): void {
    this.passes.push(pass);
  }

  tableUnreadable(error: Error, retryInMs: number): void {
    this.lines.push(`unreadable: ${error.message}, again in ${retryInMs}`);
  }

  mended(upkeep: string, amiss: string, error: Error | null): void {
    this.lines.push(`${upkeep}: ${amiss}${error === null ? '' : `, ${error.message}`}`);
  }

  uncheckable(upkeep: string, error: Error): void {
    this.lines.push(`${upkeep} unchecked: ${error.message}`);
  }

  deaf(error: Error): void {
    this.lines.push(`deaf: ${error.message}`);
  }

  fault(where: string, error: Error): void {
    this.lines.push(`fault: ${where}: ${error.message}`);
  }
}

export class Stage {
  readonly clock = new FakeClock();
  readonly kernel: FakeKernel;
  readonly upkeep = new FakeUpkeep();
  readonly prober = new FakeProber();
  reporter = new FakeReporter();
  readonly #servers: readonly Endpoint[];
  readonly #policy: CarePolicy;
  #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #notify: (() => void) | null = null;
  /** What the next listening to the kernel fails with. */
  deafness: Error | null = null;

  constructor(
    servers: readonly Endpoint[] = [A, B, C],
    policy: Partial<CarePolicy> = {},
    kernel = new FakeKernel(),
  ) {
    this.#servers = servers;
    this.#policy = { ...POLICY, ...policy };
    this.kernel = kernel;
  }

  /** Starts, and lets everything happen that takes no time. */
  async start(): Promise<void> {
    this.#stopping = new AbortController();
    this.#running = care(
      this.#servers,
      this.#policy,
      {
        table: this.kernel.table(VIRTUAL_SERVER),
        upkeeps: [this.upkeep],
        clock: this.clock,
        reporter: this.reporter,
        prober: this.prober,
        random: () => 0.5,
        changes: (signal) => this.#changes(signal),
      },
      this.#stopping.signal,
    );
    await settle();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  answer(server: Endpoint, kind: EvidenceKind | 'void' | 'hang' | 'throw'): void {
    this.prober.answers.set(server.text, kind);
  }

  get rows(): string[] {
    return this.kernel.rows(VIRTUAL_SERVER);
  }

  /** The kernel tells that something changed. */
  async notify(): Promise<void> {
    this.#notify?.();
    await settle();
  }

  async *#changes(signal: AbortSignal): AsyncGenerator<string> {
    const { deafness } = this;
    this.deafness = null;
    if (deafness !== null) throw deafness;
    const ended = new Promise<false>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve(false);
      });
    });
    const told = (): Promise<true> =>
      new Promise((resolve) => {
        this.#notify = () => {
          resolve(true);
        };
      });
    while (await Promise.race([ended, told()])) yield 'something';
  }
}
