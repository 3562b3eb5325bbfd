/** Composes the parts that probe servers: for `lvscare care`, and for commands that only probe. */
import type { Socket } from 'node:net';
import type { Emit, EventDetails } from '../control-loop/events.js';
import type { Prober, KeptConnection, VirtualServerProbe } from '../control-loop/ports.js';
import type { UnitConfig } from '../config/care-config.js';
import type { ProbeConfig } from '../config/probe-request.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Answer, Exchange } from '../values/exchange.js';
import type { createProber } from '../probe/prober.js';
import type { ProberParts } from '../probe/request.js';
import type { createCredentials } from '../tls/credentials.js';
import { SOURCE_PORTS } from '../report/recorder.js';
import { setTcpLiveness } from '../netlink/index.js';

/** The probes of real servers, and those of the virtual server, which are null if clients need not reach it by what lvscare makes. */
export interface Probes {
  readonly prober: Prober;
  readonly virtualServerProbe: VirtualServerProbe | null;
  /** What there is trouble with now, in the words of the report. */
  readonly troubles: Iterable<string>;
  /** They are not used any more, and emit nothing. */
  end(): void;
}

/** One way to probe, and the virtual servers that use it. */
interface Way {
  readonly prober: Prober;
  readonly parts: ProberParts;
  readonly users: Set<{ readonly emit: Emit }>;
  /** What is wrong now, by what it is about. */
  readonly troubles: Map<string, EventDetails>;
}

/** The probers of a process: virtual servers whose probes are the same share a prober, and with it the credentials. */
export class SharedProbers {
  readonly #ways = new Map<string, Way>();

  /** What is wrong with the prober already is emitted at once. */
  async use({ probe, virtualServer, mode, dryRun }: UnitConfig, emit: Emit): Promise<Probes> {
    // What only sets up or cleans up need not wait for HTTP and TLS to be loaded.
    const { createProber } = await import('../probe/prober.js');
    const { createVirtualServerProbe } = await import('../probe/virtual-server-probe.js');
    const { createCredentials } = await import('../tls/credentials.js');
    const key = JSON.stringify(probe, (_name, value: unknown) => (value instanceof Set ? [...value] : value));
    const way = this.#ways.get(key) ?? createWay(probe, createProber, createCredentials);
    this.#ways.set(key, way);
    const user = { emit };
    way.users.add(user);
    for (const trouble of way.troubles.values()) emit(trouble);
    return {
      prober: way.prober,
      virtualServerProbe:
        dryRun || mode === 'none' ? null : createVirtualServerProbe(virtualServer, probe, way.parts),
      get troubles() {
        return way.troubles.keys();
      },
      end: () => {
        way.users.delete(user);
        if (way.users.size === 0) this.#ways.delete(key);
      },
    };
  }
}

function createWay(
  probe: ProbeConfig,
  create: typeof createProber,
  createCredentialsOf: typeof createCredentials,
): Way {
  const users: Way['users'] = new Set();
  const troubles: Way['troubles'] = new Map();
  const emit = (about: string, isOver: boolean, event: EventDetails): void => {
    if (isOver) troubles.delete(about);
    else troubles.set(about, event);
    for (const user of users) user.emit(event);
  };
  const parts = probeParts(probe, createCredentialsOf, (trouble) => {
    if (trouble.kind === 'no-keepalive')
      emit('keepalive', false, { kind: 'keepalive-failed', error: trouble.error });
    else if (trouble.error === null) emit(trouble.what, true, { kind: 'credentials-ok', what: trouble.what });
    else emit(trouble.what, false, { kind: 'credentials-failed', what: trouble.what, error: trouble.error });
  });
  const onFilteredPorts: ProberParts['onFilteredPorts'] = (ports, shownBy) => {
    emit(SOURCE_PORTS, shownBy === null, { kind: 'ports-filtered', ports, shownBy });
  };
  return { prober: create(probe, { ...parts, onFilteredPorts }), parts, users, troubles };
}

/** What is wrong on this node. */
type Trouble =
  /** Files cannot be used; with null they can be again. */
  | { readonly kind: 'credentials'; readonly what: string; readonly error: Error | null }
  /** The kernel does not watch the connections that are kept. */
  | { readonly kind: 'no-keepalive'; readonly error: Error };

export type OnTrouble = (trouble: Trouble) => void;

export function troubleInWords(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'credentials':
      return `${trouble.what}: ${trouble.error?.message ?? 'can be used again'}`;
    case 'no-keepalive':
      return `the kernel does not check kept connections: ${trouble.error.message}`;
  }
}

function probeParts(
  probe: ProbeConfig,
  createCredentialsOf: typeof createCredentials,
  onTrouble: OnTrouble,
): ProberParts {
  const credentials = createCredentialsOf(probe.tls, (what, error) => {
    onTrouble({ kind: 'credentials', what, error });
  });
  return { credentials, guard: livenessGuard(onTrouble) };
}

/** Asks a server once, over a connection of its own; never one server twice at the same time. */
export type Ask = (server: Endpoint, signal: AbortSignal) => Promise<Answer>;

export async function composeAsk(probe: ProbeConfig, onTrouble: OnTrouble): Promise<Ask> {
  const { createProber } = await import('../probe/prober.js');
  const { createCredentials } = await import('../tls/credentials.js');
  const prober = createProber(probe, probeParts(probe, createCredentials, onTrouble));
  return async (server, signal) => {
    let last: Exchange | null = null;
    const connection = prober.keepConnection(
      server,
      () => undefined,
      (exchange) => (last = exchange),
    );
    try {
      const askedMs = Date.now();
      const outcome = await onlyOutcome(connection, signal);
      return { outcome, exchange: last, askedMs, answeredMs: Date.now() };
    } finally {
      connection.close();
    }
  };
}

async function onlyOutcome(connection: KeptConnection, signal: AbortSignal): Promise<Answer['outcome']> {
  for await (const outcome of connection.probe({ fresh: true, hedged: false }, signal)) return outcome;
  return { kind: 'inconclusive', detail: 'stopped before it was answered' };
}

/** Has the kernel ask a server that says nothing each second whether it is still there. */
function livenessGuard(onTrouble: OnTrouble): (socket: Socket, timeoutMs: number) => void {
  let reported = false;
  return (socket, timeoutMs) => {
    try {
      setTcpLiveness(socket, {
        keepAliveIdleS: 1,
        keepAliveIntervalS: 1,
        keepAliveProbes: 2,
        userTimeoutMs: Math.round(timeoutMs),
      });
    } catch (error) {
      // Without it a host that vanishes is noticed by the next probe.
      if (!reported) onTrouble({ kind: 'no-keepalive', error: error as Error });
      reported = true;
    }
  };
}
