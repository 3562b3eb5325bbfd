/** What a handshake and a request need, from files that kubeadm and kubelet renew. */
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import tls from 'node:tls';
import { stallAwareTimeout } from '../async/stall-aware-timeout.js';
import { readRegularFile } from '../files/regular-file.js';
import { TLS_OFFER } from './offer.js';
import { replacedInWords } from '../values/replaced-file.js';
import { areCertificates, isPrivateKey, pairFault, tokenIn } from './pem.js';

export interface CredentialFiles {
  /** Whether the certificates of servers are verified. */
  readonly verify: boolean;
  /** CAs to trust, in PEM, or null for those that Node trusts. */
  readonly caFile: string | null;
  /** The client certificate of lvscare with those that lead to its CA, in PEM; null if there is none. */
  readonly certificateFile: string | null;
  /** The private key of that certificate, in PEM; null if there is none. May be the same file. */
  readonly keyFile: string | null;
  /** A bearer token. */
  readonly tokenFile: string | null;
}

export interface Credentials {
  /** Whether each request needs the token, and not only each handshake something. */
  readonly withToken: boolean;
  /**
   * What to connect with now. Files that changed are read again. What is not valid is ignored, and the last valid content
   * stays in use, also while the file system does not answer. Rejects only before there was any valid content.
   */
  current(): Promise<CurrentCredentials>;
}

export interface CurrentCredentials {
  /** The same object until something changes. */
  readonly secureContext: tls.SecureContext;
  readonly token: string | null;
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A secure context, and what it was made of. */
interface Made {
  readonly ca: string | null;
  readonly pair: Pair | null;
  readonly secureContext: tls.SecureContext;
}

type OnTrouble = (what: string, error: Error | null) => void;

/** How the state of a file and its content are read. */
export interface Disk {
  look(path: string): Promise<BigIntStats>;
  read(path: string): Promise<string>;
}

const DISK: Disk = {
  look: (path) => stat(path, { bigint: true }),
  read: readRegularFile,
};

/** How long a probe waits for the file system if it has earlier credentials, in milliseconds. */
const LOOK_MS = 200;

/**
 * @param onTrouble Is called once when the named files cannot be used, or are no longer those of the host, and with null when that is over.
 */
export function createCredentials(
  files: CredentialFiles,
  onTrouble: OnTrouble,
  { disk = DISK, lookMs = LOOK_MS }: { readonly disk?: Disk; readonly lookMs?: number } = {},
): Credentials {
  const { verify, caFile, certificateFile, keyFile, tokenFile } = files;
  const read = <Value>(
    what: string,
    paths: readonly string[],
    parse: (...texts: string[]) => Value,
  ): FileContent<Value> => new FileContent(what, paths, parse, disk, onTrouble);
  const ca = verify && caFile !== null ? read(`CA ${caFile}`, [caFile], parseCa) : null;
  const pair =
    certificateFile !== null && keyFile !== null
      ? read(
          `client certificate ${certificateFile} with key ${keyFile}`,
          [certificateFile, keyFile],
          parsePair,
        )
      : null;
  const token = tokenFile === null ? null : read(`token ${tokenFile}`, [tokenFile], parseToken);
  const all = [ca, pair, token].filter((each) => each !== null);
  let made: Made | null = null;
  /** The refresh that is under way: all callers share it. */
  let refreshing: Promise<void> | null = null;
  /** The file system that has not answered in time, and has not since. */
  let hanging: string | null = null;

  /** One after another: a file system that hangs holds a thread for each request, and netlink shares these four threads. */
  async function refresh(): Promise<void> {
    for (const each of all) {
      const cancel = stallAwareTimeout(lookMs, () => {
        hanging = `file system of ${each.what}`;
        onTrouble(hanging, new Error(`no answer in ${lookMs} ms`));
      });
      await each.refresh();
      cancel();
      if (hanging !== null) onTrouble(hanging, null);
      hanging = null;
    }
  }

  function secureContext(): tls.SecureContext {
    const [trusted, own] = [ca?.value ?? null, pair?.value ?? null];
    if (made?.ca !== trusted || made.pair !== own) {
      made = {
        ca: trusted,
        pair: own,
        secureContext: tls.createSecureContext({
          ...TLS_OFFER,
          // Every certificate in the file is trusted, also a CA below another one, as in Go.
          allowPartialTrustChain: true,
          ...own,
          // Without verification Node need not load its own CAs.
          ...(trusted === null ? (verify ? {} : { ca: [] }) : { ca: trusted }),
        }),
      };
    }
    return made.secureContext;
  }

  return {
    withToken: tokenFile !== null,
    async current() {
      refreshing ??= refresh().finally(() => (refreshing = null));
      if (!all.every(({ isValid }) => isValid)) await refreshing;
      else if (hanging === null) await atMost(lookMs, refreshing);
      return { secureContext: secureContext(), token: token?.value ?? null };
    },
  };
}

/** Waits for work that never rejects, but not longer than this. */
function atMost(timeoutMs: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = stallAwareTimeout(timeoutMs, resolve);
    void work.then(() => {
      cancel();
      resolve();
    });
  });
}

