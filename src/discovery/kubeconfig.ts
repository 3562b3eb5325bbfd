/** A kubeconfig: how to recognize the apiservers of a cluster, and what to show them. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseYaml, type Tree } from '../config/yaml-tree.js';
import { inOneLine } from '../text/one-line.js';

/** Where a part of the credentials is: in a file, which may be replaced at any time, or in the kubeconfig itself. */
export type Source =
  { readonly kind: 'file'; readonly path: string } | { readonly kind: 'text'; readonly text: string };

export interface Kubeconfig {
  /** The host of `server`, a name or an address without brackets; null if there is none. No request goes there. */
  readonly serverHost: string | null;
  /** The name that certificates of apiservers have to be for, or null if it is not configured. */
  readonly tlsServerName: string | null;
  readonly ca: Source;
  readonly clientCertificate: { readonly certificate: Source; readonly key: Source } | null;
  readonly token: Source | null;
}

/** More takes too long to parse. One with all certificates in it has some 10 KiB. */
const MOST_BYTES = 128 * 1024;
const MOST_WORDS = 200;

/** Reads the kubeconfig. Rejects with an error of one line, which names the file. */
export async function readKubeconfig(path: string): Promise<Kubeconfig> {
  try {
    return parseKubeconfig(await readSmallFile(path, MOST_BYTES), dirname(path));
  } catch (error) {
    throw new Error(`kubeconfig ${path}: ${inOneLine((error as Error).message, MOST_WORDS)}`, {
      cause: error,
    });
  }
}

/** The text of a regular file of at most so many bytes. */
export async function readSmallFile(path: string, mostBytes: number): Promise<string> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error(`${path} is not a regular file`);
  if (found.size > mostBytes) throw new Error(`${path} has more than ${mostBytes / 1024} KiB`);
  return await readFile(path, 'utf8');
}

/** The files that the kubeconfig names, in the order of their use. */
export function filesOf({ ca, clientCertificate, token }: Kubeconfig): readonly string[] {
  return [ca, clientCertificate?.certificate, clientCertificate?.key, token].flatMap((source) =>
    source?.kind === 'file' ? [source.path] : [],
  );
}

/** @param directory What relative paths are relative to. Throws an error of one line for what lvscare cannot use. */
export function parseKubeconfig(text: string, directory: string): Kubeconfig {
  const parsed = parseYaml(text);
  if (parsed.kind === 'failed') throw new Error(`line ${parsed.line}: ${parsed.why}`);
  const root = new Part(parsed.tree, 'the file');
  const name = root.required('current-context');
  const context = root.named('contexts', name, 'context');
  const cluster = root.named('clusters', context.required('cluster'), 'cluster');
  const user = root.named('users', context.required('user'), 'user');
  refuse(cluster, CLUSTER_REFUSALS);
  refuse(user, USER_REFUSALS);
  const ca = sourceOf(cluster, 'certificate-authority', directory);
  if (ca === null)
    throw new Error(`${cluster.name} has no certificate-authority, so apiservers could not be verified`);
  const certificate = sourceOf(user, 'client-certificate', directory);
  const key = sourceOf(user, 'client-key', directory);
  const token = tokenOf(user, directory);
  if ((certificate === null) !== (key === null))
    throw new Error(`${user.name} has only one of client-certificate and client-key`);
  if (certificate === null && token === null)
    throw new Error(`${user.name} has neither client-certificate nor token`);
  return {
    serverHost: hostOf(cluster.optional('server')),
    tlsServerName: cluster.optional('tls-server-name'),
    ca,
    clientCertificate: certificate === null || key === null ? null : { certificate, key },
    token,
  };
}

/** What lvscare does not do, and the reason. */
type Refusals = readonly (readonly [key: string, why: string])[];

const CLUSTER_REFUSALS: Refusals = [
  ['insecure-skip-tls-verify', 'lvscare verifies each apiserver'],
  ['proxy-url', 'lvscare connects to apiservers directly'],
];
const USER_REFUSALS: Refusals = [
  ['exec', 'lvscare runs no other program for credentials'],
  ['auth-provider', 'lvscare has no plugins for credentials'],
  ['username', 'apiservers do not accept passwords'],
  ['as', 'lvscare does not impersonate'],
];

function refuse(part: Part, refusals: Refusals): void {
  for (const [key, why] of refusals)
    if (part.has(key)) throw new Error(`${part.name} has ${key}, which is not supported: ${why}`);
}

/** `KEY-data` in base64, or else the file that `KEY` names: as client-go reads them. */
function sourceOf(part: Part, key: string, directory: string): Source | null {
  const data = part.optional(`${key}-data`);
  if (data !== null) return { kind: 'text', text: Buffer.from(data, 'base64').toString('utf8') };
  const path = part.optional(key);
  return path === null ? null : { kind: 'file', path: resolve(directory, path) };
}

function tokenOf(user: Part, directory: string): Source | null {
  const path = user.optional('tokenFile');
  if (path !== null) return { kind: 'file', path: resolve(directory, path) };
  const token = user.optional('token');
  return token === null ? null : { kind: 'text', text: token };
}

function hostOf(server: string | null): string | null {
  if (server === null || !URL.canParse(server)) return null;
  return new URL(server).hostname.replace(/^\[|\]$/g, '') || null;
}

/** For messages, which repeat no value: it may be a secret. */
const KINDS: Readonly<Record<Tree['kind'], string>> = {
  map: 'a mapping',
  list: 'a list',
  scalar: 'a value',
  alias: 'an alias',
};

/** A mapping of the kubeconfig, with its name for messages. */
class Part {
  readonly name: string;
  readonly #tree: Tree;

  constructor(tree: Tree, name: string) {
    if (tree.kind !== 'map') throw new Error(`${name} has to be a mapping, and is ${KINDS[tree.kind]}`);
    this.#tree = tree;
    this.name = name;
  }

  /** Whether it has the key, with another value than false and nothing. */
  has(key: string): boolean {
    const found = this.#find(key);
    return found !== null && (found.kind !== 'scalar' || ![null, false, ''].includes(found.value as null));
  }

  /** The text of the key; null if it is missing or empty. */
  optional(key: string): string | null {
    const found = this.#find(key);
    if (found === null) return null;
    const value = found.kind === 'scalar' ? found.value : found;
    if (value === null || value === '') return null;
    if (typeof value === 'object') throw new Error(`${this.name} has ${KINDS[found.kind]} as ${key}`);
    return typeof value === 'string' ? value : JSON.stringify(value);
  }

  required(key: string): string {
    const text = this.optional(key);
    if (text === null) throw new Error(`${this.name} has no ${key}`);
    return text;
  }

  /** What is under `inner` in the item of this name of a list. */
  named(list: string, name: string, inner: string): Part {
    const items = this.#find(list);
    const where = `${inner} "${name}"`;
    for (const item of items?.kind === 'list' ? items.items : []) {
      if (item.kind !== 'map') continue;
      const part = new Part(item, where);
      const found = part.optional('name') === name ? part.#find(inner) : null;
      if (found !== null) return new Part(found, where);
    }
    throw new Error(`${this.name} has no ${where}`);
  }

  #find(key: string): Tree | null {
    if (this.#tree.kind !== 'map') return null;
    return this.#tree.entries.find((entry) => entry.key === key)?.value ?? null;
  }
}
