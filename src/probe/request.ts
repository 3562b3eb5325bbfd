/** The request of a probe, and what a prober needs for it. */
import type net from 'node:net';
import type { Endpoint } from '../values/endpoint.js';
import type { PortRange, SourcePortChoice } from '../values/source-ports.js';
import type { Credentials } from '../tls/credentials.js';
import type { TlsOptions } from './secure.js';

export interface ProbeRequest {
  readonly scheme: 'https' | 'http';
  /** The port to probe, or null for the port of the real server. */
  readonly port: number | null;
  readonly method: string;
  /** Where connections to real servers come from. */
  readonly sourcePorts: SourcePortChoice;
  /** Path with query, as it goes on the wire. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Statuses of 400 or above that are accepted, too. */
  readonly acceptedStatuses: ReadonlySet<number>;
  /** For TCP to connect, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** For one answer, connecting included, in milliseconds. */
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
}

export interface ProberParts {
  readonly credentials: Credentials;
  /** Makes the kernel notice within about this time, in milliseconds, that the other end of a socket is gone. */
  readonly guard: (socket: net.Socket, timeoutMs: number) => void;
  /**
   * Is called when answers to these ports begin not to arrive, with the server that shows it, and with null when all arrive again. If it is
   * absent, or the ports are not chosen automatically, lvscare does not find that out.
   */
  readonly onFilteredPorts?: (ports: PortRange, shownBy: Endpoint | null) => void;
}
