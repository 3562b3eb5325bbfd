import { Registry } from 'prom-client';
import type { VirtualServerEvent } from '../control-loop/events.js';
import type { Clock } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { KernelReport, Report } from '../report/report.js';
import { watchEventLoop } from './event-loop.js';
import { expose, type Format } from './exposition.js';
import { declareFamilies, declareProcessFamilies, type Families } from './families.js';
import { showProgram, showTable, showVirtualServer, type ProcessUsage } from './gauges.js';
import { Meter } from './meter.js';

/** A virtual server whose events are counted. */
interface Measured {
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
}

/** What became of the last reload of the configuration. */
export interface ReloadResult {
  readonly successful: boolean;
  /** When the configuration that is in force was loaded, in milliseconds since 1970. */
  readonly successMs: number;
}

/** What is read when metrics are scraped, rather than counted as it happens. */
interface Readings {
  readonly report: Report;
  /** What the kernel has of each virtual server. */
  readonly kernel: readonly KernelReport[];
  readonly alive: boolean;
  readonly ready: boolean;
  readonly usage: ProcessUsage;
  /** null if the configuration is not from a file. */
  readonly reload: ReloadResult | null;
}

export interface Metrics {
  /** Counts the events of a virtual server from now on, or of other real servers of it. */
  set(measured: Measured): void;
  /** Forgets a virtual server. */
  remove(virtualServer: Endpoint): void;
  /** Counts an event. */
  count(event: VirtualServerEvent): void;
  /** Measures the delay of the event loop until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** All of them as text. */
  text(format: Format, readings: Readings): Promise<string>;
}

interface Measuring {
  readonly registry: Registry;
  readonly families: Families;
  readonly meter: Meter;
}

/** @param yieldToOthers Lets other work have its turn between two parts of a long text. */
export function createMetrics(
  { dryRun }: { readonly dryRun: boolean },
  clock: Clock,
  yieldToOthers: () => Promise<void>,
): Metrics {
  // prom-client writes all values of a family in one go, so each virtual server has a registry.
  const virtualServers = new Map<string, Measuring>();
  const processRegistry = new Registry();
  const processFamilies = declareProcessFamilies(processRegistry);
  // Without a file there is no reload: prom-client would show 0.
  processFamilies.reloadSuccessful.remove();
  processFamilies.reloadTime.remove();

  async function text(
    format: Format,
    { report, kernel, alive, ready, usage, reload }: Readings,
  ): Promise<string> {
    showProgram(processFamilies, report.program, usage);
    processFamilies.alive.set(alive ? 1 : 0);
    processFamilies.ready.set(ready ? 1 : 0);
    if (reload !== null) {
      processFamilies.reloadSuccessful.set(reload.successful ? 1 : 0);
      processFamilies.reloadTime.set(reload.successMs / 1000);
    }
    for (const each of report.virtualServers) {
      const measuring = virtualServers.get(each.virtualServer);
      if (measuring !== undefined) showVirtualServer(measuring.families, each, dryRun);
    }
    for (const each of kernel) {
      const measuring = virtualServers.get(each.virtualServer);
      if (measuring !== undefined) showTable(measuring.families, each);
    }
    const registries = [...virtualServers.values()].map(({ registry }) => registry);
    return await expose([...registries, processRegistry], format, yieldToOthers);
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    set({ virtualServer, realServers }) {
      const known = virtualServers.get(virtualServer.text);
      if (known !== undefined) known.meter.setServers(virtualServer, realServers);
      else {
        const registry = new Registry();
        const families = declareFamilies(registry);
        const meter = new Meter(families, virtualServer, realServers, { dryRun });
        virtualServers.set(virtualServer.text, { registry, families, meter });
      }
    },
    remove: ({ text: name }) => virtualServers.delete(name),
    count: (event) => {
      virtualServers.get(event.virtualServer.text)?.meter.count(event);
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
