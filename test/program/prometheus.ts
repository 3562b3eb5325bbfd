/** Debian's Prometheus and node_exporter, run on a lab's node, and what they say. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../lab/index.js';
import type { LabClient } from '../../lab/lab-client.js';
import { MONITORING } from '../monitoring/promtool.js';

const PROMETHEUS = '127.0.0.1:9090';
const API = `http://${PROMETHEUS}/api/v1/`;
const NODE_EXPORTER = '127.0.0.1:9100';

/** One series of an answer: its labels, and its value now. */
interface Found {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: unknown;
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

/** An alert that is pending or fires, as people read it. */
interface Alert {
  readonly state: string;
  readonly summary: string;
}

interface RuleGroups {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly name: string;
      readonly health: string;
      readonly lastError?: string;
      readonly alerts: readonly {
        readonly state: string;
        readonly annotations: Readonly<Record<string, string>>;
      }[];
    }[];
  }[];
}

export class Prometheus implements AsyncDisposable {
  readonly #client: LabClient;
  readonly #ending: readonly (() => Promise<unknown>)[];

  private constructor(client: LabClient, ending: readonly (() => Promise<unknown>)[]) {
    this.#client = client;
    this.#ending = ending;
  }

  /** Starts both on a node, which scrape it each second, as `node="node0"`, and judge the alerts of manifests/monitoring as often. */
  static async start(client: LabClient, metricsAddress: string): Promise<Prometheus> {
    const directory = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const config = join(directory, 'prometheus.yml');
    const target = (address: string): object => ({ targets: [address], labels: { node: 'node0' } });
    // JSON is YAML.
    await writeFile(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
        rule_files: [join(MONITORING, 'alerts.yaml')],
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
    return foundIn(await this.#ask<Vector>('query', ['--data-urlencode', `query=${query}`]));
  }

  /** What many queries give now, in their order, asked by one curl. Rejects with what Prometheus has against one. */
  async queryAll(queries: readonly string[]): Promise<readonly (readonly Found[])[]> {
    const urls = queries.map((query) => `${API}query?query=${encodeURIComponent(query)}`);
    const text = await this.#client.must('curl', ['-sS', '-g', '-w', '\\n', ...urls]);
    const lines = text.split('\n').filter((line) => line !== '');
    if (lines.length !== queries.length)
      throw new Error(`${lines.length} answers to ${queries.length} queries`);
    return lines.map((line, index) => foundIn(dataOf(line, `query ${queries[index] ?? ''}`) as Vector));
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

  /**
   * Every rule that was judged, by its name, and what it has to tell: nothing while it is inactive. Rejects for a rule
   * that Prometheus could not judge.
   */
  async alerts(): Promise<ReadonlyMap<string, readonly Alert[]>> {
    const { groups } = await this.#ask<RuleGroups>('rules', ['-d', 'type=alert']);
    const rules = groups.flatMap((group) => group.rules);
    const failed = rules.filter(({ health }) => health === 'err');
    if (failed.length > 0)
      throw new Error(failed.map(({ name, lastError = '?' }) => `${name}: ${lastError}`).join('\n'));
    return new Map(
      rules
        .filter(({ health }) => health === 'ok')
        .map(({ name, alerts }) => [
          name,
          alerts.map(({ state, annotations }) => ({ state, summary: annotations['summary'] ?? '' })),
        ]),
    );
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
    const text = await this.#client.must('curl', ['-sS', '-G', `${API}${what}`, ...parameters]);
    return dataOf(text, `${what} ${parameters.at(-1) ?? ''}`) as Data;
  }
}

/** The data of an answer. Throws what Prometheus has against the question. */
function dataOf(text: string, question: string): unknown {
  const { status, error, data } = JSON.parse(text) as Answer;
  if (status !== 'success') throw new Error(`${question}: ${error ?? status}`);
  return data;
}

function foundIn({ result }: Vector): readonly Found[] {
  return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** Every PromQL query of a page of docs/. */
export async function queriesOf(page: string): Promise<readonly string[]> {
  const text = await readFile(new URL(`../../../docs/${page}`, import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```promql\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  // A line that is not indented begins a query.
  return blocks.flatMap((block) => block.trim().split(/\n(?=\S)/));
}
