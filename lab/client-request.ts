/** One HTTPS request over a connection of its own. */
import { request } from 'node:https';
import type { Whoami } from './apiserver-calls.js';
import type { RequestOptions, RequestResult } from './client-calls.js';
import { timeLimit } from './time-limit.js';

/** Ms since 1970, fractions included. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export function requestOnce(url: string, options: RequestOptions): Promise<RequestResult> {
  const { timeoutMs = 5000, silenceMs = timeLimit(timeoutMs), ca, serverName, headers = {} } = options;
  const atMs = nowMs();
  return new Promise((resolve) => {
    const fail = (code: string): void => {
      clearTimeout(impatient);
      resolve({ ok: false, code, atMs, latencyMs: nowMs() - atMs });
    };
    const asked = request(url, {
      agent: false,
      headers,
      ca,
      rejectUnauthorized: ca !== undefined,
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    const impatient = setTimeout(() => {
      fail('TIMEOUT');
      asked.destroy();
    }, silenceMs);
    asked.once('error', (error) => {
      fail(codeOf(error));
    });
    asked.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.once('error', (error) => {
        fail(codeOf(error));
      });
      response.once('end', () => {
        clearTimeout(impatient);
        const whoami = parseWhoami(body);
        const by = whoami?.name ?? null;
        const status = response.statusCode ?? 0;
        resolve({ ok: true, status, body, by, whoami, atMs, latencyMs: nowMs() - atMs });
      });
    });
    asked.end();
  });
}

export function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? error.message;
}

function parseWhoami(body: string): Whoami | null {
  if (!body.startsWith('{')) return null;
  const answer = JSON.parse(body) as Partial<Whoami>;
  return answer.remotePort === undefined ? null : (answer as Whoami);
}
