/** What a lab and its apiservers' processes say to each other. */
import type { CertificateFiles } from './certificates.js';

/** What an apiserver is started with: one JSON argument. */
export interface ApiserverOptions extends CertificateFiles {
  readonly name: string;
  readonly port: number;
  /** Who signs the certificates of clients, as with kubeadm the cluster's own authority. */
  readonly clientCaFile: string;
}

/** How a connection is cut off: by RST, or closed without a word of TLS or HTTP. */
export type CutOff = 'rst' | 'fin';

export type HealthPath = '/healthz' | '/livez' | '/readyz';

/**
 * How requests on the health paths are answered. It concerns these alone: other requests, and connections that carry
 * them, are left in peace.
 */
export type HealthBehaviour =
  | { readonly kind: 'ok' }
  /**
   * With this status, and a Location if it is a redirect. At one of the paths only if `path` says so. The body names the
   * checks that failed, if there are any, as a kube-apiserver's does.
   */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly path?: HealthPath;
      readonly failedChecks?: readonly string[];
    }
  /** Not at all: the request is read, and nothing comes back. */
  | { readonly kind: 'hang' }
  /** With 200, after so many ms. */
  | { readonly kind: 'late'; readonly afterMs: number }
  /** With one header line after the other, ten a second, until the client goes. */
  | { readonly kind: 'endless-headers' }
  /** With 200 and ten bytes of a body a second, until the client goes. */
  | { readonly kind: 'endless-body' }
  /** With 200 and a body of 100 MB, as fast as it is read. */
  | { readonly kind: 'huge-body' }
  /** The connection is cut off when the request has come, in the middle of the headers, or of the body. */
  | { readonly kind: 'cut-off'; readonly at: 'request' | 'headers' | 'body'; readonly by: CutOff };

/** How every new connection is met, a health probe's or not. Those that stand already go on. */
export type Greeting =
  | { readonly kind: 'tls' }
  /** TLS 1.0, and nothing newer. */
  | { readonly kind: 'tls1.0' }
  /** TLS; a client without a certificate of the cluster's authority is turned away in the handshake. */
  | { readonly kind: 'client-certificate' }
  /** HTTP without TLS. */
  | { readonly kind: 'http' }
  /** Bytes that are no TLS. */
  | { readonly kind: 'garbage' }
  /** Accepted, and nothing ever comes: the handshake hangs. */
  | { readonly kind: 'silence' }
  /** Cut off at once, or when the ClientHello has come. */
  | { readonly kind: 'cut-off'; readonly at: 'accept' | 'client-hello'; readonly by: CutOff };

/** How connections are ended that nothing is wrong with. */
export interface Manners {
  /** Closes a connection that has had no request for so long since its last answer, in ms. Default 90 000. */
  readonly idleMs?: number;
  /** Says `Connection: close` in every answer, and does so. Default no. */
  readonly lastAnswer?: boolean;
}

/** Who is answered on the health paths; the others get a 401, as with `--anonymous-auth=false`. Either one will do. */
export interface Credentials {
  /** Whoever says `Authorization: Bearer` and this. */
  readonly token?: string;
  /** Whoever has a certificate of the cluster's authority. */
  readonly clientCertificate?: boolean;
}

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
  greet(greeting: Greeting): void;
  mind(manners: Manners): void;
  demand(credentials: Credentials | null): void;
  /** Shows this certificate in new handshakes. */
  present(certificate: CertificateFiles): void;
  /** Lists apiservers at these addresses from now on. `mayWatch`: clients may list and watch, beside what a kubelet may. */
  list(addresses: readonly string[], mayWatch: boolean): void;
  /** Stops listening: connections stay. */
  closePort(): void;
  openPort(): Promise<void>;
  /** Undoes all of the above. */
  heal(): Promise<void>;
  /** Begins to end as a kube-apiserver does on SIGTERM. */
  shutDown(unreadyMs: number): void;
  stats(): ApiserverStats;
}

/** What it tells unasked. */
export type ApiserverEvent =
  { readonly kind: 'listening' } | { readonly kind: 'failed'; readonly why: string };
