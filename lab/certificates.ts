/** Certificates, made by openssl when a lab starts, gone when it closes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from './run.js';

/** Files of one certificate, PEM. */
export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface CertificateOptions {
  /** The common name. */
  readonly name: string;
  /** Subject alternative names, such as `DNS:kubernetes` and `IP:10.103.97.2`. */
  readonly alternativeNames: readonly string[];
  /** Make one that expired yesterday. Default no. */
  readonly expired?: boolean;
  /** Who signs. Default the lab's own authority. */
  readonly authority?: Certificate;
}

/** The names that every apiserver answers to. */
export const APISERVER_NAMES = ['kubernetes', 'kubernetes.default.svc', 'apiserver.cluster.local'] as const;

const CONFIG = `[req]
distinguished_name = name
prompt = no
[name]
`;

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
      await writeFile(certificates.#config, CONFIG);
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

  /** The authority's certificate, PEM. */
  async authorityPem(): Promise<string> {
    return readFile(this.authority.certificateFile, 'utf8');
  }

  /** One more authority, that nobody trusts yet. `file` names its files. */
  async createAuthority(file: string): Promise<Certificate> {
    const made = this.#files(file);
    await must('openssl', [
      ...['req', '-x509', ...this.#subject(made, `lab ${file}`), '-days', '30', '-out', made.certificateFile],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
      ...['-addext', 'subjectKeyIdentifier=hash'],
    ]);
    return made;
  }

  /** A server's certificate; `file` names its files. */
  async create(file: string, options: CertificateOptions): Promise<Certificate> {
    const { name, alternativeNames, expired = false, authority = this.authority } = options;
    const made = this.#files(file);
    const extensions = [
      ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth'],
      ...['-addext', `subjectAltName=${alternativeNames.join(',')}`],
    ];
    const signer = ['-CA', authority.certificateFile, '-CAkey', authority.keyFile];
    if (expired) {
      // Only `openssl x509` makes one that is over already, and only from a request.
      const request = await must('openssl', ['req', '-new', ...this.#subject(made, name), ...extensions]);
      const terms = ['-days', '-1', '-copy_extensions', 'copy', '-out', made.certificateFile];
      await must('openssl', ['x509', '-req', ...signer, ...terms], { input: request });
    } else {
      const terms = ['-days', '30', '-out', made.certificateFile];
      await must('openssl', [
        'req',
        '-x509',
        ...this.#subject(made, name),
        ...extensions,
        ...signer,
        ...terms,
      ]);
    }
    return made;
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  get #config(): string {
    return join(this.directory, 'openssl.cnf');
  }

  #files(file: string): Certificate {
    return {
      certificateFile: join(this.directory, `${file}.crt`),
      keyFile: join(this.directory, `${file}.key`),
    };
  }

  #subject(made: Certificate, name: string): string[] {
    return [
      ...['-config', this.#config, '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
      ...['-nodes', '-keyout', made.keyFile, '-subj', `/CN=${name}`],
    ];
  }
}
