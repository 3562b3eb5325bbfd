import { Registry } from 'prom-client';
import type { Clock, Reporter } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Exchange } from '../values/exchange.js';
import type { Reading } from '../report/counted-report.js';
import type { BriefReport } from '../report/report.js';
import { watchEventLoop } from './event-loop.js';
import { expose, type Format } from './exposition.js';
import { declareFamilies } from './families.js';
import {
  showProgram,
  showServers,
  showTable,
  showVirtualServer,
  type Breathe,
  type ProcessUsage,
} from './gauges.js';
import { groupsOf } from './groups.js';
import { Meter } from './meter.js';

interface Watched {
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
  readonly dryRun: boolean;
}

/** What is looked at when somebody asks, rather than counted as it happens. */
interface Sights {
  readonly report: BriefReport;
  readonly reading: Reading;
  readonly alive: boolean;
  readonly ready: boolean;
  readonly usage: ProcessUsage;
}

export interface Metrics {
  /** To be told what happens. */
  readonly reporter: Reporter;
  exchanged(server: Endpoint, exchange: Exchange): void;
  /** Watches the event loop until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** All of them as text. */
  text(format: Format, sights: Sights): Promise<string>;
}

export function createMetrics(watched: Watched, clock: Clock, breathe: Breathe): Metrics {
  const { virtualServer, realServers, dryRun } = watched;
  const registry = new Registry();
  const families = declareFamilies(registry);
  const groups = groupsOf(realServers);
  const meter = new Meter(families, groups, watched);

  async function text(format: Format, { report, reading, alive, ready, usage }: Sights): Promise<string> {
    showProgram(families, report.program, usage);
    families.alive.set(alive ? 1 : 0);
    families.ready.set(ready ? 1 : 0);
    const ours = report.virtualServers.find((one) => one.virtualServer === virtualServer.text);
    if (ours !== undefined) {
      showVirtualServer(families, virtualServer, ours, dryRun);
      await showServers(groups, virtualServer, ours, breathe);
    }
    await showTable(families, groups, virtualServer, reading, breathe);
    return expose([...groups.map((group) => group.registry), registry], format, breathe);
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    reporter: meter,
    exchanged: (server, exchange) => {
      meter.exchanged(server, exchange);
    },
    run: (signal) => watchEventLoop(families, clock, signal),
    text(format, sights) {
      // One after another: they set the same gauges.
      const told = last.then(() => text(format, sights));
      last = told.catch(() => undefined);
      return told;
    },
  };
}
