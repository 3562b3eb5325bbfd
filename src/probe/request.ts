/** What is asked of each server, and what a prober needs for it. */
import type net from 'node:net';
import type { Endpoint } from '../values/endpoint.js';
import type { Exchange } from '../values/exchange.js';
import type { Credentials } from '../tls/credentials.js';
import type { TlsOptions } from './secure.js';

export interface ProbeRequest {
  readonly scheme: 'https' | 'http';
  /** The port to ask at; null for the one that the server serves at. */
  readonly port: number | null;
  readonly method: string;
  /** Path with query, as it goes on the wire. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Statuses of 400 or above that are accepted all the same. */
  readonly acceptedStatuses: ReadonlySet<number>;
  /** For TCP to connect, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** For one answer, connecting included, in milliseconds. */
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
}

export interface ProberParts {
  readonly credentials: Credentials;
  /** Has the kernel notice within about this time, in milliseconds, that nobody is at the other end of a socket. */
  readonly guard: (socket: net.Socket, timeoutMs: number) => void;
  /** Hears of each time that a server was asked, what came of it included; a probe may ask more than once. */
  readonly onExchange?: (server: Endpoint, exchange: Exchange) => void;
}
