import type { Prober } from '../control-loop/ports.js';
import type { ProberParts, ProbeRequest } from './request.js';
import { portsFor } from './source-port.js';
import { answersByTcp, fixedPorts, PreferredPorts } from './preferred-ports.js';
import { HttpKeptConnection } from './kept-connection.js';

/** A prober over HTTP: an {@link HttpKeptConnection} for each server, which makes its probes. */
export function createProber(request: ProbeRequest, parts: ProberParts): Prober {
  const range = portsFor(request.sourcePorts);
  const { onFilteredPorts } = parts;
  const preferred =
    range === null || request.sourcePorts !== 'auto' || onFilteredPorts === undefined
      ? null
      : new PreferredPorts(range, answersByTcp(request.connectTimeoutMs), onFilteredPorts);
  return {
    keepConnection(server, onLost, onExchange) {
      const sourcePorts = preferred?.ofOneServer() ?? fixedPorts(range);
      return new HttpKeptConnection(server, request, { ...parts, sourcePorts }, onLost, onExchange);
    },
  };
}
