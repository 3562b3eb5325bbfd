import { readFile } from 'node:fs/promises';
import { kernelsPortRange } from '../../src/probe/source-port.js';

/** TCP states of the kernel that a finished probe might have left a socket in; LISTEN is none of them. */
const STATES: Readonly<Record<string, string>> = {
  '01': 'ESTABLISHED',
  '02': 'SYN_SENT',
  '03': 'SYN_RECV',
  '04': 'FIN_WAIT1',
  '05': 'FIN_WAIT2',
  '06': 'TIME_WAIT',
  '07': 'CLOSE',
  '08': 'CLOSE_WAIT',
  '09': 'LAST_ACK',
  '0B': 'CLOSING',
};

/**
 * The states of all sockets of this machine, either side, of probes of a port. A client of another test may have come from
 * the same port: its other end is at one of the kernel's choice as well, and that of a probe never is.
 */
export async function connectionsOf(port: number): Promise<string[]> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'ascii').catch(() => '')),
  );
  return tables
    .flatMap((table) => table.split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', remote = '']) => {
      const ports = [local, remote].map(portOf);
      return ports.includes(port) && !ports.every(isKernels);
    })
    .flatMap(([, , , state = '']) => STATES[state] ?? []);
}

const KERNELS = kernelsPortRange();

function isKernels(port: number): boolean {
  return KERNELS !== null && port >= KERNELS.first && port <= KERNELS.last;
}

/** `0100007F:1F90`. */
function portOf(address: string): number {
  return parseInt(address.slice(address.indexOf(':') + 1), 16);
}
