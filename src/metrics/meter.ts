import type { Pass, Reporter, InconclusiveProbe } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { classOf, type Evidence, type EvidenceKind } from '../values/evidence.js';
import type { Exchange } from '../values/exchange.js';
import type { Health } from '../decisions/health.js';
import type { Action } from '../decisions/reconcile.js';
import { rsLabels, vsLabels, type Families, type RsLabels, type VsLabels } from './families.js';
import type { Group } from './groups.js';

const KINDS: readonly EvidenceKind[] = ['ok', 'refused', 'silent', 'slow', 'tls', 'status', 'broken'];
const ACTIONS: readonly Action['kind'][] = [
  'create-service',
  'update-service',
  'add-destination',
  'update-destination',
  'remove-destination',
];

interface Counted {
  readonly families: Group['families'];
  readonly rs: RsLabels;
}

/**
 * Counts what happens to one virtual server. What can happen stands at 0 from the start, so that the first time is seen as
 * an increase.
 */
export class Meter implements Reporter {
  readonly #families: Families;
  readonly #dryRun: boolean;
  readonly #vs: VsLabels;
  readonly #servers: ReadonlyMap<string, Counted>;

  constructor(
    families: Families,
    groups: readonly Group[],
    { virtualServer, dryRun }: { readonly virtualServer: Endpoint; readonly dryRun: boolean },
  ) {
    this.#families = families;
    this.#dryRun = dryRun;
    this.#vs = vsLabels(virtualServer);
    this.#servers = new Map(
      groups.flatMap((group) =>
        group.servers.map((server) => [
          server.text,
          { families: group.families, rs: rsLabels(virtualServer, server) },
        ]),
      ),
    );
    for (const server of this.#servers.values()) beginServerAtZero(server);
    this.#beginAtZero();
  }

  /** How a server was asked, phase by phase. */
  exchanged(server: Endpoint, { phases }: Exchange): void {
    this.#count(server, ({ phases: family }, rs) => {
      const told = {
        connect: phases.connectMs,
        handshake: phases.handshakeMs,
        first_byte: phases.firstByteMs,
      };
      for (const [phase, ms] of Object.entries(told))
        if (ms !== null) family.observe({ ...rs, phase }, ms / 1000);
    });
  }

  probed(server: Endpoint, outcome: Evidence | InconclusiveProbe, durationMs: number): void {
    this.#count(server, ({ probes, probeDuration }, rs) => {
      probes.inc({ ...rs, result: outcome.kind });
      if (outcome.kind === 'ok') probeDuration.observe(rs, durationMs / 1000);
    });
  }

  judged(server: Endpoint, before: Health, after: Health): void {
    if (before.state === after.state) return;
    this.#count(server, ({ transitions }, rs) => {
      transitions.inc({ ...rs, to: after.state, cause: after.lastEvidence?.kind ?? 'none' });
    });
  }

  stillDown(): void {
    // What it failed with is counted as a probe.
  }

  held(server: Endpoint): void {
    this.#count(server, ({ holds }, rs) => {
      holds.inc(rs);
    });
  }

  watchLost(server: Endpoint): void {
    this.#count(server, ({ watchLosses }, rs) => {
      watchLosses.inc(rs);
    });
  }

  reconciled({ results, drift, durationMs }: Pass): void {
    const { actions, repairs, reconciles, reconcileDuration } = this.#families;
    reconcileDuration.observe(this.#vs, durationMs / 1000);
    // What raced is repeated at once, and is no failure.
    const failed = results.some(({ error, raced }) => error !== null && !raced);
    reconciles.inc({ ...this.#vs, result: failed ? 'failed' : 'ok' });
    for (const { action, error, raced } of results) {
      const result = error === null ? this.#done : raced ? 'raced' : 'failed';
      actions.inc({ ...this.#vs, action: action.kind, result });
      if (drift && result === 'ok') repairs.inc({ ...this.#vs, what: action.kind });
    }
  }

  connectionsEnded(_servers: readonly Endpoint[], count: number): void {
    this.#families.connectionsEnded.inc(this.#vs, count);
  }

  tableUnreadable(): void {
    this.#families.reconciles.inc({ ...this.#vs, result: 'unreadable' });
  }

  made(upkeep: string): void {
    this.#knowUpkeep(upkeep);
  }

  mended(upkeep: string, _amiss: string, error: Error | null): void {
    if (error === null && !this.#dryRun) this.#families.repairs.inc({ ...this.#vs, what: upkeep });
  }

  removed(): void {
    // It is no repair.
  }

  upheld(upkeep: string): void {
    this.#knowUpkeep(upkeep);
  }

  uncheckable(): void {
    // It is among the troubles.
  }

  deaf(): void {
    this.#families.deaf.inc(this.#vs);
  }

  fault(): void {
    this.#families.faults.inc(this.#vs);
  }

  get #done(): 'ok' | 'dry-run' {
    return this.#dryRun ? 'dry-run' : 'ok';
  }

  #count(server: Endpoint, count: (families: Group['families'], rs: RsLabels) => void): void {
    const counted = this.#servers.get(server.text);
    if (counted !== undefined) count(counted.families, counted.rs);
  }

  /** From now on it can be repaired. */
  #knowUpkeep(upkeep: string): void {
    this.#families.repairs.inc({ ...this.#vs, what: upkeep }, 0);
  }

  #beginAtZero(): void {
    const { reconciles, reconcileDuration, actions, repairs, connectionsEnded, deaf, faults } =
      this.#families;
    for (const result of ['ok', 'failed', 'unreadable']) reconciles.inc({ ...this.#vs, result }, 0);
    reconcileDuration.zero(this.#vs);
    for (const action of ACTIONS) {
      for (const result of [this.#done, 'failed']) actions.inc({ ...this.#vs, action, result }, 0);
      repairs.inc({ ...this.#vs, what: action }, 0);
    }
    connectionsEnded.inc(this.#vs, 0);
    deaf.inc(this.#vs, 0);
    faults.inc(this.#vs, 0);
  }
}

function beginServerAtZero({ families, rs }: Counted): void {
  const { probes, probeDuration, transitions, holds, watchLosses } = families;
  for (const result of [...KINDS, 'void']) probes.inc({ ...rs, result }, 0);
  for (const cause of KINDS) transitions.inc({ ...rs, to: classOf(cause), cause }, 0);
  probeDuration.zero(rs);
  holds.inc(rs, 0);
  watchLosses.inc(rs, 0);
}
