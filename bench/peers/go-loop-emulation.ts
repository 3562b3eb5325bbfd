/**
 * An emulation, not the program: the loop of the Go lvscare, as its sources have it. It adds every real server before
 * it has probed any. Then, every 5 s, it probes all at once, each over a fresh TLS connection whose certificate it does
 * not check, and waits for the slowest. A failure sets weight 0; failing again at weight 0 deletes; one success
 * restores. A round that took longer than the interval is followed by the next one at once.
 */
import { request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { Ipvs, NetlinkError, type AddressServiceKey, type DestinationKey } from '../../src/netlink/index.js';

export interface GoLoopOptions {
  readonly virtualServer: string;
  readonly realServers: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as GoLoopOptions;
const ipvs = Ipvs.open();
const service: AddressServiceKey = { protocol: 'tcp', ...hostAndPort(options.virtualServer) };

await ipvs.createService(service, { scheduler: 'rr' });
for (const realServer of options.realServers) await restore(hostAndPort(realServer), null);
for (;;) {
  const nextMs = performance.now() + options.intervalMs;
  await round();
  await delay(Math.max(0, nextMs - performance.now()));
}

async function round(): Promise<void> {
  const healthy = await Promise.all(options.realServers.map(probe));
  const rows = await ipvs.listDestinations(service);
  for (const [index, realServer] of options.realServers.entries()) {
    const key = hostAndPort(realServer);
    const row = rows.find(({ address, port }) => address === key.address && port === key.port);
    const weight = row?.weight ?? null;
    if (healthy[index] === true) await restore(key, weight);
    else if (weight === 0) await ipvs.deleteDestination(service, key);
    else if (weight !== null) await ipvs.updateDestination(service, key, { weight: 0 });
  }
}

async function restore(key: DestinationKey, weight: number | null): Promise<void> {
  const config = { weight: 1 };
  if (weight === null) await ipvs.createDestination(service, key, config).catch(tolerateExisting);
  else if (weight === 0) await ipvs.updateDestination(service, key, config);
}

/** Somebody was quicker. */
function tolerateExisting(error: unknown): void {
  if (!(error instanceof NetlinkError && error.code === 'EEXIST')) throw error;
}

function probe(realServer: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(`https://${realServer}/healthz`, {
      agent: false,
      rejectUnauthorized: false,
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    asked.once('error', () => {
      resolve(false);
    });
    asked.once('response', (response) => {
      response.resume().once('error', () => {
        resolve(false);
      });
      response.once('end', () => {
        resolve((response.statusCode ?? 500) < 400);
      });
    });
    asked.end();
  });
}

function hostAndPort(endpoint: string): { address: string; port: number } {
  const [address = '', port] = endpoint.split(':');
  return { address, port: Number(port) };
}
