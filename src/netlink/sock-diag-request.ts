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

/** As many as fit into one request. */
const MOST_REMOTES = 64;

/** Paths are those of the arguments, for errors: `filter`, `sockets[3]`. */
export function listTcpSocketsToWire(path: string, filter: TcpSocketFilter): WireDiagRequest[] {
  checkObject(path, filter);
  checkArray(`${path}.states`, filter.states);
  checkArray(`${path}.remotes`, filter.remotes);
  const states = filter.states
    .map((state, i) => tcpStates[oneOf(`${path}.states[${i}]`, state, tcpStates)])
    .reduce((bits, state) => bits | (1 << state), 0);
  const remotes = filter.remotes.map((remote, i) => {
    checkObject(`${path}.remotes[${i}]`, remote);
    const { family, text } = ipAddress(`${path}.remotes[${i}].address`, remote.address);
    return { family, address: text, port: port(`${path}.remotes[${i}].port`, remote.port) };
  });
  // A socket of IPv6 may speak IPv4.
  return (['ipv4', 'ipv6'] as const).flatMap((family) =>
    chunks(
      remotes.filter((remote) => family === 'ipv6' || remote.family === 'ipv4'),
      MOST_REMOTES,
    ).map((some): WireDiagRequest => ({
      operation: 'listTcpSockets',
      socket: { ...ANY_SOCKET, family: families[family] },
      states,
      remotes: some.map(({ address, port }) => ({ address, port })),
    })),
  );
}

const ANY_SOCKET = {
  state: 0,
  localAddress: null,
  localPort: 0,
  remoteAddress: null,
  remotePort: 0,
  interfaceIndex: 0,
  cookieLow: 0,
  cookieHigh: 0,
};

function chunks<Value>(values: readonly Value[], size: number): Value[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    values.slice(i * size, (i + 1) * size),
  );
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
    remotes: [],
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
