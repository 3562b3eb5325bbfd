/** What a lab and its apiservers' processes say to each other. */

/** What an apiserver is started with: one JSON argument. */
export interface ApiserverOptions {
  readonly name: string;
  readonly port: number;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** How the health paths answer. */
export type HealthBehaviour =
  | { readonly kind: 'ok' }
  /** With this status. */
  | { readonly kind: 'status'; readonly status: number }
  /** Not at all: the request is read, and nothing comes back. */
  | { readonly kind: 'hang' };

/** The last request on a health path. */
export interface HealthRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly remoteAddress: string;
}

/** Counted since the process started. */
export interface ApiserverStats {
  readonly name: string;
  /** TCP connections accepted, and how many are open now. */
  readonly connections: number;
  readonly openConnections: number;
  /** TLS handshakes done, and those that failed. */
  readonly handshakes: number;
  readonly failedHandshakes: number;
  /** Requests by `METHOD path`. */
  readonly requests: Readonly<Record<string, number>>;
  readonly lastHealthRequest: HealthRequest | null;
}

/** The answer to `/whoami`. */
export interface Whoami {
  readonly name: string;
  /** Where the request came from, as the server sees it. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** How many connections and requests there were so far, this one included. */
  readonly connections: number;
  readonly requests: number;
}

/** What the process can be asked for over IPC. */
export interface ApiserverCalls {
  behave(health: HealthBehaviour): void;
  stats(): ApiserverStats;
}

/** What it tells unasked. */
export type ApiserverEvent =
  { readonly kind: 'listening' } | { readonly kind: 'failed'; readonly why: string };
