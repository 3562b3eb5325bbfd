import { readFile } from 'node:fs/promises';

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

/** The states of all sockets of this machine, either side, that connect to or from a port. */
export async function connectionsOf(port: number): Promise<string[]> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'ascii').catch(() => '')),
  );
  return tables
    .flatMap((table) => table.split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', remote = '']) => [local, remote].map(portOf).includes(port))
    .flatMap(([, , , state = '']) => STATES[state] ?? []);
}

/** `0100007F:1F90`. */
function portOf(address: string): number {
  return parseInt(address.slice(address.indexOf(':') + 1), 16);
}
