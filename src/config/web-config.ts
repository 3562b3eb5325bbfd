/**
 * The web configuration file of Prometheus' exporters (prometheus/exporter-toolkit, docs/web-configuration.md). What lvscare does not
 * support is refused, not ignored: an operator relies on it.
 */
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { readRegularFile, UnsuitableFile } from '../files/regular-file.js';
import { withoutStacks } from '../text/without-stacks.js';
import { isFlatYaml } from '../text/yaml-bounds.js';
import { areCertificates, isPrivateKey, pairFault } from '../tls/pem.js';
import {
  CLIENT_AUTH,
  type ClientAuth,
  type TlsVersion,
  type WebConfig,
  type WebTls,
} from '../values/web-config.js';
import { UsageError } from './usage-error.js';

/** More than any such file needs. */
const MAX_LENGTH = 16 << 10;

export interface LoadedWebConfig {
  readonly config: WebConfig;
  /** Paths of the files that it names. */
  readonly files: readonly string[];
  /** The one of them with the private key, or null. */
  readonly keyFile: string | null;
  /** The content of all files, to compare. */
  readonly texts: string;
}

/** Reads a web configuration file and the files that it names. Rejects with a UsageError that names the file and the key. */
export async function loadWebConfig(path: string, option: string): Promise<LoadedWebConfig> {
  const text = await textOf(path, option);
  const root = rootOf(text, path, option);
  const section = new Section(root, '', path);
  section.refuseOthers(['tls_server_config', 'http_server_config', 'basic_auth_users']);
  const users = readUsers(section.section('basic_auth_users'));
  const { tls, files } = await readTls(section.section('tls_server_config'));
  if (tls === null && users.size === 0)
    throw new UsageError(option, 'a file with tls_server_config or basic_auth_users', path);
  const headers = readHeaders(section.section('http_server_config'));
  return {
    config: { tls, users, headers },
    files: files.map((file) => file.path),
    keyFile: files.find((file) => file.text === tls?.key)?.path ?? null,
    texts: [text, ...files.map((file) => file.text)].join('\n'),
  };
}

/** Every scalar is a text. */
type Value = string | readonly Value[] | { readonly [key: string]: Value };

function rootOf(text: string, path: string, option: string): Value {
  if (text.length > MAX_LENGTH)
    throw new UsageError(option, `a file of at most ${MAX_LENGTH >> 10} KiB`, path);
  if (!isFlatYaml(text))
    throw new UsageError(option, 'a file whose values are not so deep in each other', path);
  const lines = new LineCounter();
  const options = {
    schema: 'failsafe',
    uniqueKeys: true,
    logLevel: 'silent',
    lineCounter: lines,
    // Each error would be given its lines of text, and there may be thousands.
    prettyErrors: false,
  } as const;
  const document = withoutStacks(() => parseDocument(text, options));
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new UsageError(option, `a file in YAML (${error.message} at line ${line}, column ${col})`, path);
  }
  try {
    return (document.toJS() ?? '') as Value;
  } catch (fault) {
    // Too many aliases, or one that leads nowhere.
    throw new UsageError(option, `a file in YAML (${(fault as Error).message})`, path);
  }
}

/** A mapping of the file, which may be absent. */
class Section {
  readonly #entries: Readonly<Record<string, Value>>;
  readonly #prefix: string;
  readonly #path: string;
  readonly isAbsent: boolean;

  constructor(value: Value | undefined, prefix: string, path: string) {
    this.#prefix = prefix;
    this.#path = path;
    // As in Go, a key without a value is absent.
    this.isAbsent = value === undefined || value === '';
    if (!this.isAbsent && (typeof value !== 'object' || Array.isArray(value)))
      throw new UsageError(
        `${prefix === '' ? 'the content' : prefix.slice(0, -1)} of ${path}`,
        'a mapping',
        shown(value),
      );
    this.#entries = this.isAbsent ? {} : (value as Readonly<Record<string, Value>>);
  }

