import { isIP } from 'node:net';
import type { CredentialFiles } from '../tls/credentials.js';
import { areCertificates, isPrivateKey, pairFault, tokenIn } from '../tls/pem.js';
import { parseAddress } from './parse-endpoint.js';
import type { Note } from './note.js';
import type { Settings } from './settings.js';
import { readTextFile } from './text-file.js';
import { UsageError, type Parser } from './usage-error.js';
import { splitHeaders } from './values.js';

export interface ProbeTls extends CredentialFiles {
  /** The name, or the address, that the servers' certificates have to be for; null for each server's own address. */
  readonly serverName: string | null;
}

interface ReadProbeTls {
  readonly tls: ProbeTls;
  /** What to tell the user who probes. */
  readonly notes: readonly Note[];
}

interface Circumstances {
  readonly scheme: 'https' | 'http';
  /** Whether anything will be probed. Who only sets up or cleans up may do so before the files are there, or after. */
  readonly probes: boolean;
  readonly defaultCa: string;
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
  const skip = settings.switch('health-insecure-skip-verify', null);
  if (circumstances.scheme === 'http') {
    refuseWithHttp(settings);
    return { tls: NO_TLS, notes: [] };
  }
  const { verify, caFile, notes } = readTrust(settings, skip, circumstances);
  const tls = {
    verify,
    caFile,
    ...readPair(settings, circumstances),
    tokenFile: readTokenFile(settings, verify, skip, circumstances),
    serverName: settings.value('health-server-name', parseServerName, null),
  };
  return { tls, notes };
}

/** What is of no use by HTTP, or would be sent to whoever listens. */
function refuseWithHttp(settings: Settings): void {
  const useless = ['health-ca', 'health-cert', 'health-key', 'health-token-file', 'health-server-name'];
  const flag = useless.find((each) => settings.has(each));
  if (flag === undefined) return;
  throw new UsageError(settings.name(flag), `${settings.name('health-schem')} https beside it`, 'http');
}

function readTrust(
  settings: Settings,
  skip: boolean | null,
  { probes, defaultCa }: Circumstances,
): Pick<ProbeTls, 'verify' | 'caFile'> & Pick<ReadProbeTls, 'notes'> {
  const given = settings.value('health-ca', probes ? certificateFile : asGiven, null);
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
  { probes }: Circumstances,
): Pick<ProbeTls, 'certificateFile' | 'keyFile'> {
  const certificate = settings.value('health-cert', probes ? certificateFile : asGiven, null);
  const key = settings.value('health-key', probes ? privateKeyFile : asGiven, null);
  const [ofCertificate, ofKey] = [settings.name('health-cert'), settings.name('health-key')];
  if (certificate !== null && key === null) throw new UsageError(ofCertificate, `${ofKey} beside it`, null);
  if (key !== null && certificate === null) throw new UsageError(ofKey, `${ofCertificate} beside it`, null);
  if (probes && certificate !== null && key !== null) {
    const fault = pairFault(readTextFile(certificate, ofCertificate), readTextFile(key, ofKey));
    if (fault !== null)
      throw new UsageError(ofKey, `the key of ${ofCertificate} ${certificate} (${fault})`, key);
  }
  return { certificateFile: certificate, keyFile: key };
}

/** A token is for those alone who prove who they are. */
function readTokenFile(
  settings: Settings,
  verify: boolean,
  skip: boolean | null,
  { probes, defaultCa }: Circumstances,
): string | null {
  const name = settings.name('health-token-file');
  const file = settings.value('health-token-file', probes ? tokenFile : asGiven, null);
  if (file === null) return null;
  const expected = 'certificates that are verified beside it, or anybody could take the token';
  const skipping = settings.name('health-insecure-skip-verify');
  if (skip === true) throw new UsageError(name, expected, skipping);
  if (probes && !verify)
    throw new UsageError(name, `${expected} (by --health-ca, ${defaultCa} or ${skipping}=false)`, null);
  if (
    settings
      .list('health-req-headers', (text) => text, splitHeaders)
      .some((text) => /^authorization=/i.test(text))
  )
    throw new UsageError(name, 'no other authorization beside it', settings.name('health-req-headers'));
  return file;
}

const asGiven: Parser<string> = (path) => path;
/** Parsers of paths that look into the file. */
const certificateFile = fileParser('certificates in PEM', areCertificates);
const privateKeyFile = fileParser('a private key in PEM that needs no passphrase', isPrivateKey);
const tokenFile = fileParser('one token', (text) => tokenIn(text) !== null);

function fileParser(what: string, isOne: (text: string) => boolean): Parser<string> {
  return (path, option) => {
    if (!isOne(readTextFile(path, option))) throw new UsageError(option, `a file with ${what}`, path);
    return path;
  };
}

function isUsable(path: string): boolean {
  try {
    certificateFile(path, '--health-ca');
    return true;
  } catch {
    return false;
  }
}

/** A DNS name, or an IP address. */
const parseServerName: Parser<string> = (text, option) => {
  if (isIP(text) !== 0) return parseAddress(text, option);
  const labels = text.split('.');
  // A name that ends in a number would be an address, and a wrong one.
  const good =
    text.length <= 253 &&
    labels.every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '');
  if (!good) throw new UsageError(option, 'a DNS name or an IP address', text);
  return text;
};
