/** What the tests of netlink-ts share: handles that are closed, tables that are empty, errors that are judged. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { timeLimit } from '../../lab/time-limit.js';
import { Ipvs, NetlinkError, ServiceFlag } from '../../src/netlink/index.js';
import type {
  AddressServiceKey,
  FwmarkServiceKey,
  Service,
  ServiceKey,
  Stats,
} from '../../src/netlink/index.js';

/** Deadlines for emulated machines with sanitizers; what tests a deadline sets its own. */
export const patience = { timeoutMs: timeLimit(120_000) };

/** Is the addon built with sanitizers? They find what is used wrongly, and take their time. */
export const sanitized = process.env['LVSCARE_SANITIZED'] !== undefined;

/** Of a great number of repetitions, as many as there is time for. */
export function many(count: number): number {
  return sanitized ? count / 4 : count;
}

/** Lends a handle to `use` and closes it, whatever happens. */
export async function withIpvs<T>(use: (ipvs: Ipvs) => Promise<T>): Promise<T> {
  const ipvs = Ipvs.open(patience);
  try {
    return await use(ipvs);
  } finally {
    await ipvs.close();
  }
}

export function tcp(address: string, port: number): AddressServiceKey {
  return { protocol: 'tcp', address, port };
}

export function udp(address: string, port: number): AddressServiceKey {
  return { protocol: 'udp', address, port };
}

export function sctp(address: string, port: number): AddressServiceKey {
  return { protocol: 'sctp', address, port };
}

export function fwmark(mark: number, family: 'ipv4' | 'ipv6' = 'ipv4'): FwmarkServiceKey {
  return { fwmark: mark, family };
}

export const noStats: Stats = {
  connections: 0n,
  packetsIn: 0n,
  packetsOut: 0n,
  bytesIn: 0n,
  bytesOut: 0n,
  connectionsPerSecond: 0n,
  packetsInPerSecond: 0n,
  packetsOutPerSecond: 0n,
  bytesInPerSecond: 0n,
  bytesOutPerSecond: 0n,
};

/** A fresh service as the kernel gives it back; `flags` without `hashed`, which the kernel adds. */
export function freshService(
  key: ServiceKey,
  scheduler: string,
  rest: { flags?: number; timeoutSeconds?: number; netmask?: string; peName?: string } = {},
): Service {
  const ipv6 = 'family' in key ? key.family === 'ipv6' : key.address.includes(':');
  return {
    key,
    scheduler,
    flags: (rest.flags ?? 0) | ServiceFlag.hashed,
    timeoutSeconds: rest.timeoutSeconds ?? 0,
    netmask: rest.netmask ?? (ipv6 ? '128' : '255.255.255.255'),
    peName: rest.peName ?? null,
    stats: noStats,
  };
}

/** `key` as text, to find services in lists by. */
export function keyText(key: ServiceKey): string {
  return 'fwmark' in key
    ? `fwmark ${key.fwmark} ${key.family}`
    : `${key.protocol} ${key.address} ${key.port}`;
}

/** Waits for `promise` to be rejected by a NetlinkError with this code, and returns it. */
export async function netlinkError(
  promise: Promise<unknown>,
  code: string,
  operation?: string,
): Promise<NetlinkError> {
  const error: unknown = await promise.then(
    () => assert.fail(`expected ${code}, but it succeeded`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof NetlinkError, `expected a NetlinkError, got ${String(error)}`);
  assert.equal(error.code, code, error.message);
  if (operation !== undefined) assert.equal(error.operation, operation);
  return error;
}

/** How many netlink sockets this process has, whoever else is in its network namespace. */
export function netlinkSockets(): number {
  const inodes = new Set(
    readFileSync('/proc/net/netlink', 'ascii')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/).at(-1) ?? ''),
  );
  return socketInodes().filter((inode) => inodes.has(inode)).length;
}

function socketInodes(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(fd))?.[1] ?? []);
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    // The one by which the directory was read, or another thread's.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** How many file descriptors this process has. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Is this a guest of our own, whose modules may come and go? */
export const inGuest = !['host', ''].includes(process.env['WITH_IPVS'] ?? '');

/** Makes `count` services, 10.8.0.0:80 and so on. */
export async function fillTable(count: number): Promise<AddressServiceKey[]> {
  const keys = Array.from({ length: count }, (_, index) => tcp(`10.8.${index >> 8}.${index & 255}`, 80));
  await withIpvs(async (ipvs) => {
    const config = { scheduler: 'rr' };
    const results = await ipvs.batch(keys.map((service) => ({ kind: 'createService', service, config })));
    assert.ok(results.every(({ ok }) => ok));
  });
  return keys;
}
