/** The side of `lvscare care` that can be asked how it is going, composed: metrics, health, the report. */
import { readdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Reporter } from '../control-loop/ports.js';
import { systemClock } from './clock.js';
import type { CareConfig } from '../config/care-config.js';
import type { CountedTable } from '../values/counters.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Exchange } from '../values/exchange.js';
import { yieldWhenDue } from '../async/yield.js';
import { keepListening } from '../http/keep-listening.js';
import { httpServer, LIMITS } from '../http/http-server.js';
import type { ListenAddress } from '../values/listen-address.js';
import { inWords } from '../http/listen-failure.js';
import { routesOf } from '../http/routes.js';
import { coalesce } from '../async/coalesce.js';
import { countedTable } from '../ipvs/ipvs-table.js';
import { CONTENT_TYPES, formatFor } from '../metrics/exposition.js';
import { createMetrics } from '../metrics/metrics.js';
import { Ipvs } from '../netlink/index.js';
import { kernelReport, type Reading } from '../report/counted-report.js';
import { stuck, unready, type Patience } from '../report/liveness.js';
import type { BriefReport, Report } from '../report/report.js';
import { Wakefulness } from '../report/wakefulness.js';
import { PAGE_POLICY, statusPage } from '../page/page.js';

/** For the kernel to tell its counters: nobody waits longer for a scrape. */
const COUNTERS_MS = 2000;

/** What the process uses of its machine. */
export interface Usage {
  /** User and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
}

export interface Knowledge {
  report(): Report;
  brief(): BriefReport;
  usage(): Usage;
}

export interface Watching {
  /** To be told what happens. */
  readonly reporter: Reporter;
  exchanged(server: Endpoint, exchange: Exchange): void;
  /** Answers whoever asks until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

// ts-unused-exports:disable-next-line
export function composeEndpoint(
  config: CareConfig,
  address: ListenAddress,
  log: Logger,
  knowledge: Knowledge,
): Watching {
  const now = (): number => systemClock.now();
  const breathe = yieldWhenDue(now, () => new Promise((resolve) => setImmediate(resolve)));
  const metrics = createMetrics(config, systemClock, breathe);
  const wakefulness = new Wakefulness(systemClock);
  const patience = (atMs: number): Patience => ({
    awakeSinceMs: atMs - (now() - wakefulness.awakeSinceMs()),
    probeTimeoutMs: config.probe.timeoutMs,
    fastIntervalMs: config.policy.fastIntervalMs,
  });
  const stuckNow = (report: BriefReport): string | null => stuck(report, patience(report.atMs));

  async function serve(signal: AbortSignal): Promise<void> {
    // A handle of its own: requests on one wait for each other, and no pass is to wait for a scrape.
    await using ipvs = Ipvs.open({ timeoutMs: COUNTERS_MS });
    const reading = coalesce(now, () => read(() => countedTable(ipvs, config.virtualServer)));
    const text = {
      prometheus: coalesce(now, () => metricsIn('prometheus')),
      openmetrics: coalesce(now, () => metricsIn('openmetrics')),
    };
    async function metricsIn(format: 'prometheus' | 'openmetrics'): Promise<Buffer> {
      const [counted, openFiles] = await Promise.all([reading(), countOpenFiles()]);
      const report = knowledge.brief();
      const told = await metrics.text(format, {
        report,
        reading: counted,
        alive: stuckNow(report) === null,
        ready: unready(report) === null,
        usage: { ...knowledge.usage(), openFiles },
      });
      return Buffer.from(told);
    }
    const routes = routesOf({
      async metrics(accept) {
        const format = formatFor(accept);
        return { type: CONTENT_TYPES[format], body: await text[format]() };
      },
      async report() {
        const counted = await reading();
        return { ...knowledge.report(), kernel: [kernelReport(config.virtualServer.text, counted)] };
      },
      stuck: () => stuckNow(knowledge.brief()),
      unready: () => unready(knowledge.brief()),
      page: (report) => ({
        pieces: statusPage(report, report.kernel),
        contentSecurityPolicy: PAGE_POLICY,
      }),
      coalesce: (make) => coalesce(now, make),
      breathe,
    });
    const onFault = (path: string, error: Error): void => {
      log.error(
        { event: 'fault', where: path, err: error, stack: error.stack },
        `a fault of our own in the answer to ${path}: ${error.message}`,
      );
    };
    const said = new Set<string>();
    await keepListening(
      {
        clock: systemClock,
        address,
        createServer: () => httpServer(routes, LIMITS, onFault),
        onListening() {
          said.clear();
          log.info(
            { event: 'listening', metricsAddr: address.text },
            `metrics, health and status at ${placeOf(address)}`,
          );
        },
        onFailure(error, retryInMs) {
          const words = inWords(error);
          const again = said.has(words);
          said.add(words);
          log[again ? 'debug' : 'warn'](
            { event: 'not-listening', err: error, metricsAddr: address.text, retryInMs },
            `cannot listen at --metrics-addr ${address.text}: ${words}; trying again until it works`,
          );
        },
      },
      signal,
    );
  }

  return {
    reporter: metrics.reporter,
    exchanged(server, exchange) {
      try {
        metrics.exchanged(server, exchange);
      } catch (error) {
        // No probe is to fail because it cannot be counted.
        log.debug({ err: error }, `an exchange was not counted: ${(error as Error).message}`);
      }
    },
    async run(signal) {
      try {
        await Promise.all([wakefulness.run(signal), metrics.run(signal), serve(signal)]);
      } catch (error) {
        // Nobody is to be without care because nobody can see it.
        log.error(
          { event: 'fault', where: address.text, err: error, stack: (error as Error).stack },
          `a fault of our own in ${address.text}: ${(error as Error).message}`,
        );
      }
    },
  };
}

async function read(table: () => Promise<CountedTable>): Promise<Reading> {
  try {
    return { table: await table() };
  } catch (error) {
    return { error: error as Error };
  }
}

async function countOpenFiles(): Promise<number | null> {
  try {
    // One of them is the directory itself.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return null;
  }
}

function placeOf(address: ListenAddress): string {
  if (address.kind === 'unix') return address.text;
  return address.address === null ? `port ${address.port} of every address` : `http://${address.text}/`;
}
