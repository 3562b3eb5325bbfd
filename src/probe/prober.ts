import type { Prober } from '../control-loop/ports.js';
import type { ProberParts, ProbeRequest } from './request.js';
import { kernelsPortRange, portsOutsideOf } from './source-port.js';
import { HttpKeptConnection } from './kept-connection.js';

/** A prober over HTTP that keeps one connection to each server, and ends all others by a reset. */
export function createProber(request: ProbeRequest, parts: ProberParts): Prober {
  const kernels = kernelsPortRange();
  const sourcePorts = kernels === null ? null : portsOutsideOf(kernels);
  return {
    keepConnection: (server, onLost) =>
      new HttpKeptConnection(server, request, { ...parts, sourcePorts }, onLost),
  };
}
