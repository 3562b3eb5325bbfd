import type { SuspicionEnd } from '../decisions/suspicion.js';
import type { VirtualServerEvent } from '../control-loop/events.js';
import type { Endpoint } from '../values/endpoint.js';
import { classOf, type EvidenceKind } from '../values/evidence.js';
import type { Exchange } from '../values/exchange.js';
import type { HealthState } from '../decisions/health.js';
import type { Action } from '../decisions/reconcile.js';
import { rsLabels, vsLabels, type Families, type RsLabels, type VsLabels } from './families.js';

/** How a suspicion may end. */
const SUSPICION_ENDS: readonly SuspicionEnd[] = ['answered', 'down', 'no verdict'];

const KINDS: readonly EvidenceKind[] = ['ok', 'refused', 'silent', 'slow', 'tls', 'status', 'broken'];
const STATES: readonly HealthState[] = ['unknown', 'up', 'sick', 'dead'];
const PHASES = ['connect', 'handshake', 'first_byte'] as const;
const ACTIONS: readonly Action['kind'][] = [
  'create-service',
  'update-service',
  'add-destination',
  'update-destination',
  'remove-destination',
];

/**
 * Counts what happens to one virtual server. What can happen stands at 0 from the start, so that the first time is seen as
 * an increase.
 */
export class Meter {
  readonly #families: Families;
  readonly #vs: VsLabels;
  /** The labels of each real server. */
  #servers: ReadonlyMap<string, RsLabels> = new Map();

  constructor(
    families: Families,
    virtualServer: Endpoint,
    realServers: readonly Endpoint[],
    { dryRun }: { readonly dryRun: boolean },
  ) {
    this.#families = families;
    this.#vs = vsLabels(virtualServer.text);
    this.setServers(virtualServer, realServers);
    this.#beginAtZero(dryRun);
  }

  /** Counts these real servers from now on, and forgets what was counted of others. */
  setServers({ text: virtualServer }: Endpoint, realServers: readonly Endpoint[]): void {
    const before = this.#servers;
    this.#servers = new Map(
      realServers.map(({ text }) => [text, before.get(text) ?? rsLabels(virtualServer, text)]),
    );
    for (const [text, rs] of this.#servers) if (!before.has(text)) this.#beginServerAtZero(rs);
    for (const [text, rs] of before) if (!this.#servers.has(text)) this.#forget(rs);
  }

  /** Counts an event. */
  count(event: VirtualServerEvent): void {
    if ('server' in event) {
      const rs = this.#servers.get(event.server.text);
      if (rs !== undefined) this.#countServer(event, rs);
      return;
    }
    const families = this.#families;
    const vs = this.#vs;
    switch (event.kind) {
      case 'pass':
        this.#countPass(event);
        break;
      case 'table-unreadable':
        families.reconciles.inc({ ...vs, result: 'unreadable' });
        break;
      case 'connections-ended':
        families.connectionsEnded.inc(vs, event.count);
        break;
      case 'resource-ok':
      case 'resource-created':
        // From now on it can be repaired.
        families.repairs.inc({ ...vs, what: event.resource }, 0);
        break;
      case 'resource-repaired':
        families.repairs.inc({ ...vs, what: event.resource });
        break;
      case 'notifications-lost':
        families.notificationsLost.inc(vs);
        break;
      case 'fault':
        families.faults.inc(vs);
        break;
      default:
        // The others are among the gauges, or in the log only.
        break;
    }
  }

  #countServer(event: Extract<VirtualServerEvent, { readonly server: Endpoint }>, rs: RsLabels): void {
    const families = this.#families;
    switch (event.kind) {
      case 'probe':
        families.probes.inc({ ...rs, result: event.evidence.kind });
        if (event.evidence.kind === 'ok') families.probeDuration.observe(rs, event.durationMs / 1000);
        break;
      case 'probe-inconclusive':
        families.probes.inc({ ...rs, result: 'inconclusive' });
        break;
      case 'exchange':
        this.#countPhases(event.exchange, rs);
        break;
      case 'transition':
        families.transitions.inc({
          ...rs,
          to: event.after.state,
          cause: event.after.lastEvidence?.kind ?? 'none',
        });
        break;
      case 'suspicion-ended':
        families.suspicions.inc({ ...rs, end: event.why });
        break;
      case 'held':
        families.holds.inc(rs);
        break;
      case 'connection-lost':
        families.connectionLosses.inc(rs);
        break;
      case 'suspected':
      case 'late-clients':
      case 'still-down':
      case 'drained':
      case 'discovered':
      case 'missing':
      case 'forgotten':
        // Counted as a probe; among the gauges.
        break;
    }
  }

  /** How long each phase of a request took. */
  #countPhases({ phases }: Exchange, rs: RsLabels): void {
    const durations = {
      connect: phases.connectMs,
      handshake: phases.handshakeMs,
      first_byte: phases.firstByteMs,
    };
    for (const [phase, ms] of Object.entries(durations))
      if (ms !== null) this.#families.phases.observe({ ...rs, phase }, ms / 1000);
  }

  #countPass({ results, drift, durationMs }: Extract<VirtualServerEvent, { readonly kind: 'pass' }>): void {
    const { actions, repairs, reconciles, reconcileDuration } = this.#families;
    reconcileDuration.observe(this.#vs, durationMs / 1000);
    const failed = results.some(({ outcome }) => outcome === 'failed');
    reconciles.inc({ ...this.#vs, result: failed ? 'failed' : 'ok' });
    for (const { action, outcome } of results) {
      actions.inc({ ...this.#vs, action: action.kind, result: outcome });
      if (drift && outcome === 'ok') repairs.inc({ ...this.#vs, what: action.kind });
    }
  }

  #beginAtZero(dryRun: boolean): void {
    const { reconciles, reconcileDuration, actions, repairs, connectionsEnded, notificationsLost, faults } =
      this.#families;
    for (const result of ['ok', 'failed', 'unreadable']) reconciles.inc({ ...this.#vs, result }, 0);
    reconcileDuration.zero(this.#vs);
    for (const action of ACTIONS) {
      for (const result of [dryRun ? 'dry-run' : 'ok', 'failed'])
        actions.inc({ ...this.#vs, action, result }, 0);
      repairs.inc({ ...this.#vs, what: action }, 0);
    }
    connectionsEnded.inc(this.#vs, 0);
    notificationsLost.inc(this.#vs, 0);
    faults.inc(this.#vs, 0);
  }

  #forget(rs: RsLabels): void {
    const { probes, probeDuration, phases, transitions, suspicions, holds, connectionLosses } =
      this.#families;
    for (const result of [...KINDS, 'inconclusive']) probes.remove({ ...rs, result });
    for (const to of STATES) for (const cause of [...KINDS, 'none']) transitions.remove({ ...rs, to, cause });
    for (const phase of PHASES) phases.remove({ ...rs, phase });
    probeDuration.remove(rs);
    for (const end of SUSPICION_ENDS) suspicions.remove({ ...rs, end });
    holds.remove(rs);
    connectionLosses.remove(rs);
  }

  #beginServerAtZero(rs: RsLabels): void {
    const { probes, probeDuration, transitions, suspicions, holds, connectionLosses } = this.#families;
    for (const result of [...KINDS, 'inconclusive']) probes.inc({ ...rs, result }, 0);
    for (const cause of KINDS) transitions.inc({ ...rs, to: classOf(cause), cause }, 0);
    probeDuration.zero(rs);
    for (const end of SUSPICION_ENDS) suspicions.inc({ ...rs, end }, 0);
    holds.inc(rs, 0);
    connectionLosses.inc(rs, 0);
  }
}
