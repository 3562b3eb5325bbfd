/** The one etcd of a cluster. */
import { ETCD } from './addresses.js';
import { inside, type Host } from '../lab/network.js';
import { LabProcess } from '../lab/process.js';
import { must } from '../lab/run.js';
import { until } from '../lab/until.js';
import { program } from './programs.js';

const PORT = 2379;

export class Etcd {
  readonly host: Host;
  readonly #directory: string;
  #process: LabProcess | null = null;

  constructor(host: Host, directory: string) {
    this.host = host;
    this.#directory = directory;
  }

  static readonly url = `http://${ETCD.ipv4}:${PORT}`;

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const { url } = Etcd;
    const args = [
      ...['--data-dir', this.#directory, '--name', 'etcd', '--log-level', 'warn'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ];
    const started = new LabProcess('ip', inside(this.host.namespace, program('etcd'), args));
    this.#process = started;
    await until(() => this.#isHealthy(), {
      what: () => `etcd serves:\n${started.text()}`,
      timeoutMs: 60_000,
    });
  }

  async #isHealthy(): Promise<boolean> {
    const answer = await must(
      'ip',
      inside(this.host.namespace, 'curl', ['-sf', '-m', '2', `${Etcd.url}/health`]),
    );
    return answer.includes('true');
  }

  /** Stops it by SIGSTOP: it takes requests, and answers none. */
  stop(): void {
    this.#process?.signal('SIGSTOP');
  }

  cont(): void {
    this.#process?.signal('SIGCONT');
  }

  async close(): Promise<void> {
    this.cont();
    await this.#process?.kill();
    this.#process = null;
  }
}
