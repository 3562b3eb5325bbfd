/**
 * The part of a kube-apiserver's API that lists apiservers, as far as a client of it can see: the EndpointSlice `kubernetes` in `default` by list
 * and watch, and the Endpoints object by get.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { APISERVER_PORT } from './addresses.js';

/** What is asked for. */
export type ListRequest = 'list' | 'watch' | 'get';

/** What the user of a request may do. By default what a kubelet may. */
type ListRights = Readonly<Record<ListRequest, boolean>>;

const RIGHTS_OF_KUBELET: ListRights = { list: false, watch: false, get: true };

/** How a request is answered that is allowed. */
export type ListBehaviour =
  | { readonly kind: 'ok' }
  /** With this status, and a Location if it is a redirect. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterS?: number }
  /** With 200 and this text; a watch sends it as a line, and goes on. */
  | { readonly kind: 'text'; readonly text: string }
  /** Compressed, whatever the client accepts. */
  | { readonly kind: 'gzip' }
  /** With 10 MB that are JSON, as fast as they are read. */
  | { readonly kind: 'huge' }
  /** Not at all; a watch begins, sends nothing, and does not end. */
  | { readonly kind: 'hang' }
  /** The connection ends in the middle of the body; that of a watch at once. */
  | { readonly kind: 'cut-off' };

/** The token that lab's apiservers know, beside certificates of the authority for clients. */
export const LAB_TOKEN = 'token-of-the-lab';

const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const ENDPOINTS = '/api/v1/namespaces/default/endpoints/kubernetes';
const HUGE_BYTES = 10_000_000;
const PIECE = Buffer.alloc(1 << 16, ' ');
/** How many changes are remembered, for watches that begin after an earlier one. */
const MOST_CHANGES = 100;
/** A kube-apiserver sends one a minute. */
const BOOKMARK_MS = 60_000;
const DEFAULT_WATCH_S = 1800;

interface Change {
  readonly version: number;
  readonly line: string;
}

interface Slice {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string } & Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export class ClusterApi {
  rights: ListRights = RIGHTS_OF_KUBELET;
  behaviour: Partial<Record<ListRequest, ListBehaviour>> = {};
  bookmarkMs = BOOKMARK_MS;
  /** Requests, with those that were not allowed. */
  readonly counts: Record<ListRequest, number> = { list: 0, watch: 0, get: 0 };
  #addresses: readonly string[] = [];
  #port = APISERVER_PORT;
  #version = 1000;
  #changes: readonly Change[] = [];
  /** What sends each of the watches that go on a line. */
  readonly #watches = new Set<(line: string) => void>();

