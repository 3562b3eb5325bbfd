/** The HTTP side of `lvscare care`, composed: metrics, health, the report, the status page. */
import { readdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { hostname } from 'node:os';
import type { TlsOptions } from 'node:tls';
import type { Logger } from 'pino';
import type { Emit, VirtualServerEvent } from '../control-loop/events.js';
import { systemClock } from './clock.js';
import type { DaemonConfig, UnitConfig } from '../config/care-config.js';
import type { LoadedWebConfig } from '../config/web-config.js';
import { createAccess } from '../http/access.js';
import { yieldWhenDue } from '../async/yield.js';
import { keepListening } from '../http/keep-listening.js';
import { httpServer, LIMITS } from '../http/http-server.js';
import type { ListenAddress } from '../values/listen-address.js';
import { inWords } from '../http/listen-failure.js';
import { Passwords } from '../http/passwords.js';
import { routesOf } from '../http/routes.js';
import { coalesce } from '../async/coalesce.js';
import { readKernel } from './kernel-report.js';
import { CONTENT_TYPES, formatFor } from '../metrics/exposition.js';
import { createMetrics, type ReloadResult } from '../metrics/metrics.js';
import { Ipvs } from '../netlink/index.js';
import { stuck, unready, type ProgressLimits } from '../report/liveness.js';
import type { KernelReport, Report } from '../report/report.js';
import type { Endpoint } from '../values/endpoint.js';
import { Wakefulness } from '../report/wakefulness.js';
import { PAGE_POLICY, statusPage } from '../page/page.js';
import { serverOptions } from '../tls/server-options.js';
import type { WebConfig } from '../values/web-config.js';
import { bcryptComparer } from './bcrypt.js';
import { keepWebConfig } from './web-config-keeper.js';

/** For the kernel to tell its counters: no scraper waits longer. */
const COUNTERS_MS = 2000;

/** What the process uses of its machine. */
export interface Usage {
  /** User and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
}

/** Where the answers come from. */
export interface HttpSources {
  report(options: { readonly history: boolean }): Report;
  usage(): Usage;
  /** Those that are taken care of now. */
  configs(): readonly UnitConfig[];
  /** null if the configuration is not from a file. */
  reload(): ReloadResult | null;
  /** The module that compares a password when it runs on a thread of its own. */
  readonly program: URL;
}

/** Metrics, health and the status page over HTTP. */
export interface HttpService {
  /** Shows a virtual server from now on, or other real servers of it. */
  set(config: UnitConfig): void;
  /** Shows a virtual server no longer. */
  remove(virtualServer: Endpoint): void;
  /** Counts an event. */
  count(event: VirtualServerEvent): void;
  /** Answers requests until the signal aborts. Never rejects. */
  run(emit: Emit, signal: AbortSignal): Promise<void>;
}

// ts-unused-exports:disable-next-line
export function composeEndpoint(
  config: DaemonConfig,
  address: ListenAddress,
  web: LoadedWebConfig | null,
  log: Logger,
  sources: HttpSources,
): HttpService {
  let webConfig = web?.config ?? null;
  const now = (): number => systemClock.now();
  const yieldIfDue = yieldWhenDue(now, () => new Promise((resolve) => setImmediate(resolve)));
  const metrics = createMetrics(config, systemClock, yieldIfDue);
  const wakefulness = new Wakefulness(systemClock);
  const limitsAt = (atMs: number): ProgressLimits => ({
    awakeSinceMs: atMs - (now() - wakefulness.awakeSinceMs()),
    probeTimeoutMs: Math.max(0, ...sources.configs().map(({ probe }) => probe.timeoutMs)),
    fastIntervalMs: Math.max(0, ...sources.configs().map(({ policy }) => policy.fastIntervalMs)),
  });
  const stuckNow = (report: Report): string | null => stuck(report, limitsAt(report.atMs));

  async function serve(emit: Emit, signal: AbortSignal): Promise<void> {
    // A handle of its own: requests on one wait for each other, and no pass is to wait for a scrape.
    await using ipvs = Ipvs.open({ timeoutMs: COUNTERS_MS });
    const kernel = coalesce(now, (): Promise<readonly KernelReport[]> =>
      Promise.all(sources.configs().map(({ virtualServer }) => readKernel(ipvs, virtualServer))),
    );
    const text = {
      prometheus: coalesce(now, () => metricsIn('prometheus')),
      openmetrics: coalesce(now, () => metricsIn('openmetrics')),
    };
    async function metricsIn(format: 'prometheus' | 'openmetrics'): Promise<Buffer> {
      const [counted, openFiles] = await Promise.all([kernel(), countOpenFiles()]);
      const report = sources.report({ history: false });
      const exposition = await metrics.text(format, {
        report,
        kernel: counted,
        alive: stuckNow(report) === null,
        ready: unready(report) === null,
        usage: { ...sources.usage(), openFiles },
        reload: sources.reload(),
      });
      return Buffer.from(exposition);
    }
    const routes = routesOf({
      async metrics(accept) {
        const format = formatFor(accept);
        return { type: CONTENT_TYPES[format], body: await text[format]() };
      },
      async report() {
        return { ...sources.report({ history: true }), kernel: await kernel() };
      },
      statusPage: config.statusPage,
      stuck: () => stuckNow(sources.report({ history: false })),
      unready: (virtualServer) => unready(of(sources.report({ history: false }), virtualServer)),
      page: (report) => ({
        pieces: statusPage(report, report.kernel),
        contentSecurityPolicy: PAGE_POLICY,
      }),
      coalesce: (make) => coalesce(now, make),
      yieldIfDue,
    });
    const onFault = (path: string, error: Error): void => {
      log.error(
        { event: 'fault', where: path, err: error, stack: error.stack },
        `a bug in the answer to ${path}, please report it: ${error.message}`,
      );
    };
    const passwords = new Passwords(bcryptComparer(sources.program), systemClock, signal);
    const access = createAccess({
      hosts: address.kind === 'unix' ? null : hostNames(config.webHosts),
      webConfig: () => webConfig,
      checkPassword: passwords.check.bind(passwords),
    });
    const tls = (): TlsOptions | null => (webConfig?.tls ? serverOptions(webConfig.tls) : null);
    let server: Server | null = null;
    const onChange = (changed: WebConfig): void => {
      webConfig = changed;
      log.info({ event: 'web-config', metricsAddr: address.text }, 'the web configuration has changed');
      if (!(server instanceof TlsServer) || changed.tls === null) return;
      server.setSecureContext(serverOptions(changed.tls));
      // Otherwise a client whose certificate is not accepted any more could go on.
      server.closeAllConnections();
    };
    const said = new Set<string>();
    const listening = keepListening(
      {
        clock: systemClock,
        address,
        createServer: () => (server = httpServer({ routes, limits: LIMITS, access, onFault }, tls())),
        onListening() {
          said.clear();
          log.info(
            { event: 'listening', metricsAddr: address.text },
            `metrics, health and status at ${placeOf(address, webConfig)}`,
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
    const keeping =
      web === null || config.webConfigFile === null
        ? null
        : keepWebConfig(
            config.webConfigFile.path,
            web,
            { clock: systemClock, onChange, onTrouble: troubleOf(config.webConfigFile.path, emit) },
            signal,
          );
    await Promise.all([listening, keeping]);
  }

  return {
    set: (config) => {
      metrics.set(config);
    },
    remove: (virtualServer) => {
      metrics.remove(virtualServer);
    },
    count: metrics.count.bind(metrics),
    async run(emit, signal) {
      try {
        await Promise.all([wakefulness.run(signal), metrics.run(signal), serve(emit, signal)]);
      } catch (error) {
        // The control loop goes on without it.
        log.error(
          { event: 'fault', where: address.text, err: error, stack: (error as Error).stack },
          `a bug in ${address.text}, please report it: ${(error as Error).message}`,
        );
      }
    },
  };
}

/** The report of one virtual server; of all if it is null. One that is not there is not ready. */
function of(report: Report, virtualServer: string | null): Report {
  if (virtualServer === null) return report;
  return {
    ...report,
    virtualServers: report.virtualServers.filter((one) => one.virtualServer === virtualServer),
  };
}

async function countOpenFiles(): Promise<number | null> {
  try {
    // One of them is the directory itself.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return null;
  }
}

function placeOf(address: ListenAddress, webConfig: WebConfig | null): string {
  if (address.kind === 'unix') return address.text;
  return `${webConfig?.tls ? 'https' : 'http'}://${address.text}/`;
}

/** The names by which clients reach this node, in lower case. */
function hostNames(further: readonly string[]): ReadonlySet<string> {
  const own = hostname().toLowerCase();
  const [short = own] = own.split('.', 1);
  return new Set(['localhost', own, short, ...further]);
}

function troubleOf(path: string, emit: Emit): (error: Error | null) => void {
  const what = `web configuration ${path}`;
  return (error) => {
    emit(error === null ? { kind: 'credentials-ok', what } : { kind: 'credentials-failed', what, error });
  };
}
