import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Answer } from './answer.js';

/** What fits into a packet or two is not worth it. */
const FEWEST_BYTES = 4096;
/** The quickest: nine tenths are saved by that already, of metrics and of pages. */
const LEVEL = 1;

const compress = promisify(gzip);

/** Whether an Accept-Encoding header asks for gzip. */
export function takesGzip(acceptEncoding: string): boolean {
  const qualities = new Map(
    acceptEncoding.split(',').map((part) => {
      const [coding = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const quality = parameters.find((text) => text.startsWith('q='))?.slice(2) ?? '1';
      return [coding, Number(quality) || 0] as const;
    }),
  );
  return (qualities.get('gzip') ?? qualities.get('*') ?? 0) > 0;
}

/**
 * Answers in gzip. Each body is compressed once, on a thread of the pool, one after another, however many ask; it is kept
 * for as long as the body itself is.
 */
export function compressor(): (answer: Answer) => Promise<Answer> {
  const known = new WeakMap<Buffer, Promise<Buffer>>();
  let last: Promise<unknown> = Promise.resolve();
  return async (answer) => {
    const { body } = answer;
    if (typeof body === 'string' || body.byteLength < FEWEST_BYTES) return answer;
    let compressing = known.get(body);
    if (compressing === undefined) {
      compressing = last.then(() => compress(body, { level: LEVEL }));
      last = compressing.catch(() => undefined);
      known.set(body, compressing);
    }
    return { ...answer, body: await compressing, encoding: 'gzip' };
  };
}