  /** Another list, which watches are sent. */
  setAddresses(addresses: readonly string[], port = APISERVER_PORT): void {
    const sorted = [...addresses].sort();
    if (sorted.join() === this.#addresses.join() && port === this.#port) return;
    this.#addresses = sorted;
    this.#port = port;
    this.#version += 1;
    const line = JSON.stringify({ type: 'MODIFIED', object: this.#slice() });
    this.#changes = [...this.#changes.slice(1 - MOST_CHANGES), { version: this.#version, line }];
    for (const send of this.#watches) send(line);
  }

  /** Forgets all changes: a watch cannot begin any more but with the present version. */
  compact(): void {
    this.#version += 1;
    this.#changes = [];
  }

  /** Whether it is a request for this API; then it is answered. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://apiserver');
    if (pathname !== SLICES && pathname !== ENDPOINTS) return false;
    const asked = pathname === ENDPOINTS ? 'get' : searchParams.get('watch') === 'true' ? 'watch' : 'list';
    this.counts[asked] += 1;
    const user = userOf(request);
    if (user === null) sendStatus(response, 401, 'Unauthorized');
    else if (user === 'system:anonymous' || !this.rights[asked])
      sendStatus(response, 403, forbidden(user, asked));
    else this.#answerAllowed(asked, searchParams, response);
    return true;
  }

  #answerAllowed(asked: ListRequest, parameters: URLSearchParams, response: ServerResponse): void {
    const behaviour = this.behaviour[asked] ?? { kind: 'ok' };
    const ordinary = JSON.stringify(asked === 'get' ? this.#endpoints() : this.#sliceList(parameters));
    switch (behaviour.kind) {
      case 'ok':
        if (asked === 'watch') this.#watch(parameters, response);
        else sendJson(response, 200, ordinary);
        break;
      case 'status': {
        const { status, retryAfterS } = behaviour;
        if (retryAfterS !== undefined) response.setHeader('retry-after', String(retryAfterS));
        if (status >= 300 && status < 400) response.setHeader('location', 'https://127.0.0.1:1/elsewhere');
        sendStatus(response, status, `the lab answers ${status}`);
        break;
      }
      case 'text':
        if (asked === 'watch') this.#watch(parameters, response, `${behaviour.text}\n`);
        else sendJson(response, 200, behaviour.text);
        break;
      case 'gzip':
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
        response.end(gzipSync(ordinary));
        break;
      case 'huge':
        flood(response, asked === 'watch' ? `{"type":"${ordinary}` : ordinary.slice(0, -1));
        break;
      case 'hang':
        if (asked === 'watch') begin(response);
        break;
      case 'cut-off':
        begin(response);
        response.write(asked === 'watch' ? '{"type":' : ordinary.slice(0, 40), () => {
          response.socket?.destroy();
        });
        break;
    }
  }

  #watch(parameters: URLSearchParams, response: ServerResponse, first = ''): void {
    const since = Number(parameters.get('resourceVersion') ?? 0);
    const oldest = (this.#changes[0]?.version ?? this.#version + 1) - 1;
    begin(response);
    response.write(first);
    if (since < oldest) {
      const status = statusObject(410, `too old resource version: ${since} (${oldest})`);
      response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
      return;
    }
    const send = (line: string): void => {
      response.write(`${line}\n`);
    };
    for (const { version, line } of this.#changes) if (version > since) send(line);
    this.#watches.add(send);
    const seconds = Number(parameters.get('timeoutSeconds') ?? DEFAULT_WATCH_S);
    const ending = setTimeout(() => {
      response.end();
    }, seconds * 1000);
    const bookmarking = setInterval(() => {
      if (parameters.get('allowWatchBookmarks') === 'true') send(JSON.stringify(this.#bookmark()));
    }, this.bookmarkMs);
    response.once('close', () => {
      clearTimeout(ending);
      clearInterval(bookmarking);
      this.#watches.delete(send);
    });
  }

  #sliceList(parameters: URLSearchParams): unknown {
    const name = /^metadata\.name=(.*)$/.exec(parameters.get('fieldSelector') ?? '')?.[1];
    const { apiVersion, kind, ...item } = this.#slice();
    const items = name === undefined || name === item.metadata.name ? [item] : [];
    return {
      kind: `${kind}List`,
      apiVersion,
      metadata: { resourceVersion: String(this.#version) },
      items: this.#addresses.length === 0 ? [] : items,
    };
  }

  #slice(): Slice {
    const port = { name: 'https', protocol: 'TCP', port: this.#port };
    return {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: {
        ...{ name: 'kubernetes', namespace: 'default', resourceVersion: String(this.#version) },
        labels: { 'kubernetes.io/service-name': 'kubernetes' },
      },
      addressType: this.#addresses.some((address) => address.includes(':')) ? 'IPv6' : 'IPv4',
      endpoints: this.#addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
      ports: [port],
    };
  }

  #endpoints(): unknown {
    const ports = [{ name: 'https', port: this.#port, protocol: 'TCP' }];
    return {
      kind: 'Endpoints',
      apiVersion: 'v1',
      metadata: { name: 'kubernetes', namespace: 'default', resourceVersion: String(this.#version) },
      ...(this.#addresses.length === 0
        ? {}
        : { subsets: [{ addresses: this.#addresses.map((ip) => ({ ip })), ports }] }),
    };
  }

  #bookmark(): unknown {
    const metadata = { resourceVersion: String(this.#version) };
    return {
      type: 'BOOKMARK',
      object: { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata },
    };
  }
}

/** Null if its token is wrong. */
function userOf({ headers, socket }: IncomingMessage): string | null {
  if (socket instanceof TLSSocket && socket.authorized) return String(socket.getPeerCertificate().subject.CN);
  if (headers.authorization === undefined) return 'system:anonymous';
  return headers.authorization === `Bearer ${LAB_TOKEN}` ? 'system:serviceaccount:lab' : null;
}

/** As a kube-apiserver has it. */
function forbidden(user: string, asked: ListRequest): string {
  const [resource, group] = asked === 'get' ? ['endpoints', ''] : ['endpointslices', 'discovery.k8s.io'];
  const name = asked === 'get' ? ' "kubernetes"' : '';
  return (
    `${[resource, group].filter((part) => part !== '').join('.')}${name} is forbidden: User "${user}" ` +
    `cannot ${asked} resource "${resource}" in API group "${group}" in the namespace "default"`
  );
}

function statusObject(code: number, message: string): unknown {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code };
}

function sendStatus(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, JSON.stringify(statusObject(status, message)));
}

function sendJson(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** An answer in parts, of which the head is sent at once. */
function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
}

/** Writes as fast as it is read, and never has more than a piece of it in memory. */
function flood(response: ServerResponse, beginning: string): void {
  begin(response);
  response.write(beginning);
  let left = HUGE_BYTES;
  const pour = (): void => {
    while (left > 0) {
      left -= PIECE.length;
      if (!response.write(PIECE)) return;
    }
    response.end('}');
  };
  response.on('drain', pour);
  pour();
}
