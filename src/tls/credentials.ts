/** What a handshake and a request need, from files that change: kubeadm and the kubelet renew them. */
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import tls from 'node:tls';
import { stallAwareTimeout } from '../async/stall-aware-timeout.js';
import { readRegularFile } from '../files/regular-file.js';
import { areCertificates, isPrivateKey, pairFault, tokenIn } from './pem.js';

export interface CredentialFiles {
  /** Whether the certificates of servers are verified. */
  readonly verify: boolean;
  /** CAs to trust, in PEM; null for those that Node trusts. */
  readonly caFile: string | null;
  /** Our own certificate with those that lead to its CA, in PEM; together with the key, or null. */
  readonly certificateFile: string | null;
  /** The private key of that certificate, in PEM. May be the same file. */
  readonly keyFile: string | null;
  /** A bearer token. */
  readonly tokenFile: string | null;
}

export interface Credentials {
  /** Whether each request needs the token, so that it has to be looked at each time, and not for handshakes alone. */
  readonly withToken: boolean;
  /**
   * What to connect with now. The files are looked at each time, and read when they have changed; what does not work is
   * kept out, and what was good before stays in use, also while the file system does not answer. Rejects only while there
   * has not been anything good yet: a fault of our own, which says nothing about a server.
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

/** How files are looked at and read. */
export interface Disk {
  look(path: string): Promise<BigIntStats>;
  read(path: string): Promise<string>;
}

const DISK: Disk = {
  look: (path) => stat(path, { bigint: true }),
  read: readRegularFile,
};

/** For how long one waits for the file system who has something to go on with. */
const LOOK_MS = 200;

/**
 * @param onTrouble Hears once of each trouble with the named files, and with null when it is over.
 */
export function createCredentials(
  files: CredentialFiles,
  onTrouble: OnTrouble,
  { disk = DISK, lookMs = LOOK_MS }: { readonly disk?: Disk; readonly lookMs?: number } = {},
): Credentials {
  const { verify, caFile, certificateFile, keyFile, tokenFile } = files;
  const watch = <Value>(
    what: string,
    paths: readonly string[],
    read: (...texts: string[]) => Value,
  ): Watched<Value> => new Watched(what, paths, read, disk, onTrouble);
  const ca = verify && caFile !== null ? watch(`CA ${caFile}`, [caFile], readCa) : null;
  const pair =
    certificateFile !== null && keyFile !== null
      ? watch(
          `client certificate ${certificateFile} with key ${keyFile}`,
          [certificateFile, keyFile],
          readPair,
        )
      : null;
  const token = tokenFile === null ? null : watch(`token ${tokenFile}`, [tokenFile], readToken);
  const all = [ca, pair, token].filter((each) => each !== null);
  const rounds = new Rounds(all, lookMs, onTrouble);
  let made: Made | null = null;

  function secureContext(): tls.SecureContext {
    const [trusted, own] = [ca?.value ?? null, pair?.value ?? null];
    if (made?.ca !== trusted || made.pair !== own) {
      made = {
        ca: trusted,
        pair: own,
        secureContext: tls.createSecureContext({
          minVersion: 'TLSv1.2',
          // Whatever is in the file is trusted, as by Go: a CA below another one, too.
          allowPartialTrustChain: true,
          ...own,
          // Who does not verify need not have Node load the CAs that it knows.
          ...(trusted === null ? (verify ? {} : { ca: [] }) : { ca: trusted }),
        }),
      };
    }
    return made.secureContext;
  }

  return {
    withToken: tokenFile !== null,
    async current() {
      await rounds.look(all.every(({ holds }) => holds));
      return { secureContext: secureContext(), token: token?.value ?? null };
    },
  };
}

/** Looks at everything, one after another, and has nobody wait for long who need not. */
class Rounds {
  readonly #all: readonly Pick<Watched<unknown>, 'what' | 'look'>[];
  readonly #lookMs: number;
  readonly #onTrouble: OnTrouble;
  /** One at a time: who asks while somebody looks gets what that one sees. */
  #round: Promise<void> | null = null;
  /** What the file system has not answered about in time, and has not since. */
  #hanging: string | null = null;

  constructor(all: readonly Pick<Watched<unknown>, 'what' | 'look'>[], lookMs: number, onTrouble: OnTrouble) {
    this.#all = all;
    this.#lookMs = lookMs;
    this.#onTrouble = onTrouble;
  }

