/** What a handshake and a request need, from files that change: kubeadm and the kubelet renew them. */
import { readFile, stat } from 'node:fs/promises';
import tls from 'node:tls';
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
   * kept out, and what was good before stays in use. Rejects only while there has not been anything good yet: a fault
   * of our own, which says nothing about a server.
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

/**
 * @param onTrouble Hears once of each trouble with the named files, and with null when it is over.
 */
export function createCredentials(
  files: CredentialFiles,
  onTrouble: (what: string, error: Error | null) => void,
): Credentials {
  const { verify, caFile, certificateFile, keyFile, tokenFile } = files;
  const ca = verify && caFile !== null ? new Watched(`CA ${caFile}`, [caFile], readCa, onTrouble) : null;
  const pair =
    certificateFile !== null && keyFile !== null
      ? new Watched(
          `client certificate ${certificateFile} with key ${keyFile}`,
          [certificateFile, keyFile],
          readPair,
          onTrouble,
        )
      : null;
  const token =
    tokenFile === null ? null : new Watched(`token ${tokenFile}`, [tokenFile], readToken, onTrouble);
  let made: Made | null = null;
  let looking: Promise<unknown> | null = null;

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
      // Who asks while somebody looks gets what that one sees.
      looking ??= Promise.all([ca?.look(), pair?.look(), token?.look()]).finally(() => (looking = null));
      await looking;
      return { secureContext: secureContext(), token: token?.value ?? null };
    },
  };
}

/** For how long after a change another one may look the same: the kernel's clock for files is a coarse one. */
const SETTLES_IN_MS = 100;

/** What some files hold together, read again when one of them has changed. */
class Watched<Value> {
  readonly #what: string;
  readonly #paths: readonly string[];
  readonly #read: (...texts: string[]) => Value;
  readonly #onTrouble: (what: string, error: Error | null) => void;
  /** How the files looked when they were read; null when they are to be read again in any case. */
  #look: string | null = null;
  #texts: readonly string[] = [];
  #held: { readonly value: Value } | null = null;
  #trouble: Error | null = null;

  constructor(
    what: string,
    paths: readonly string[],
    read: (...texts: string[]) => Value,
    onTrouble: (what: string, error: Error | null) => void,
  ) {
    this.#what = what;
    this.#paths = paths;
    this.#read = read;
    this.#onTrouble = onTrouble;
  }

  /** The last that was good; the same object until there is another one. Throws when nothing was good yet. */
  get value(): Value {
    if (this.#held === null) throw new Error(`${this.#what}: ${this.#trouble?.message ?? 'not read yet'}`);
    return this.#held.value;
  }

  /** Never rejects. */
  async look(): Promise<void> {
    try {
      // Before the files are read: what changes in between looks different the next time.
      const look = await lookOf(this.#paths);
      if (look !== null && look === this.#look) return;
      this.#look = null;
      const texts = await Promise.all(this.#paths.map((path) => readFile(path, 'utf8')));
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
    this.#onTrouble(this.#what, error);
  }
}

/** What tells files from those that were there before; null while one may yet change without telling. */
async function lookOf(paths: readonly string[]): Promise<string | null> {
  const nowMs = Date.now();
  const found = await Promise.all([...new Set(paths)].map((path) => stat(path, { bigint: true })));
  // Another one, a pipe for example, may never end.
  if (!found.every((each) => each.isFile())) throw new Error('it is no regular file');
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