  get directory(): string {
    return dirname(this.#path);
  }

  get keys(): readonly string[] {
    return Object.keys(this.#entries);
  }

  /** How an error names a key. */
  name(key: string): string {
    return `${this.#prefix}${key} in ${this.#path}`;
  }

  section(key: string): Section {
    return new Section(this.#value(key), `${this.#prefix}${key}.`, this.#path);
  }

  /** A text, or null if it is absent or empty. */
  text(key: string): string | null {
    const value = this.#value(key);
    if (value === undefined || value === '') return null;
    if (typeof value !== 'string') throw new UsageError(this.name(key), 'a text', shown(value));
    return value;
  }

  texts(key: string): readonly string[] {
    const value = this.#value(key);
    if (value === undefined || value === '') return [];
    if (!Array.isArray(value) || !value.every((each) => typeof each === 'string'))
      throw new UsageError(this.name(key), 'a list of texts', shown(value));
    return value;
  }

  choice<Choice extends string>(key: string, choices: readonly Choice[], otherwise: Choice): Choice {
    const text = this.text(key);
    if (text === null) return otherwise;
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new UsageError(this.name(key), `one of ${choices.join(', ')}`, text);
    return found;
  }

  refuseOthers(known: readonly string[]): void {
    const other = this.keys.find((key) => !known.includes(key));
    if (other === undefined) return;
    const where = this.#prefix === '' ? '' : ` of ${this.#prefix.slice(0, -1)}`;
    throw new UsageError(this.#path, `as keys${where} only ${known.join(', ')}`, other);
  }

  #value(key: string): Value | undefined {
    return Object.hasOwn(this.#entries, key) ? this.#entries[key] : undefined;
  }
}

function shown(value: Value | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

interface TextFile {
  readonly path: string;
  readonly text: string;
}

const TLS_KEYS = [
  'cert_file',
  'key_file',
  'client_auth_type',
  'client_ca_file',
  'client_allowed_sans',
  'min_version',
  'max_version',
];
const VERSIONS = { TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const satisfies Readonly<
  Record<string, TlsVersion>
>;
const VERSION_NAMES = ['TLS12', 'TLS13'] as const;
const VERIFYING: readonly ClientAuth[] = ['VerifyClientCertIfGiven', 'RequireAndVerifyClientCert'];

async function readTls(
  section: Section,
): Promise<{ readonly tls: WebTls | null; readonly files: readonly TextFile[] }> {
  if (section.isAbsent) return { tls: null, files: [] };
  section.refuseOthers(TLS_KEYS);
  const clientAuth = section.choice('client_auth_type', CLIENT_AUTH, 'NoClientCert');
  const [least, most] = [
    section.choice('min_version', VERSION_NAMES, 'TLS12'),
    section.choice('max_version', VERSION_NAMES, 'TLS13'),
  ];
  if (least > most) throw new UsageError(section.name('max_version'), `${least} or later`, most);
  const certificate = await fileOf(section, 'cert_file', 'certificates in PEM', areCertificates);
  const key = await fileOf(
    section,
    'key_file',
    'a private key in PEM that needs no passphrase',
    isPrivateKey,
  );
  if (certificate === null)
    throw new UsageError(section.name('cert_file'), 'a file with the certificate', null);
  if (key === null) throw new UsageError(section.name('key_file'), 'a file with the private key', null);
  const fault = pairFault(certificate.text, key.text);
  if (fault !== null)
    throw new UsageError(
      section.name('key_file'),
      `the key of cert_file ${certificate.path} (${fault})`,
      key.path,
    );
  const clientCa = await fileOf(section, 'client_ca_file', 'certificates in PEM', areCertificates);
  if (clientCa === null && VERIFYING.includes(clientAuth))
    throw new UsageError(section.name('client_ca_file'), `a file with the CA for ${clientAuth}`, null);
  if (clientCa !== null && clientAuth === 'NoClientCert')
    throw new UsageError(
      section.name('client_auth_type'),
      `${VERIFYING.join(' or ')} beside client_ca_file`,
      clientAuth,
    );
  const allowedNames = section.texts('client_allowed_sans');
  if (allowedNames.length > 0 && clientAuth !== 'RequireAndVerifyClientCert')
    throw new UsageError(
      section.name('client_auth_type'),
      'RequireAndVerifyClientCert beside client_allowed_sans',
      clientAuth,
    );
  return {
    tls: {
      certificate: certificate.text,
      key: key.text,
      clientCa: clientCa?.text ?? null,
      clientAuth,
      allowedNames,
      minVersion: VERSIONS[least],
      maxVersion: VERSIONS[most],
    },
    files: [certificate, key, clientCa].filter((file) => file !== null),
  };
}

/** A file that a key names, relative to the directory of the web configuration; null if the key is absent. */
async function fileOf(
  section: Section,
  key: string,
  what: string,
  isOne: (text: string) => boolean,
): Promise<TextFile | null> {
  const given = section.text(key);
  if (given === null) return null;
  const path = resolve(section.directory, given);
  const text = await textOf(path, section.name(key));
  if (!isOne(text)) throw new UsageError(section.name(key), `a file with ${what}`, path);
  return { path, text };
}

async function textOf(path: string, option: string): Promise<string> {
  try {
    return await readRegularFile(path);
  } catch (error) {
    if (error instanceof UnsuitableFile) throw new UsageError(option, error.expected, path);
    const why = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new UsageError(option, `a readable file (${why})`, path);
  }
}

/** A cost of 14 takes a second or two of CPU time, and each further one twice as long. */
const HASH = /^\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;

function readUsers(section: Section): ReadonlyMap<string, string> {
  return new Map(
    section.keys.map((user) => {
      const hash = section.text(user) ?? '';
      // It may be the password itself, which no error shows.
      if (!HASH.test(hash))
        throw new UsageError(
          section.name(user),
          'a bcrypt hash with a cost from 4 to 14 (htpasswd -nB)',
          '...',
        );
      if (user === '' || user.includes(':'))
        throw new UsageError(section.name(user), 'a user name without a colon', user);
      return [user, hash];
    }),
  );
}

/** Those that Prometheus' exporters allow. */
const HEADERS = [
  'Content-Security-Policy',
  'X-Frame-Options',
  'X-Content-Type-Options',
  'X-XSS-Protection',
  'Strict-Transport-Security',
];

function readHeaders(section: Section): Readonly<Record<string, string>> {
  // lvscare has no HTTP/2, which is what `http2: false` asks for.
  section.refuseOthers(['headers', 'http2']);
  section.choice('http2', ['true', 'false'], 'true');
  const headers = section.section('headers');
  headers.refuseOthers(HEADERS);
  const read = headers.keys.map((name) => {
    const value = headers.text(name) ?? '';
    if (!/^[\x20-\x7e]*$/.test(value)) throw new UsageError(headers.name(name), 'a text in ASCII', value);
    return [name.toLowerCase(), value] as const;
  });
  return Object.fromEntries(read.filter(([, value]) => value !== ''));
}
