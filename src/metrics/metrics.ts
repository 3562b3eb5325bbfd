import { Registry } from 'prom-client';
import type { VirtualServerEvent } from '../control-loop/events.js';
import type { Clock } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { KernelReport, Report } from '../report/report.js';
import { watchEventLoop } from './event-loop.js';
import { expose, type Format } from './exposition.js';
import { declareFamilies, declareProcessFamilies } from './families.js';
import { showProgram, showTable, showVirtualServer, type ProcessUsage } from './gauges.js';
import { Meter } from './meter.js';

interface Measured {
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
  readonly dryRun: boolean;
}

/** What is read when metrics are scraped, rather than counted as it happens. */
interface Readings {
  readonly report: Report;
  readonly kernel: KernelReport;
  readonly alive: boolean;
  readonly ready: boolean;
  readonly usage: ProcessUsage;
}

export interface Metrics {
  /** Counts an event. */
  count(event: VirtualServerEvent): void;
  /** Measures the delay of the event loop until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** All of them as text. */
  text(format: Format, readings: Readings): Promise<string>;
}

/** @param yieldToOthers Lets other work have its turn between two parts of a long text. */
export function createMetrics(
  { virtualServer, realServers, dryRun }: Measured,
  clock: Clock,
  yieldToOthers: () => Promise<void>,
): Metrics {
  // prom-client writes all values of a family in one go, so each virtual server has a registry.
  const registry = new Registry();
  const families = declareFamilies(registry);
  const processRegistry = new Registry();
  const processFamilies = declareProcessFamilies(processRegistry);
  const meter = new Meter(families, virtualServer, realServers, { dryRun });

  async function text(format: Format, { report, kernel, alive, ready, usage }: Readings): Promise<string> {
    showProgram(processFamilies, report.program, usage);
    processFamilies.alive.set(alive ? 1 : 0);
    processFamilies.ready.set(ready ? 1 : 0);
    for (const each of report.virtualServers) showVirtualServer(families, each, dryRun);
    showTable(families, kernel);
    return await expose([registry, processRegistry], format, yieldToOthers);
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    count: (event) => {
      meter.count(event);
    },
    run: (signal) => watchEventLoop(processFamilies, clock, signal),
    text(format, readings) {
      // One after another: they set the same gauges.
      const written = last.then(() => text(format, readings));
      last = written.catch(() => undefined);
      return written;
    },
  };
}
