/** The side that asks the servers, composed: for `lvscare care`, and for commands that only ask. */
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Prober } from './care/ports.js';
import type { CareConfig } from './config/care-config.js';
import type { ProbeConfig } from './config/probe-request.js';
import type { Endpoint } from './core/endpoint.js';
import type { Exchange } from './core/exchange.js';
import { setTcpLiveness } from './netlink/index.js';

type OnExchange = (server: Endpoint, exchange: Exchange) => void;

export function composeProber({ probe }: CareConfig, log: Logger, onExchange: OnExchange): Promise<Prober> {
  return proberOf(probe, tellLog(log), onExchange);
}

/** Hears of what is amiss on our own side, and with null that it is over. */
type OnTrouble = (what: string, error: Error | null) => void;

export async function proberOf(
  probe: ProbeConfig,
  onTrouble: OnTrouble,
  onExchange: OnExchange,
): Promise<Prober> {
  // What only sets up or cleans up need not wait for HTTP to be loaded.
  const { createProber } = await import('./probe/prober.js');
  const { createCredentials } = await import('./probe/credentials.js');
  const credentials = createCredentials(probe.tls, onTrouble);
  return createProber(probe, { credentials, guard: guardTelling(onTrouble), onExchange });
}

function tellLog(log: Logger): OnTrouble {
  return (what, error) => {
    if (error === null) log.info({ event: 'credentials-well', what }, `${what}: well again`);
    else if (what === GUARD) log.warn({ event: 'unguarded', err: error }, `${what}: ${error.message}`);
    else
      log.warn(
        { event: 'credentials-failed', what, err: error },
        `${what}: ${error.message}; going on with the last that was good`,
      );
  };
}

const GUARD = 'kept connections go unguarded';

/** Has the kernel ask a server that says nothing each second whether it is still there. */
function guardTelling(onTrouble: OnTrouble): (socket: Socket, timeoutMs: number) => void {
  let told = false;
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
      if (!told) onTrouble(GUARD, error as Error);
      told = true;
    }
  };
}
