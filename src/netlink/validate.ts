/**
 * Checks of arguments, before anything is sent. Each gives the value it was asked about, or throws a TypeError that
 * names the field, what it expects and what it got.
 */

import { isIPv4, isIPv6 } from 'node:net';
import { inspect } from 'node:util';

import type { IpFamily } from './types.js';

export function refuse(path: string, expected: string, got: unknown): never {
  const shown = inspect(got, { depth: 0, breakLength: Infinity, maxStringLength: 80 });
  throw new TypeError(`${path}: expected ${expected}, got ${shown}`);
}

export function checkObject(path: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) refuse(path, 'an object', value);
}

export function checkArray(path: string, value: unknown): void {
  if (!Array.isArray(value)) refuse(path, 'an array', value);
}

export function integer(path: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  refuse(path, `an integer from ${least} to ${most}`, value);
}

export const uint32Max = 0xffff_ffff;

export function port(path: string, value: unknown): number {
  return integer(path, value, 0, 65535);
}

export function interfaceIndex(path: string, value: unknown): number {
  return integer(path, value, 1, 0x7fff_ffff);
}

/** One of the keys of a table. */
export function oneOf<Name extends string>(
  path: string,
  value: unknown,
  names: Readonly<Record<Name, number>>,
): Name {
  if (typeof value === 'string' && Object.hasOwn(names, value)) return value as Name;
  refuse(path, `one of ${Object.keys(names).join(', ')}`, value);
}

interface Address {
  readonly family: IpFamily;
  readonly text: string;
}

/** Any text that means an IPv4 or IPv6 address; one with a zone (`fe80::1%eth0`) does not. */
export function ipAddress(path: string, value: unknown): Address {
  if (typeof value === 'string') {
    if (isIPv4(value)) return { family: 'ipv4', text: value };
    if (isIPv6(value) && !value.includes('%')) return { family: 'ipv6', text: value };
  }
  refuse(path, 'an IPv4 or IPv6 address', value);
}

export function ipAddressOf(path: string, value: unknown, family: IpFamily): string {
  const address = ipAddress(path, value);
  if (address.family !== family) refuse(path, `an ${family} address`, value);
  return address.text;
}

export function prefixLength(path: string, value: unknown, family: IpFamily): number {
  return integer(path, value, 0, family === 'ipv4' ? 32 : 128);
}

/** A name that becomes part of a module's name: a scheduler's, a persistence engine's. */
export function kernelName(path: string, value: unknown): string {
  if (typeof value === 'string' && /^[\w-]{1,15}$/.test(value)) return value;
  refuse(path, 'a name of 1 to 15 letters, digits, _ and -', value);
}

/** What the kernel takes as an interface's name, except patterns (`dummy%d`), whose result would not be known. */
export function interfaceName(path: string, value: unknown): string {
  if (
    typeof value === 'string' &&
    Buffer.byteLength(value) <= 15 &&
    /^[^\s/:%\0]+$/.test(value) &&
    value !== '.' &&
    value !== '..'
  ) {
    return value;
  }
  refuse(path, "an interface name of 1 to 15 bytes without spaces, '/', ':' and '%'", value);
}

/** Node's timers, which watch the deadlines, reach no further. */
export function timeoutMs(path: string, value: unknown): number {
  return integer(path, value, 1, 0x7fff_ffff);
}
