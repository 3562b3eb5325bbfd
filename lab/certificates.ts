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
  /** Make one that is valid from tomorrow on. Default no. */
  readonly notYetValid?: boolean;
  /** Who signs. Default the lab's own authority. */
  readonly authority?: Certificate;
}

/** The names that every apiserver answers to. */
export const APISERVER_NAMES = ['kubernetes', 'kubernetes.default.svc', 'apiserver.cluster.local'] as const;

/** What `openssl req` and `openssl ca` want to be told in a file. */
function configOf(directory: string): string {
  return `[req]
distinguished_name = name
prompt = no
[name]
[ca]
default_ca = lab
[lab]
database = ${directory}/index.txt
new_certs_dir = ${directory}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;
}

const DAY_MS = 86_400_000;
/** So long that nobody has to be warned. */
const DAYS = '90';

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
      await writeFile(certificates.#config, configOf(certificates.directory));
      await writeFile(join(certificates.directory, 'index.txt'), '');
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
      ...['req', '-x509', ...this.#subject(made, `lab ${file}`), '-days', DAYS, '-out', made.certificateFile],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
      ...['-addext', 'subjectKeyIdentifier=hash'],
    ]);
    return made;
  }

  /** A server's certificate; `file` names its files. */
  create(file: string, options: CertificateOptions): Promise<Certificate> {
    return this.#create(file, 'serverAuth', options);
  }

  /** A client's certificate, for those that are asked for one; `file` names its files. */
  createClient(file: string, options: Omit<CertificateOptions, 'alternativeNames'>): Promise<Certificate> {
    return this.#create(file, 'clientAuth', { ...options, alternativeNames: [`DNS:${options.name}`] });
  }

  async #create(file: string, usage: string, options: CertificateOptions): Promise<Certificate> {
    const { name, alternativeNames, expired = false, notYetValid = false } = options;
    const { authority = this.authority } = options;
    const made = this.#files(file);
    const extensions = [
      ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', `extendedKeyUsage=${usage}`],
      ...['-addext', `subjectAltName=${alternativeNames.join(',')}`],
    ];
    const { certificateFile: ca, keyFile: caKey } = authority;
    if (!expired && !notYetValid) {
      const signer = ['-CA', ca, '-CAkey', caKey, '-days', DAYS, '-out', made.certificateFile];
      await must('openssl', ['req', '-x509', ...this.#subject(made, name), ...extensions, ...signer]);
      return made;
    }
    // Only `openssl ca` makes one that is valid at another time, and only from a request.
    const request = join(this.directory, `${file}.csr`);
    await must('openssl', [...['req', '-new', ...this.#subject(made, name), ...extensions, '-out', request]]);
    const startMs = Date.now() + (expired ? -30 : 1) * DAY_MS;
    await must('openssl', [
      ...['ca', '-batch', '-notext', '-config', this.#config, '-cert', ca, '-keyfile', caKey],
      ...['-startdate', asn1Time(startMs), '-enddate', asn1Time(startMs + 29 * DAY_MS)],
      ...['-in', request, '-out', made.certificateFile],
    ]);
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

/** `20260131235959Z` */
function asn1Time(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
}
