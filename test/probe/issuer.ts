/** Certificates of every kind, good and bad, by openssl: those that the lab has no use for, too. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../lab/run.js';

export interface Issued {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export interface Wanted {
  /** As openssl takes it: `/O=lab/CN=apiserver`. */
  readonly subject: string;
  /** Such as `DNS:kubernetes` and `IP:127.0.0.1`. Default none. */
  readonly names?: readonly string[];
  /** Whether it may sign others. Default no. */
  readonly authority?: boolean;
  /** Who signs; null for itself. */
  readonly signer: Issued | null;
  /** In days from now. Default from yesterday to tomorrow. */
  readonly fromDay?: number;
  readonly untilDay?: number;
  /** Default yes. */
  readonly withKeyIdentifiers?: boolean;
}

const CONFIG = `[req]
distinguished_name = name
prompt = no
[name]
[ca]
default_ca = it
[it]
database = index.txt
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
[any]
organizationName = optional
commonName = optional
`;

/** Makes certificates in a directory. */
export async function issuer(directory: string): Promise<(wanted: Wanted) => Promise<Issued>> {
  const config = join(directory, 'issuer.cnf');
  const database = join(directory, 'index.txt');
  await writeFile(config, CONFIG.replace('index.txt', database).replace('= .', `= ${directory}`));
  let made = 0;
  return async ({ subject, names = [], authority = false, signer, fromDay = -1, untilDay = 1, ...more }) => {
    made += 1;
    const base = join(directory, `issued-${made}`);
    const [keyFile, certificateFile, extensions] = [`${base}.key`, `${base}.crt`, `${base}.ext`];
    const request = `${base}.csr`;
    await must('openssl', [
      ...['req', '-new', '-config', config, '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
      ...['-nodes', '-keyout', keyFile, '-subj', subject, '-out', request],
    ]);
    const identifiers = more.withKeyIdentifiers ?? true;
    const lines = [
      `basicConstraints=critical,CA:${authority ? 'TRUE' : 'FALSE'}`,
      identifiers ? 'subjectKeyIdentifier=hash' : 'subjectKeyIdentifier=none',
      identifiers ? 'authorityKeyIdentifier=keyid' : 'authorityKeyIdentifier=none',
      ...(names.length === 0 ? [] : [`subjectAltName=${names.join(',')}`]),
    ];
    await Promise.all([writeFile(database, ''), writeFile(extensions, `${lines.join('\n')}\n`)]);
    await must('openssl', [
      ...[
        'ca',
        '-batch',
        '-notext',
        '-preserveDN',
        '-config',
        config,
        '-in',
        request,
        '-out',
        certificateFile,
      ],
      ...['-extfile', extensions, '-startdate', openssl(fromDay), '-enddate', openssl(untilDay)],
      ...(signer === null
        ? ['-selfsign', '-keyfile', keyFile]
        : ['-cert', signer.certificateFile, '-keyfile', signer.keyFile]),
    ]);
    const [cert, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
    return { certificateFile, keyFile, cert, key };
  };
}

const DAY_MS = 24 * 3600 * 1000;

/** `20261121100000Z`. */
function openssl(days: number): string {
  return `${new Date(Date.now() + days * DAY_MS).toISOString().replace(/\D/g, '').slice(0, 14)}Z`;
}
