/** What clients of a worker see of the virtual server while something happens, and what the kernel's table says meanwhile. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseIpVs, type Weights } from '../lab/ip-vs.js';
import type { RequestResult } from '../lab/client-calls.js';
import type { LabConnection, SteadyClient } from '../lab/client-handles.js';
import { endpoint, VIP } from '../lab/addresses.js';
import { until } from '../lab/until.js';
import { urlOf } from '../lab/network.js';
import type { LabClient } from '../lab/lab-client.js';

const VIRTUAL_SERVER = endpoint(VIP.ipv4);

/** Between new connections, each with a TLS handshake, in ms. */
const EVERY_MS = 80;
/** After how long a client gives up, in ms: as long as kubectl's and kubelet's TLS handshakes may take. */
const PATIENCE_MS = 10_000;
/** From when on an answer is slow, in ms. */
const SLOW_MS = 1000;
/** Between looks at the kernel's table, in ms. */
const LOOK_MS = 50;

/** What clients saw. */
export interface Outcome {
  readonly requests: number;
  readonly failed: number;
  /** How often each error or status came. */
  readonly failures: Readonly<Record<string, number>>;
  /** Answered, but after more than a second. */
  readonly slow: number;
  /** How often the watch ended, and was begun anew. */
  readonly watchesEnded: number;
}

interface Observed {
  /** In ms since 1970. */
  readonly atMs: number;
  readonly weights: Weights;
}

interface TrafficOptions {
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The CA of the apiservers, PEM. */
  readonly ca: string;
  /** What is asked for with each connection. Default `/version`, for which an apiserver needs no etcd. */
  readonly path?: string;
}

/** A client that opens connection after connection, a watch, and an eye on /proc/net/ip_vs, until it is ended. */
export class Traffic {
  readonly #client: LabClient;
  readonly #options: TrafficOptions;
  readonly #pid: number;
  readonly #changes: Observed[] = [];
  #steady: SteadyClient | null = null;
  #watch: LabConnection | null = null;
  #watchesEnded = 0;
  #ended = false;
  #looking: Promise<void> = Promise.resolve();

  private constructor(client: LabClient, pid: number, options: TrafficOptions) {
    this.#client = client;
    this.#pid = pid;
    this.#options = options;
  }

  /** @param pid A process in the worker's network namespace: its /proc/PID/net/ip_vs is read. */
  static async start(client: LabClient, pid: number, options: TrafficOptions): Promise<Traffic> {
    const traffic = new Traffic(client, pid, options);
    await traffic.#openWatch();
    const { headers, ca, path = '/version' } = options;
    const url = urlOf(VIP.ipv4, path);
    traffic.#steady = await client.steady({ url, everyMs: EVERY_MS, timeoutMs: PATIENCE_MS, headers, ca });
    traffic.#looking = traffic.#look();
    return traffic;
  }

  async #openWatch(): Promise<void> {
    const { headers, ca } = this.#options;
    const url = urlOf(VIP.ipv4, '/');
    const watch = await this.#client.open(url, { ca, timeoutMs: PATIENCE_MS });
    const lines = Object.entries({ Host: VIP.ipv4, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    await watch.send(
      `GET /api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=3600 HTTP/1.1\r\n${lines.join('')}\r\n`,
    );
    this.#watch = watch;
    void watch.ended.then(async () => {
      if (this.#ended) return;
      this.#watchesEnded += 1;
      await until(() => this.#ended || this.#openWatch().then(() => true), {
        everyMs: 200,
        timeoutMs: 300_000,
      }).catch(() => undefined);
    });
  }

  async #look(): Promise<void> {
    while (!this.#ended) {
      const weights = parseIpVs(
        await readFile(`/proc/${this.#pid}/net/ip_vs`, 'latin1').catch(() => ''),
        VIRTUAL_SERVER,
      );
      const last = this.#changes.at(-1);
      if (last === undefined || JSON.stringify(last.weights) !== JSON.stringify(weights))
        this.#changes.push({ atMs: Date.now(), weights });
      await delay(LOOK_MS);
    }
  }

  /** The weights now, as the kernel's own file has them. */
  get weights(): Weights {
    return this.#changes.at(-1)?.weights ?? {};
  }

  /** All that they have been. */
  get history(): readonly Observed[] {
    return this.#changes;
  }

  /** Waits until exactly these servers serve. */
  async serving(servers: readonly string[], timeoutMs = 60_000): Promise<void> {
    const wanted = [...servers].sort().join(' ');
    await until(() => servingOf(this.weights) === wanted, {
      what: `${wanted || 'no server'} serves; now: ${JSON.stringify(this.weights)}`,
      timeoutMs,
      everyMs: LOOK_MS,
    });
  }

  /**
   * When a server ceased to serve after `sinceMs`, and when it served again for good, in ms after that; null for what did not
   * happen.
   */
  outAndBack(server: string, sinceMs: number): { outMs: number | null; backMs: number | null } {
    const served = this.#changes.map(({ atMs, weights }) => ({ atMs, serves: (weights[server] ?? 0) > 0 }));
    const first = Math.max(
      0,
      served.findLastIndex(({ atMs }) => atMs < sinceMs),
    );
    const turns = served.slice(first).filter(({ serves }, index, all) => serves !== all[index - 1]?.serves);
    const out = turns.find(({ serves }, index) => !serves && index > 0);
    const back = turns.findLast(({ serves }, index) => serves && index > 0 && index === turns.length - 1);
    return {
      outMs: out === undefined ? null : out.atMs - sinceMs,
      backMs: back === undefined ? null : back.atMs - sinceMs,
    };
  }

  /** What has been asked so far, and what came of it. */
  get outcome(): Outcome {
    const samples = this.#steady?.samples ?? [];
    const failed = samples.filter(isFailure);
    const failures: Record<string, number> = {};
    for (const sample of failed) {
      const why = sample.ok ? `status ${sample.status}` : sample.code;
      failures[why] = (failures[why] ?? 0) + 1;
    }
    const slow = samples.filter((sample) => !isFailure(sample) && sample.latencyMs > SLOW_MS).length;
    return {
      requests: samples.length,
      failed: failed.length,
      failures,
      slow,
      watchesEnded: this.#watchesEnded,
    };
  }

  /** Lets the clients end, and tells what they saw. */
  async end(): Promise<Outcome> {
    try {
      await this.#steady?.stop();
    } finally {
      // Even if the client is gone: what goes on until then would keep this process from its end.
      this.#ended = true;
    }
    await this.#watch?.close();
    await this.#looking;
    return this.outcome;
  }
}

function isFailure(sample: RequestResult): boolean {
  return !sample.ok || sample.status >= 400;
}

function servingOf(weights: Weights): string {
  return Object.keys(weights)
    .filter((server) => (weights[server] ?? 0) > 0)
    .sort()
    .join(' ');
}
