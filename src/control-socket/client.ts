import { request, type IncomingMessage } from 'node:http';

/** What comes of asking a running lvscare over its socket. */
export type Reply =
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown }
  /** There is no such socket, or nobody listens on it. */
  | { readonly kind: 'nobody' }
  /** Somebody may be there, and cannot be asked: why, in words. */
  | { readonly kind: 'failed'; readonly why: string };

interface Call {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** `/status` */
  readonly path: string;
  /** All that it may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** More than a thousand real servers have to tell. */
const LONGEST_ANSWER = 64 * 1024 * 1024;

/** Asks whoever listens on a file. Never rejects. */
export async function callControl(file: string, { method, path, timeoutMs }: Call): Promise<Reply> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { status, text } = await exchange(file, method, path, signal);
    return { kind: 'answered', status, body: JSON.parse(text) as unknown };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // ENOENT: no file. ECONNREFUSED: nobody listens, or it is no socket.
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return { kind: 'nobody' };
    if (signal.aborted) return { kind: 'failed', why: `no answer within ${timeoutMs / 1000} s` };
    if (code === 'EACCES' || code === 'EPERM')
      return { kind: 'failed', why: `not permitted, it takes the user that it runs as, root usually` };
    return { kind: 'failed', why: error instanceof SyntaxError ? 'its answer makes no sense' : message };
  }
}

function exchange(
  file: string,
  method: string,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: file, method, path, signal, agent: false }, (response) => {
      read(response).then((text) => {
        resolve({ status: response.statusCode ?? 0, text });
      }, reject);
    });
    asked.once('error', reject);
    asked.end();
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LONGEST_ANSWER) throw new Error('its answer has no end');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
