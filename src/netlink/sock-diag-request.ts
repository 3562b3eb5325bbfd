/** Everything that can be asked of sock_diag(7), checked and turned into what the addon takes; and back. */

import type { WireDiagRequest, WireTcpSocket } from './contract.js';
import { families, nameOf, tcpStates } from './names.js';
import type { TcpSocket, TcpSocketFilter } from './types.js';
import {
  checkArray,
  checkObject,
  integer,
  interfaceIndex,
  ipAddress,
  oneOf,
  port,
  refuse,
  uint32Max,
} from './validate.js';

/** Paths are those of the arguments, for errors: `filter`, `sockets[3]`. */
export function listTcpSocketsToWire(path: string, filter: TcpSocketFilter): WireDiagRequest {
  checkObject(path, filter);
  checkArray(`${path}.states`, filter.states);
  const states = filter.states
    .map((state, i) => tcpStates[oneOf(`${path}.states[${i}]`, state, tcpStates)])
    .reduce((bits, state) => bits | (1 << state), 0);
  return {
    operation: 'listTcpSockets',
    socket: {
      family: families[oneOf(`${path}.family`, filter.family, families)],
      state: 0,
      localAddress: null,
      localPort: 0,
      remoteAddress: null,
      remotePort: port(`${path}.remotePort`, filter.remotePort),
      interfaceIndex: 0,
      cookieLow: 0,
      cookieHigh: 0,
    },
    states,
  };
}

export function endTcpSocketToWire(path: string, socket: TcpSocket): WireDiagRequest {
  checkObject(path, socket);
  checkArray(`${path}.cookie`, socket.cookie);
  // All ones would be any socket there, a listening one too.
  const [low, high] = socket.cookie.map((half, i) => integer(`${path}.cookie[${i}]`, half, 0, uint32Max));
  if (low === undefined || high === undefined || (low === uint32Max && high === uint32Max))
    refuse(`${path}.cookie`, 'the two halves of a cookie', socket.cookie);
  return {
    operation: 'endTcpSocket',
    socket: {
      family: families[oneOf(`${path}.family`, socket.family, families)],
      state: tcpStates[oneOf(`${path}.state`, socket.state, tcpStates)],
      localAddress: ipAddress(`${path}.localAddress`, socket.localAddress).text,
      localPort: port(`${path}.localPort`, socket.localPort),
      remoteAddress: ipAddress(`${path}.remoteAddress`, socket.remoteAddress).text,
      remotePort: port(`${path}.remotePort`, socket.remotePort),
      interfaceIndex:
        socket.interfaceIndex === null ? 0 : interfaceIndex(`${path}.interfaceIndex`, socket.interfaceIndex),
      cookieLow: low,
      cookieHigh: high,
    },
    states: 0,
  };
}

export function tcpSocketFromWire(operation: string, wire: WireTcpSocket): TcpSocket {
  return {
    family: nameOf(families, wire.family, 'address family', operation),
    state: nameOf(tcpStates, wire.state, 'TCP state', operation),
    localAddress: wire.localAddress,
    localPort: wire.localPort,
    remoteAddress: wire.remoteAddress,
    remotePort: wire.remotePort,
    interfaceIndex: wire.interfaceIndex === 0 ? null : wire.interfaceIndex,
    cookie: [wire.cookieLow, wire.cookieHigh],
    progress: wire.progress,
  };
}
