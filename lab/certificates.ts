/** Certificates, made when a lab starts, gone when it closes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate, type CertificateRequest, type Issued } from './x509.js';

/** The files of a certificate and its key, PEM. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface Certificate extends Issued, CertificateFiles {}

export interface CertificateOptions {
  /** The common name. */
  readonly name: string;
  /** Subject alternative names, such as `DNS:kubernetes` and `IP:10.103.97.2`. */
  readonly alternativeNames: readonly string[];
  /** Make one that expired yesterday. Default no. */
  readonly expired?: boolean;
  /** Make one that is valid from tomorrow on. Default no. */
  readonly notYetValid?: boolean;
  /** Who signs. Default the lab's own authority. */
  readonly authority?: Certificate;
}

/** The names that every apiserver answers to. */
export const APISERVER_NAMES = ['kubernetes', 'kubernetes.default.svc', 'apiserver.cluster.local'] as const;

const DAY_MS = 86_400_000;
/** So long that nobody has to be warned. */
const VALID_MS = 90 * DAY_MS;

/** A directory of certificates with an authority of its own. */
export class Certificates {
  readonly directory: string;
  #authority: Certificate | null = null;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<Certificates> {
    const certificates = new Certificates(await mkdtemp(join(tmpdir(), 'lab-certificates-')));
    try {
      certificates.#authority = await certificates.createAuthority('ca');
      return certificates;
    } catch (error) {
      await certificates.close();
      throw error;
    }
  }

  /** The lab's own authority: what `--health-ca` is given. */
  get authority(): Certificate {
    if (this.#authority === null) throw new Error('the certificates are not made yet');
    return this.#authority;
  }

  /** One more authority, that nobody trusts yet. `file` names its files. */
  createAuthority(file: string): Promise<Certificate> {
    const fromMs = Date.now();
    return this.#write(file, {
      ...{ subject: `/CN=lab ${file}`, authority: true, signer: null },
      ...{ fromMs, untilMs: fromMs + VALID_MS },
    });
  }

  /** A server's certificate; `file` names its files. */
  create(file: string, options: CertificateOptions): Promise<Certificate> {
    return this.#create(file, 'serverAuth', options);
  }

  /** A client's certificate, for those that are asked for one; `file` names its files. */
  createClient(file: string, options: Omit<CertificateOptions, 'alternativeNames'>): Promise<Certificate> {
    return this.#create(file, 'clientAuth', { ...options, alternativeNames: [`DNS:${options.name}`] });
  }

  #create(
    file: string,
    usage: 'serverAuth' | 'clientAuth',
    { name, alternativeNames, expired = false, notYetValid = false, authority }: CertificateOptions,
  ): Promise<Certificate> {
    const nowMs = Date.now();
    const [fromMs, untilMs] = expired
      ? [nowMs - 30 * DAY_MS, nowMs - DAY_MS]
      : notYetValid
        ? [nowMs + DAY_MS, nowMs + 30 * DAY_MS]
        : [nowMs, nowMs + VALID_MS];
    return this.#write(file, {
      ...{ subject: `/CN=${name}`, names: alternativeNames, usage },
      ...{ signer: authority ?? this.authority, fromMs, untilMs },
    });
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  async #write(file: string, request: CertificateRequest): Promise<Certificate> {
    const issued = makeCertificate(request);
    const certificateFile = join(this.directory, `${file}.crt`);
    const keyFile = join(this.directory, `${file}.key`);
    await Promise.all([
      writeFile(certificateFile, issued.cert),
      writeFile(keyFile, issued.key, { mode: 0o600 }),
    ]);
    return { ...issued, certificateFile, keyFile };
  }
}
