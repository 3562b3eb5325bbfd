/** Certificates of every kind, good and bad: those that the lab has no use for, too. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from '../../lab/certificates.js';
import { makeCertificate, type CertificateRequest } from '../../lab/x509.js';

export type Issued = Certificate;

export interface Wanted extends Omit<CertificateRequest, 'fromMs' | 'untilMs'> {
  /** In days from now. Default from yesterday to tomorrow. */
  readonly fromDay?: number;
  readonly untilDay?: number;
}

const DAY_MS = 24 * 3600 * 1000;

/** Makes certificates, and files of them in a directory. */
export function issuer(directory: string): (wanted: Wanted) => Promise<Issued> {
  let made = 0;
  return async ({ fromDay = -1, untilDay = 1, ...request }) => {
    const nowMs = Date.now();
    const issued = makeCertificate({
      ...request,
      fromMs: nowMs + fromDay * DAY_MS,
      untilMs: nowMs + untilDay * DAY_MS,
    });
    made += 1;
    const base = join(directory, `issued-${made}`);
    const [certificateFile, keyFile] = [`${base}.crt`, `${base}.key`];
    await Promise.all([writeFile(certificateFile, issued.cert), writeFile(keyFile, issued.key)]);
    return { ...issued, certificateFile, keyFile };
  };
}
