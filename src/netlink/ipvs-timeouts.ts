import type { WireTimeouts } from './contract.js';
import type { IpvsTimeouts, IpvsTimeoutsChange } from './types.js';
import { checkObject, integer } from './validate.js';

/** The kernel multiplies by its tick rate, at most 1000, and keeps the product in 31 bits; older ones do not check that. */
const maxSeconds = Math.floor(0x7fff_ffff / 1000);

export function timeoutsToWire(path: string, timeouts: IpvsTimeoutsChange): WireTimeouts {
  checkObject(path, timeouts);
  const { tcpSeconds, tcpFinSeconds, udpSeconds } = timeouts;
  // The kernel leaves a timeout as it is if 0 is sent.
  const seconds = (name: string, value: number | undefined): number =>
    value === undefined ? 0 : integer(`${path}.${name}`, value, 1, maxSeconds);
  return {
    tcp: seconds('tcpSeconds', tcpSeconds),
    tcpFin: seconds('tcpFinSeconds', tcpFinSeconds),
    udp: seconds('udpSeconds', udpSeconds),
  };
}

export function timeoutsFromWire({ tcp, tcpFin, udp }: WireTimeouts): IpvsTimeouts {
  const seconds = (value: number): number | null => (value === 0 ? null : value);
  return { tcpSeconds: seconds(tcp), tcpFinSeconds: seconds(tcpFin), udpSeconds: seconds(udp) };
}
