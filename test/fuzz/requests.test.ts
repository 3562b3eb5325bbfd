import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import fc from 'fast-check';
import { timeLimit } from '../../lab/time-limit.js';
import { serveControl } from '../../src/control-socket/server.js';
import { createAccess } from '../../src/http/access.js';
import { plain } from '../../src/http/answer.js';
import { httpServer, LIMITS } from '../../src/http/http-server.js';
import { get, serve, type Served } from '../http/client.js';
import { anyBytes, anyText, fuzz, mutated } from './fuzz.js';

const REQUESTS = [
  'GET /status HTTP/1.1\r\nHost: a\r\n\r\n',
  'PUT /drains/10.0.0.1%3A6443?deadline=5&force= HTTP/1.1\r\nHost: a\r\n\r\n',
  'DELETE /drains/%ff HTTP/1.1\r\n\r\n',
  'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nAccept: text/plain;q=0.1\r\nAuthorization: Basic YTpi\r\n\r\n',
  'HEAD /readyz?vs=10.103.97.2:6443 HTTP/1.0\r\n\r\n',
  'GET http://127.0.0.1/ HTTP/1.1\r\nHost: [::1]:80\r\nConnection: keep-alive\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello',
  'GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
  'CONNECT a:80 HTTP/1.1\r\n\r\n',
];
const WORDS = [
  '\r\n',
  '\r\n\r\n',
  'Content-Length: -1\r\n',
  'Transfer-Encoding: x\r\n',
  'Host: \r\n',
  '%2e%2e/',
  '%00',
];
const requests = fc.oneof(
  mutated(REQUESTS, WORDS),
  anyBytes,
  anyText.map((text) => Buffer.from(text).toString('latin1')),
);

/** Sends the bytes and an end; resolves when the server has closed, which it must. Returns what it sent. */
async function send(to: NetConnectOpts, bytes: string): Promise<string> {
  const socket = connect(to);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.end(Buffer.from(bytes, 'latin1'));
  const late = setTimeout(() => socket.destroy(new Error('late')), timeLimit(2000));
  await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(late);
  assert.notEqual(socket.errored?.message, 'late', 'the server neither answered nor closed');
  return text;
}

/** What HTTP answers are, or nothing. */
function isHttp(text: string): void {
  assert.match(text, /^(HTTP\/1\.1 \d\d\d |$)/);
  assert.ok(!text.includes('500 Internal'), text.slice(0, 300));
  assert.ok(text.length < 1 << 20, `${text.length} bytes`);
}

describe('requests to the control socket', () => {
  let directory: string;
  let control: AsyncDisposable;
  let file: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-fuzz-'));
    file = join(directory, 's');
    control = await serveControl(file, {
      status: () => Promise.resolve({}),
      setDrained: (server, { deadlineMs }) =>
        Promise.resolve(
          Number.isNaN(deadlineMs) ? { kind: 'refused', why: server } : { kind: 'unknown', known: [] },
        ),
    });
  });
  after(async () => {
    await control[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  fuzz('are answered or end', requests, async (bytes) => {
    isHttp(await send({ path: file }, bytes));
    assert.equal((await get({ socketPath: file }, '/status')).status, 200);
  });
});

describe('requests to the HTTP endpoint', () => {
  let served: Served;
  const faults: string[] = [];
  before(async () => {
    const access = createAccess({
      hosts: new Set(['node']),
      webConfig: () => null,
      checkPassword: () => Promise.resolve('wrong'),
    });
    const routes = {
      '/healthz': () => plain(200, 'ok'),
      '/readyz': ({ query }: { readonly query: string }) =>
        plain(200, String(new URLSearchParams(query).get('vs')).slice(0, 9)),
    };
    const onFault = (path: string, error: Error): void => {
      faults.push(`${path}: ${error.message}`);
    };
    served = await serve(httpServer({ routes, limits: LIMITS, access, onFault }, null));
  });
  after(() => served[Symbol.asyncDispose]());

  fuzz('are answered or end', requests, async (bytes) => {
    isHttp(await send({ port: served.port, host: '127.0.0.1' }, bytes));
    assert.equal((await get(served, '/healthz')).status, 200);
    assert.deepEqual(faults, []);
  });
});
