/** What a lab and its node's client process say to each other. */
import type { Whoami } from './apiserver-calls.js';

export interface RequestOptions {
  /** For how long, connect and handshake included, in ms on a machine of the usual speed. Default 5000. */
  readonly timeoutMs?: number;
  /** In place of that, for what nothing is to answer: it is TIMEOUT after so many ms, on any machine. */
  readonly silenceMs?: number;
  /** The authority that the server's certificate must come from, PEM. Default: any certificate will do. */
  readonly ca?: string;
  /** The name that the certificate must be for, if it is not the URL's host. */
  readonly serverName?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How one request over a connection of its own went. */
export type RequestResult = {
  /** When it began, in ms since 1970, fractions included. */
  readonly atMs: number;
  /** From beginning to end. */
  readonly latencyMs: number;
} & (
  | {
      readonly ok: true;
      readonly status: number;
      readonly body: string;
      /** Who answered, if the body says so: `/whoami` does. */
      readonly by: string | null;
      readonly whoami: Whoami | null;
    }
  | {
      readonly ok: false;
      /** `ECONNREFUSED`, `ECONNRESET`, `TIMEOUT`, ... */
      readonly code: string;
    }
);

export interface SteadyOptions extends RequestOptions {
  readonly url: string;
  /** A request begins every so many ms, whatever became of those before. */
  readonly everyMs: number;
}

/** How a long-lived connection ended. */
export interface Ending {
  /** `ECONNRESET` and the like; null if it was closed in good order. */
  readonly code: string | null;
  /** When, in ms since 1970. */
  readonly atMs: number;
}

/** What the process can be asked for over IPC. */
export interface ClientCalls {
  request(url: string, options: RequestOptions): Promise<RequestResult>;

  /** Opens a long-lived connection; its number. Rejects with the error's code. */
  open(url: string, options: RequestOptions): Promise<number>;
  /** Writes text to it. */
  send(connection: number, text: string): void;
  /** Waits for text that matches in what came since the last match; resolves with what came up to its end. */
  expect(connection: number, pattern: string, timeoutMs: number): Promise<string>;
  close(connection: number): void;

  /** Starts a steady client; its number. */
  startSteady(options: SteadyOptions): number;
  /** No further requests; resolves when those under way have ended. */
  stopSteady(steady: number): Promise<void>;
}

/** What it tells unasked. */
export type ClientEvent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ended'; readonly connection: number; readonly ending: Ending }
  | { readonly kind: 'sample'; readonly steady: number; readonly sample: RequestResult };
