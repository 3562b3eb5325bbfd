/** Debian's Prometheus and node_exporter, run on a lab's node, and what they say. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../lab/index.js';
import type { LabClient } from '../../lab/lab-client.js';

const PROMETHEUS = '127.0.0.1:9090';
const NODE_EXPORTER = '127.0.0.1:9100';

/** One series of an answer: its labels, and its value now. */
interface Found {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Answer<Data> {
  readonly status: string;
  readonly error?: string;
  readonly data: Data;
}

interface Vector {
  readonly result: readonly {
    readonly metric: Record<string, string>;
    readonly value: readonly [number, string];
  }[];
}

interface Targets {
  readonly activeTargets: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly health: string;
    readonly lastError: string;
  }[];
}

export class Prometheus implements AsyncDisposable {
  readonly #client: LabClient;
  readonly #ending: readonly (() => Promise<unknown>)[];

  private constructor(client: LabClient, ending: readonly (() => Promise<unknown>)[]) {
    this.#client = client;
    this.#ending = ending;
  }

  /** Starts both on a node, which scrape it each second, as `node="node0"`. */
  static async start(client: LabClient, metricsAddress: string): Promise<Prometheus> {
    const directory = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const config = join(directory, 'prometheus.yml');
    const target = (address: string): object => ({ targets: [address], labels: { node: 'node0' } });
    // JSON is YAML.
    await writeFile(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s', scrape_timeout: '1s' },
        scrape_configs: [
          { job_name: 'lvscare', static_configs: [target(metricsAddress)] },
          { job_name: 'node', static_configs: [target(NODE_EXPORTER)] },
        ],
      }),
    );
    const exporter = client.spawn('prometheus-node-exporter', [
      `--web.listen-address=${NODE_EXPORTER}`,
      '--collector.disable-defaults',
      '--collector.ipvs',
    ]);
    const server = client.spawn('prometheus', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=${PROMETHEUS}`,
    ]);
    const prometheus = new Prometheus(client, [
      () => server.stop(),
      () => exporter.stop(),
      () => rm(directory, { recursive: true }),
    ]);
    await server.waitForLine(/Server is ready to receive web requests/, { timeoutMs: 120_000 });
    return prometheus;
  }

  /** What a query gives now. Rejects with what Prometheus has against it. */
  async query(query: string): Promise<readonly Found[]> {
    const { result } = await this.#ask<Vector>('query', ['--data-urlencode', `query=${query}`]);
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** Waits for a query to give exactly these values, by one of its labels. */
  async untilValues(query: string, label: string, values: Readonly<Record<string, number>>): Promise<void> {
    const wanted = JSON.stringify(Object.entries(values).sort());
    let seen = '';
    try {
      await until(
        async () => {
          const found = await this.query(query);
          const pairs = found.map(({ labels, value }) => [labels[label] ?? '', value] as const);
          seen = JSON.stringify(pairs.sort());
          return seen === wanted;
        },
        { timeoutMs: 60_000, everyMs: 300 },
      );
    } catch (error) {
      throw new Error(`${query} never gave ${wanted}, but ${seen}`, { cause: error });
    }
  }

  /** What became of the last scrape of each target, by its job: empty when it was fine. */
  async scrapes(): Promise<Readonly<Record<string, string>>> {
    const { activeTargets } = await this.#ask<Targets>('targets', []);
    return Object.fromEntries(
      activeTargets.map(({ labels, health, lastError }) => [
        labels['job'] ?? '',
        health === 'up' ? '' : `${health} ${lastError}`,
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ending) await end();
  }

  async #ask<Data>(what: string, parameters: readonly string[]): Promise<Data> {
    const url = `http://${PROMETHEUS}/api/v1/${what}`;
    const text = await this.#client.must('curl', ['-sS', '-G', url, ...parameters]);
    const { status, error, data } = JSON.parse(text) as Answer<Data>;
    if (status !== 'success') throw new Error(`${what} ${parameters.at(-1) ?? ''}: ${error ?? status}`);
    return data;
  }
}

/** Every PromQL query of a page of docs/. */
export async function queriesOf(page: string): Promise<readonly string[]> {
  const text = await readFile(new URL(`../../../docs/${page}`, import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```promql\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  // A line that is not indented begins a query.
  return blocks.flatMap((block) => block.trim().split(/\n(?=\S)/));
}
