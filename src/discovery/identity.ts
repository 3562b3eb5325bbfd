/** What lvscare shows to apiservers, and how it recognizes them, as the files are now. */
import { X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import { TLS_OFFER } from '../tls/offer.js';
import { areCertificates, isPrivateKey, pairFault, tokenIn } from '../tls/pem.js';
import { readKubeconfig, readSmallFile, type Kubeconfig, type Source } from './kubeconfig.js';

export interface Identity {
  readonly secureContext: tls.SecureContext;
  readonly token: string | null;
  /** The name for SNI, which alone the certificate may be for; null if there is none. */
  readonly tlsServerName: string | null;
  /** Names that the certificate of an apiserver may be for beside its address. */
  readonly names: readonly string[];
}

/**
 * Each kube-apiserver has these names in its certificate: Kubernetes' own clients in pods connect by them. A certificate of the cluster's CA
 * for one of them is an apiserver's. An address may be missing: that of a new master, behind a NAT, or of another network.
 */
const APISERVER_NAMES = ['kubernetes', 'kubernetes.default.svc'];

/** A CA bundle may have several certificates; all other files are smaller. */
const MOST_BYTES = 256 * 1024;
/** A CA that is being rotated has two certificates. */
const MOST_PRINTS = 64;

/**
 * Reads all files, each time: kubelet and kubeadm replace them, and there is at most a request a minute. Rejects with an error of one line that names
 * what cannot be used.
 */
export async function readIdentity(path: string): Promise<Identity> {
  const { ca, clientCertificate, token, tlsServerName, serverHost }: Kubeconfig = await readKubeconfig(path);
  const trusted = await readCa(ca, path);
  const pair = clientCertificate === null ? {} : await readPair(clientCertificate, path);
  const bearer = token === null ? null : tokenIn(await read('token', token, path));
  if (token !== null && bearer === null)
    throw new Error(`${nameOf('token', token, path)}: it is not a single token`);
  return {
    // Every certificate of the CA is trusted, also one below another one, as in Go.
    secureContext: tls.createSecureContext({
      ...TLS_OFFER,
      allowPartialTrustChain: true,
      ca: trusted,
      ...pair,
    }),
    token: bearer,
    tlsServerName,
    names:
      tlsServerName === null
        ? [...APISERVER_NAMES, ...(serverHost === null ? [] : [serverHost])]
        : [tlsServerName],
  };
}

/** SHA-256 of each certificate of the CA, in hex, whatever their order. Credentials need not be there yet, or be usable. */
export async function readCluster(path: string): Promise<string> {
  const { ca } = await readKubeconfig(path);
  return fingerprints(await readCa(ca, path));
}

async function readCa(ca: Source, path: string): Promise<string> {
  const trusted = await read('certificate-authority', ca, path);
  if (!areCertificates(trusted))
    throw new Error(`${nameOf('certificate-authority', ca, path)}: no certificates in PEM`);
  return trusted;
}

async function readPair(
  { certificate, key }: NonNullable<Kubeconfig['clientCertificate']>,
  path: string,
): Promise<{ readonly cert: string; readonly key: string }> {
  const [cert, privateKey] = [
    await read('client-certificate', certificate, path),
    await read('client-key', key, path),
  ];
  if (!areCertificates(cert))
    throw new Error(`${nameOf('client-certificate', certificate, path)}: no certificate in PEM`);
  if (!isPrivateKey(privateKey))
    throw new Error(`${nameOf('client-key', key, path)}: no private key in PEM without a passphrase`);
  const fault = pairFault(cert, privateKey);
  if (fault !== null) throw new Error(`${nameOf('client-certificate', certificate, path)}: ${fault}`);
  return { cert, key: privateKey };
}

async function read(what: string, source: Source, path: string): Promise<string> {
  if (source.kind === 'text') return source.text;
  try {
    return await readSmallFile(source.path, MOST_BYTES);
  } catch (error) {
    throw new Error(`${nameOf(what, source, path)}: ${(error as Error).message}`, { cause: error });
  }
}

function nameOf(what: string, source: Source, path: string): string {
  return source.kind === 'file' ? `${what} ${source.path}` : `${what} of kubeconfig ${path}`;
}

/** @param pem Certificates, all of them complete. */
function fingerprints(pem: string): string {
  const certificates = pem.match(/-----BEGIN [^]*?-----END [^-]*-----/g) ?? [];
  const prints = certificates.map((certificate) => new X509Certificate(certificate).fingerprint256);
  const each = new Set(prints.map((print) => print.replaceAll(':', '').toLowerCase()));
  return [...each].sort().slice(0, MOST_PRINTS).join(' ');
}
