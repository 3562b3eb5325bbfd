import type {
  ActionResult,
  Leftovers,
  Removal,
  HostResource,
  VirtualServerTable,
} from '../../src/control-loop/ports.js';
import type { Endpoint } from '../../src/values/endpoint.js';
import type { Action } from '../../src/decisions/reconcile.js';
import { type Destination, type ServiceSettings } from '../../src/values/table.js';

interface FakeService {
  settings: ServiceSettings;
  rows: Map<string, Destination>;
}

class Refusal extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** An IPVS table with any number of virtual servers, which refuses what the kernel refuses. */
export class FakeKernel {
  readonly services = new Map<string, FakeService>();
  /** What every request fails with, null when the kernel works. */
  broken: Error | null = null;
  /** Runs between the reading of a table and what comes next: somebody else's chance. */
  meddle: (() => void) | null = null;
  /** What every request waits for, null when the kernel answers. */
  hanging: Promise<void> | null = null;
  /** The row that the next read misses, as the kernel may when a list takes several datagrams. */
  missed: string | null = null;
  reads = 0;
  /** How often the settings alone were looked at. */
  checks = 0;
  #busy = false;

  /** How many connections each virtual server has had. */
  connections = 0n;

  table(virtualServer: Endpoint): VirtualServerTable {
    const key = virtualServer.text;
    const words = `virtual server ${key}`;
    return {
      read: () =>
        this.#alone(() => {
          this.reads += 1;
          const service = this.services.get(key);
          const rows = [...(service?.rows.values() ?? [])].filter(
            ({ server }) => server.text !== this.missed,
          );
          this.missed = null;
          const found = service === undefined ? null : { ...service.settings, destinations: rows };
          this.meddle?.();
          return found;
        }),
      // Also while a pass is at work: the kernel answers one request after the other.
      readService: () => {
        this.checks += 1;
        return this.#answer(() => {
          const service = this.services.get(key);
          return service === undefined ? null : { ...service.settings, connections: this.connections };
        });
      },
      apply: (actions) => this.#alone(() => actions.map((action) => this.#tryTo(key, action))),
      find: () => this.#alone(() => (this.services.has(key) ? words : null)),
      remove: () => this.#alone(() => (this.services.delete(key) ? words : null)),
    };
  }

  /** The rows of a virtual server, `ADDRESS=WEIGHT` each, in the order of their addresses. */
  rows(virtualServer: Endpoint): string[] {
    const rows = [...(this.services.get(virtualServer.text)?.rows.values() ?? [])];
    return rows.map((row) => `${row.server.address}=${row.weight}`).sort();
  }

  /** Answers as the kernel does, later; two requests at once are a fault of whoever makes them. */
  async #alone<Value>(request: () => Value): Promise<Value> {
    if (this.#busy) throw new Error('two requests at once: passes overlap');
    this.#busy = true;
    try {
      return await this.#answer(request);
    } finally {
      this.#busy = false;
    }
  }

  async #answer<Value>(request: () => Value): Promise<Value> {
    await new Promise((resolve) => setImmediate(resolve));
    await this.hanging;
    if (this.broken !== null) throw this.broken;
    return request();
  }

  #tryTo(key: string, action: Action): ActionResult {
    try {
      this.#carryOut(key, action);
      return { action, outcome: 'ok', error: null };
    } catch (error) {
      return { action, outcome: error instanceof Refusal ? 'raced' : 'failed', error: error as Error };
    }
  }

  #carryOut(key: string, action: Action): void {
    const service = this.services.get(key);
    if (action.kind === 'create-service') {
      if (service !== undefined) throw new Refusal('EEXIST');
      this.services.set(key, { settings: action.settings, rows: new Map() });
      return;
    }
    if (service === undefined) throw new Refusal('ESRCH');
    if (action.kind === 'update-service') {
      service.settings = action.settings;
      return;
    }
    const { text } = action.server;
    const exists = service.rows.has(text);
    if (action.kind === 'add-destination' && exists) throw new Refusal('EEXIST');
    if (action.kind !== 'add-destination' && !exists) throw new Refusal('ENOENT');
    if (action.kind === 'remove-destination') service.rows.delete(text);
    else service.rows.set(text, rowOf(action.server, action.weight, service.rows.get(text)?.connections));
  }
}

/** A row with so many connections, all of them established. */
export function rowOf(server: Endpoint, weight: number, connections = 0): Destination {
  return {
    server,
    weight,
    forwarding: 'masquerade',
    upperThreshold: 0,
    lowerThreshold: 0,
    active: connections,
    connections,
  };
}

/** Something to keep up that can be broken and mended. */
export class FakeResource implements HostResource {
  readonly name: string;
  readonly isNotified: boolean;
  isRemoval = false;
  isOptional = false;
  drift: string | null = 'not there yet';
  refusal: Error | null = null;
  unremovable: Error | null = null;
  mends = 0;
  checks = 0;
  /** What a check waits for. */
  hanging: Promise<void> | null = null;

  constructor(name = 'fake', isNotified = true) {
    this.name = name;
    this.isNotified = isNotified;
  }

  async verify(): Promise<string | null> {
    this.checks += 1;
    await this.hanging;
    return this.drift;
  }

  repair(): Promise<void> {
    if (this.refusal !== null) return Promise.reject(this.refusal);
    this.drift = null;
    this.mends += 1;
    return Promise.resolve();
  }

  find(): Promise<string | null> {
    return Promise.resolve(this.drift === null ? 'the fake' : null);
  }

  remove(): Promise<string | null> {
    if (this.unremovable !== null) return Promise.reject(this.unremovable);
    if (this.drift !== null) return Promise.resolve(null);
    this.drift = 'taken away';
    return Promise.resolve('the fake');
  }
}

/** Leftovers that are there until they are taken away. */
export class FakeLeftovers implements Leftovers {
  there: readonly string[] = [];
  left: readonly string[] = [];
  failures: readonly Error[] = [];

  find(): Promise<Removal> {
    return Promise.resolve({ taken: this.there, left: this.left, failures: this.failures });
  }

  async remove(): Promise<Removal> {
    const found = await this.find();
    this.there = [];
    return found;
  }
}