/** For how long after a change another one may have the same time: the kernel's clock for files is coarse. */
const SETTLES_IN_MS = 100;

/** The content of some files together, read again when one of them has changed. */
class FileContent<Value> {
  readonly what: string;
  readonly #paths: readonly string[];
  readonly #parse: (...texts: string[]) => Value;
  readonly #disk: Disk;
  readonly #onTrouble: OnTrouble;
  /** Distinguishes the files from earlier versions of them, as of the last time that they were read. */
  #version = '';
  #content: { readonly texts: string; readonly value: Value } | null = null;
  #trouble: Error | null = null;
  /** One of the files that has no name any more: only a mount of it alone leads there. */
  #replaced: string | null = null;

  constructor(
    what: string,
    paths: readonly string[],
    parse: (...texts: string[]) => Value,
    disk: Disk,
    onTrouble: OnTrouble,
  ) {
    this.what = what;
    this.#paths = paths;
    this.#parse = parse;
    this.#disk = disk;
    this.#onTrouble = onTrouble;
  }

  /** Whether there was any valid content yet. */
  get isValid(): boolean {
    return this.#content !== null;
  }

  /** The last valid content. Throws if there was none yet. */
  get value(): Value {
    if (this.#content === null) throw new Error(`${this.what}: ${this.#trouble?.message ?? 'not read yet'}`);
    return this.#content.value;
  }

  /** Never rejects. */
  async refresh(): Promise<void> {
    try {
      // Before the files are read: a change in between gives another version the next time.
      const version = await this.#readVersion();
      if (version !== '' && version === this.#version) return;
      this.#version = '';
      const texts: string[] = [];
      for (const path of this.#paths) texts.push(await this.#disk.read(path));
      this.#version = version;
      // The same content keeps its value, and with it the secure context.
      const joined = texts.join('\n');
      if (this.#content?.texts !== joined) this.#content = { texts: joined, value: this.#parse(...texts) };
      this.#report(null);
    } catch (error) {
      this.#report(error as Error);
    }
  }

  /** Empty while a further change might give the same version. */
  async #readVersion(): Promise<string> {
    const nowMs = Date.now();
    const versions: string[] = [];
    let settled = true;
    this.#replaced = null;
    for (const path of new Set(this.#paths)) {
      const found = await this.#disk.look(path);
      // Reading a pipe, for example, may never end.
      if (!found.isFile()) throw new Error('it is not a regular file');
      const { dev, ino, nlink, size, mtimeNs, ctimeNs } = found;
      if (nlink === 0n) this.#replaced = path;
      settled &&= Math.abs(nowMs - Number(found.ctimeMs)) >= SETTLES_IN_MS;
      versions.push([dev, ino, nlink, size, mtimeNs, ctimeNs].join(' '));
    }
    return settled ? versions.join(', ') : '';
  }

  #report(fault: Error | null): void {
    // It explains whatever else is wrong.
    const error = this.#replaced === null ? fault : new Error(replacedInWords(this.#replaced));
    if (error?.message === this.#trouble?.message) return;
    this.#trouble = error;
    this.#onTrouble(this.what, error);
  }
}

function parseCa(text: string): string {
  if (!areCertificates(text)) throw new Error('it has no certificates in PEM');
  return text;
}

function parsePair(cert: string, key: string): Pair {
  if (!areCertificates(cert)) throw new Error('there is no certificate in PEM');
  if (!isPrivateKey(key)) throw new Error('there is no private key in PEM without a passphrase');
  const fault = pairFault(cert, key);
  if (fault !== null) throw new Error(fault);
  return { cert, key };
}

function parseToken(text: string): string {
  const token = tokenIn(text);
  if (token === null) throw new Error('it is not a single token');
  return token;
}
