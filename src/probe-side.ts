/** The side of `lvscare care` that asks the servers, composed. */
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Prober } from './care/ports.js';
import type { CareConfig } from './config/care-config.js';
import type { Endpoint } from './core/endpoint.js';
import type { Exchange } from './core/exchange.js';
import { setTcpLiveness } from './netlink/index.js';

export async function composeProber(
  { probe }: CareConfig,
  log: Logger,
  onExchange: (server: Endpoint, exchange: Exchange) => void,
): Promise<Prober> {
  // What only sets up or cleans up need not wait for HTTP to be loaded.
  const { createProber } = await import('./probe/prober.js');
  const { createCredentials } = await import('./probe/credentials.js');
  const credentials = createCredentials(probe.tls, (what, error) => {
    if (error === null) log.info({ event: 'credentials-well', what }, `${what}: well again`);
    else
      log.warn(
        { event: 'credentials-failed', what, err: error },
        `${what}: ${error.message}; going on with the last that was good`,
      );
  });
  return createProber(probe, { credentials, guard: guardWith(log), onExchange });
}

/** Has the kernel ask a server that says nothing each second whether it is still there. */
function guardWith(log: Logger): (socket: Socket, timeoutMs: number) => void {
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
      if (!told)
        log.warn(
          { event: 'unguarded', err: error },
          `kept connections go unguarded: ${(error as Error).message}`,
        );
      told = true;
    }
  };
}