  /** Resolves when everything has been looked at; for who can do without, when that takes too long. */
  async look(canDoWithout: boolean): Promise<void> {
    this.#round ??= this.#lookAtAll().finally(() => (this.#round = null));
    if (!canDoWithout) return this.#round;
    if (this.#hanging === null) await atMost(this.#lookMs, this.#round);
  }

  async #lookAtAll(): Promise<void> {
    for (const each of this.#all) {
      const callOff = stallAwareTimeout(this.#lookMs, () => {
        this.#hangs(each.what);
      });
      await each.look();
      callOff();
      this.#goesOn();
    }
  }

  #hangs(what: string): void {
    this.#hanging = `file system of ${what}`;
    this.#onTrouble(this.#hanging, new Error(`no answer in ${this.#lookMs} ms`));
  }

  #goesOn(): void {
    if (this.#hanging === null) return;
    this.#onTrouble(this.#hanging, null);
    this.#hanging = null;
  }
}

/** Waits for what never rejects, and no longer than so. */
function atMost(timeoutMs: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const callOff = stallAwareTimeout(timeoutMs, resolve);
    void work.then(() => {
      callOff();
      resolve();
    });
  });
}

/** For how long after a change another one may look the same: the kernel's clock for files is a coarse one. */
const SETTLES_IN_MS = 100;

/** What some files hold together, read again when one of them has changed. */
class Watched<Value> {
  readonly what: string;
  readonly #paths: readonly string[];
  readonly #read: (...texts: string[]) => Value;
  readonly #disk: Disk;
  readonly #onTrouble: OnTrouble;
  /** How the files looked when they were read; null when they are to be read again in any case. */
  #look: string | null = null;
  #texts: readonly string[] = [];
  #held: { readonly value: Value } | null = null;
  #trouble: Error | null = null;

  constructor(
    what: string,
    paths: readonly string[],
    read: (...texts: string[]) => Value,
    disk: Disk,
    onTrouble: OnTrouble,
  ) {
    this.what = what;
    this.#paths = paths;
    this.#read = read;
    this.#disk = disk;
    this.#onTrouble = onTrouble;
  }

  /** Whether there was anything good yet. */
  get holds(): boolean {
    return this.#held !== null;
  }

  /** The last that was good; the same object until there is another one. Throws when nothing was good yet. */
  get value(): Value {
    if (this.#held === null) throw new Error(`${this.what}: ${this.#trouble?.message ?? 'not read yet'}`);
    return this.#held.value;
  }

  /** Never rejects. */
  async look(): Promise<void> {
    try {
      // Before the files are read: what changes in between looks different the next time.
      const look = await lookOf(this.#paths, this.#disk);
      if (look !== null && look === this.#look) return;
      this.#look = null;
      const texts = await inTurn(this.#paths, (path) => this.#disk.read(path));
      // Of what is read in vain, too: it is no better until it changes.
      this.#look = look;
      if (this.#held === null || texts.some((text, index) => text !== this.#texts[index])) {
        this.#held = { value: this.#read(...texts) };
        this.#texts = texts;
      }
      this.#tell(null);
    } catch (error) {
      this.#tell(error as Error);
    }
  }

  #tell(error: Error | null): void {
    if (error?.message === this.#trouble?.message) return;
    this.#trouble = error;
    this.#onTrouble(this.what, error);
  }
}

/**
 * One after another: a file system that does not answer holds a thread of libuv's pool for each file that it is asked for, and
 * there are four, which netlink requests take their turns on, too.
 */
async function inTurn<Result>(
  paths: readonly string[],
  use: (path: string) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const path of paths) results.push(await use(path));
  return results;
}

/** What tells files from those that were there before; null while one may yet change without telling. */
async function lookOf(paths: readonly string[], disk: Disk): Promise<string | null> {
  const nowMs = Date.now();
  const found = await inTurn([...new Set(paths)], (path) => disk.look(path));
  if (found.some(({ ctimeMs }) => Math.abs(nowMs - Number(ctimeMs)) < SETTLES_IN_MS)) return null;
  return found
    .map(({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(' '))
    .join(', ');
}

function readCa(text: string): string {
  if (!areCertificates(text)) throw new Error('it has no certificates in PEM');
  return text;
}

function readPair(cert: string, key: string): Pair {
  if (!areCertificates(cert)) throw new Error('there is no certificate in PEM');
  if (!isPrivateKey(key)) throw new Error('there is no private key in PEM that needs no passphrase');
  const fault = pairFault(cert, key);
  if (fault !== null) throw new Error(fault);
  return { cert, key };
}

function readToken(text: string): string {
  const token = tokenIn(text);
  if (token === null) throw new Error('it is not one token');
  return token;
}
