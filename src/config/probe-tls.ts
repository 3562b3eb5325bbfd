import type { CredentialFiles } from '../tls/credentials.js';
import { areCertificates, isPrivateKey, pairFault, tokenIn } from '../tls/pem.js';
import type { Note } from './note.js';
import type { Settings } from './settings.js';
import { readTextFile } from './text-file.js';
import { UsageError } from './usage-error.js';

export interface ProbeTls extends CredentialFiles {
  /** The name, or the address, that the servers' certificates have to be for; null for each server's own address. */
  readonly serverName: string | null;
}

interface ReadProbeTls {
  readonly tls: ProbeTls;
  /** What the user should know of a probe with these options. */
  readonly notes: readonly Note[];
}

interface Circumstances {
  readonly scheme: 'https' | 'http';
  /** Whether anything will be probed. `--run-once` and `--clean` work without the files. */
  readonly probes: boolean;
  readonly defaultCa: string;
  /** The files that were found right, so that those that virtual servers share are read once. */
  readonly checked: Set<string>;
}

const NO_TLS: ProbeTls = {
  verify: false,
  caFile: null,
  certificateFile: null,
  keyFile: null,
  tokenFile: null,
  serverName: null,
};

/** How to trust real servers, and how to be trusted by them. */
export function readProbeTls(settings: Settings, circumstances: Circumstances): ReadProbeTls {
  const skip = settings.read('health-insecure-skip-verify');
  if (circumstances.scheme === 'http') {
    refuseWithHttp(settings);
    refuseUnverifiedHeaders(settings, false, circumstances);
    return { tls: NO_TLS, notes: [] };
  }
  const { verify, caFile, notes } = readTrust(settings, skip, circumstances);
  refuseUnverifiedHeaders(settings, verify, circumstances);
  const tls = {
    verify,
    caFile,
    ...readPair(settings, circumstances),
    tokenFile: readTokenFile(settings, verify, skip, circumstances),
    serverName: settings.read('health-server-name'),
  };
  return { tls, notes };
}

/** What is of no use by HTTP, or would be sent to any process that listens. */
function refuseWithHttp(settings: Settings): void {
  const useless = ['health-ca', 'health-cert', 'health-key', 'health-token-file', 'health-server-name'];
  const flag = useless.find((each) => settings.has(each));
  if (flag === undefined) return;
  throw new UsageError(settings.name(flag), `${settings.name('health-schem')} https beside it`, 'http');
}

function readTrust(
  settings: Settings,
  skip: boolean | null,
  circumstances: Circumstances,
): Pick<ProbeTls, 'verify' | 'caFile'> & Pick<ReadProbeTls, 'notes'> {
  const given = readPath(settings, 'health-ca', circumstances, checkCertificates);
  const { defaultCa } = circumstances;
  if (skip === true) return { verify: false, caFile: null, notes: [] };
  const caFile = given ?? (isUsable(defaultCa) ? defaultCa : null);
  if (caFile !== null || skip === false) return { verify: true, caFile, notes: [] };
  const text =
    `certificates of the real servers are NOT VERIFIED: there is no --health-ca, and ${defaultCa} cannot be read; ` +
    'give one of them, or say --health-insecure-skip-verify';
  return { verify: false, caFile: null, notes: [{ about: 'ca', text }] };
}

function readPair(
  settings: Settings,
  circumstances: Circumstances,
): Pick<ProbeTls, 'certificateFile' | 'keyFile'> {
  const certificate = readPath(settings, 'health-cert', circumstances, checkCertificates);
  const key = readPath(settings, 'health-key', circumstances, checkPrivateKey);
  const [ofCertificate, ofKey] = [settings.name('health-cert'), settings.name('health-key')];
  if (certificate !== null && key === null) throw new UsageError(ofCertificate, `${ofKey} beside it`, null);
  if (key !== null && certificate === null) throw new UsageError(ofKey, `${ofCertificate} beside it`, null);
  if (circumstances.probes && certificate !== null && key !== null) {
    const fault = pairFault(readTextFile(certificate, ofCertificate), readTextFile(key, ofKey));
    if (fault !== null)
      throw new UsageError(ofKey, `the key of ${ofCertificate} ${certificate} (${fault})`, key);
  }
  return { certificateFile: certificate, keyFile: key };
}

/** A token is sent only to servers with a verified certificate. */
function readTokenFile(
  settings: Settings,
  verify: boolean,
  skip: boolean | null,
  circumstances: Circumstances,
): string | null {
  const { probes, defaultCa } = circumstances;
  const name = settings.name('health-token-file');
  const file = readPath(settings, 'health-token-file', circumstances, checkToken);
  if (file === null) return null;
  const expected = 'certificates that are verified beside it, or any server could take the token';
  const skipping = settings.name('health-insecure-skip-verify');
  if (skip === true) throw new UsageError(name, expected, skipping);
  if (probes && !verify)
    throw new UsageError(name, `${expected} (by --health-ca, ${defaultCa} or ${skipping}=false)`, null);
  if (settings.read('health-req-headers').some(([header]) => header === 'authorization'))
    throw new UsageError(name, 'no other authorization beside it', settings.name('health-req-headers'));
  return file;
}

/** Headers that identify a client. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie']);

/** As a token, a credential among the headers is for verified servers alone. Without probes, such as by --clean, it is not sent. */
function refuseUnverifiedHeaders(settings: Settings, verify: boolean, { probes }: Circumstances): void {
  if (!probes || verify) return;
  const found = settings.read('health-req-headers').find(([header]) => CREDENTIALS.has(header));
  if (found === undefined) return;
  throw new UsageError(
    settings.name('health-req-headers'),
    'no credentials without certificates that are verified (--health-ca), or anybody could take them; for a bearer token --health-token-file',
    found[0],
  );
}

/** The path of a file. If servers will be probed, the file has to be there and hold what it should. */
function readPath(
  settings: Settings,
  flag: 'health-ca' | 'health-cert' | 'health-key' | 'health-token-file',
  { probes, checked }: Circumstances,
  check: Check,
): string | null {
  const path = settings.read(flag);
  if (path === null || !probes || checked.has(`${flag} ${path}`)) return path;
  check(path, settings.name(flag));
  checked.add(`${flag} ${path}`);
  return path;
}

type Check = (path: string, option: string) => void;

const checkCertificates = fileCheck('certificates in PEM', areCertificates);
const checkPrivateKey = fileCheck('a private key in PEM that needs no passphrase', isPrivateKey);
const checkToken = fileCheck('one token', (text) => tokenIn(text) !== null);

function fileCheck(what: string, isOne: (text: string) => boolean): Check {
  return (path, option) => {
    if (!isOne(readTextFile(path, option))) throw new UsageError(option, `a file with ${what}`, path);
  };
}

function isUsable(path: string): boolean {
  try {
    checkCertificates(path, '--health-ca');
    return true;
  } catch {
    return false;
  }
}
