import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Answer } from './answer.js';

/** A smaller answer fits into a packet or two. */
const FEWEST_BYTES = 4096;
/** The fastest level: it already saves nine tenths of metrics and of pages. */
const LEVEL = 1;

const compress = promisify(gzip);

/** Whether an Accept-Encoding header asks for gzip. */
export function acceptsGzip(acceptEncoding: string): boolean {
  return acceptEncoding
    .toLowerCase()
    .replaceAll(/\s/g, '')
    .split(',')
    .some((coding) => /^gzip(;q=(?!0(\.0*)?$).*)?$/.test(coding));
}

/** Compresses answers by gzip, on a thread of the pool: each body once, however many requests get it. */
export function compressor(): (answer: Answer) => Promise<Answer> {
  const known = new WeakMap<Buffer, Promise<Buffer>>();
  return async (answer) => {
    const { body } = answer;
    if (typeof body === 'string' || body.byteLength < FEWEST_BYTES) return answer;
    let compressing = known.get(body);
    if (compressing === undefined) {
      compressing = compress(body, { level: LEVEL });
      known.set(body, compressing);
    }
    return { ...answer, body: await compressing, encoding: 'gzip' };
  };
}
