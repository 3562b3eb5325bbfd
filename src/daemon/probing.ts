/** Composes the parts that probe servers: for `lvscare care`, and for commands that only probe. */
import type { Socket } from 'node:net';
import type { Emit } from '../control-loop/events.js';
import type { Prober, KeptConnection, VirtualServerProbe } from '../control-loop/ports.js';
import type { UnitConfig } from '../config/care-config.js';
import type { ProbeConfig } from '../config/probe-request.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Answer, Exchange } from '../values/exchange.js';
import type { ProberParts } from '../probe/request.js';
import { setTcpLiveness } from '../netlink/index.js';

type OnExchange = (server: Endpoint, exchange: Exchange) => void;

/** The probes of real servers, and those of the virtual server, which are null if clients need not reach it by what lvscare makes. */
export async function composeProbes(
  { probe, virtualServer, mode, dryRun }: UnitConfig,
  emit: Emit,
): Promise<{ readonly prober: Prober; readonly virtualServerProbe: VirtualServerProbe | null }> {
  const parts = await probeParts(probe, emitTrouble(emit));
  const { createProber } = await import('../probe/prober.js');
  const { createVirtualServerProbe } = await import('../probe/virtual-server-probe.js');
  const onExchange: OnExchange = (server, exchange) => {
    emit({ kind: 'exchange', server, exchange });
  };
  const onFilteredPorts: ProberParts['onFilteredPorts'] = (ports, shownBy) => {
    emit({ kind: 'ports-filtered', ports, shownBy });
  };
  return {
    prober: createProber(probe, { ...parts, onExchange, onFilteredPorts }),
    virtualServerProbe:
      dryRun || mode === 'none' ? null : createVirtualServerProbe(virtualServer, probe, parts),
  };
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

async function probeParts(probe: ProbeConfig, onTrouble: OnTrouble): Promise<ProberParts> {
  // What only sets up or cleans up need not wait for HTTP and TLS to be loaded.
  const { createCredentials } = await import('../tls/credentials.js');
  const credentials = createCredentials(probe.tls, (what, error) => {
    onTrouble({ kind: 'credentials', what, error });
  });
  return { credentials, guard: livenessGuard(onTrouble) };
}

/** Asks a server once, over a connection of its own; never one server twice at the same time. */
export type Ask = (server: Endpoint, signal: AbortSignal) => Promise<Answer>;

export async function composeAsk(probe: ProbeConfig, onTrouble: OnTrouble): Promise<Ask> {
  const seen = new Map<string, Exchange>();
  const parts = await probeParts(probe, onTrouble);
  const { createProber } = await import('../probe/prober.js');
  const onExchange: OnExchange = (server, exchange) => {
    seen.set(server.text, exchange);
  };
  const prober = createProber(probe, { ...parts, onExchange });
  return async (server, signal) => {
    const connection = prober.keepConnection(server, () => undefined);
    try {
      seen.delete(server.text);
      const askedMs = Date.now();
      const outcome = await onlyOutcome(connection, signal);
      return { outcome, exchange: seen.get(server.text) ?? null, askedMs, answeredMs: Date.now() };
    } finally {
      connection.close();
    }
  };
}

async function onlyOutcome(connection: KeptConnection, signal: AbortSignal): Promise<Answer['outcome']> {
  for await (const outcome of connection.probe({ fresh: true, hedged: false }, signal)) return outcome;
  return { kind: 'inconclusive', detail: 'stopped before it was answered' };
}

function emitTrouble(emit: Emit): OnTrouble {
  return (trouble) => {
    if (trouble.kind === 'no-keepalive') emit({ kind: 'keepalive-failed', error: trouble.error });
    else if (trouble.error === null) emit({ kind: 'credentials-ok', what: trouble.what });
    else emit({ kind: 'credentials-failed', what: trouble.what, error: trouble.error });
  };
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
