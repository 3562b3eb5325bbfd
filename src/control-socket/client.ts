import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/** The result of a request to a running lvscare over its socket. */
export type Reply =
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown }
  /** There is no such socket, or no process listens on it. */
  | { readonly kind: 'absent' }
  /** A process may listen, but the request failed: why, in words. */
  | { readonly kind: 'failed'; readonly why: string }
  /** No answer came in time. */
  | { readonly kind: 'late'; readonly why: string };

interface Call {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** `/status` */
  readonly path: string;
  /** For the whole request, in milliseconds. */
  readonly timeoutMs: number;
}

/** Sends a request to the process that listens on a file. Never rejects. */
export async function callControl(file: string, { method, path, timeoutMs }: Call): Promise<Reply> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const asked = request({ socketPath: file, method, path, signal, agent: false }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return {
      kind: 'answered',
      status: response.statusCode ?? 0,
      body: JSON.parse(await text(response)) as unknown,
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // ENOENT: no file. ECONNREFUSED: no process listens, or it is no socket.
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return { kind: 'absent' };
    if (signal.aborted) return { kind: 'late', why: `no answer within ${timeoutMs / 1000} s` };
    if (code === 'EACCES' || code === 'EPERM')
      return { kind: 'failed', why: 'not permitted: run this as the user of the daemon, usually root' };
    return { kind: 'failed', why: error instanceof SyntaxError ? 'its answer is not valid JSON' : message };
  }
}
