import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { makeCertificate } from '../../lab/x509.js';
import type { Access, Caller } from '../../src/http/access.js';
import { plain, type Answer, type Routes } from '../../src/http/answer.js';
import { httpServer, LIMITS } from '../../src/http/http-server.js';
import { get, raw, serve, type Served } from './client.js';
import { OPEN_ACCESS } from './open-access.js';

/** Short, so that the tests are quick; the order between them is what matters. */
const QUICK = { ...LIMITS, requestMs: 400, keepAliveMs: 60_000, answerMs: 600, connections: 8 };

function start(
  routes: Routes = {},
  limits = QUICK,
  faults: string[] = [],
  access = OPEN_ACCESS,
): Promise<Served> {
  const all = { '/healthz': () => plain(200, 'ok'), ...routes };
  const onFault = (path: string, error: Error): void => {
    faults.push(`${path}: ${error.message}`);
  };
  return serve(httpServer({ routes: all, limits, access, onFault }, null));
}

describe('the HTTP server', () => {
  it('answers GET, and HEAD without a body, and forbids caches and frames', async () => {
    await using served = await start();
    const got = await get(served, '/healthz?verbose');
    assert.equal(got.status, 200);
    assert.equal(got.body, 'ok\n');
    assert.equal(got.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(got.headers['cache-control'], 'no-store');
    assert.equal(got.headers['x-content-type-options'], 'nosniff');
    assert.match(
      String(got.headers['content-security-policy']),
      /^default-src 'none'; frame-ancestors 'none'/,
    );
    const head = await get(served, '/healthz', { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.body, '');
    assert.equal(head.headers['content-length'], '3');
  });

  it('has no other path and no other method', async () => {
    await using served = await start();
    for (const path of ['/nowhere', '/constructor', '/__proto__', '//', '/healthz/', '*'])
      assert.equal((await get(served, path)).status, 404, path);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
      const got = await get(served, '/healthz', { method });
      assert.equal(got.status, 405, method);
      assert.equal(got.headers.allow, 'GET, HEAD');
      assert.equal(got.headers.connection, 'close');
    }
    assert.equal((await get(served, '/healthz')).status, 200);
  });

  it('gives what decides on a refusal the Host, the address and the password, and sends its answer and its headers', async () => {
    const callers: Caller[] = [];
    const access: Access = {
      headers: () => ({ 'x-frame-options': 'deny' }),
      refusal(caller) {
        callers.push(caller);
        return Promise.resolve({ ...plain(401, 'no'), headers: { 'www-authenticate': 'Basic' } });
      },
    };
    await using served = await start({}, QUICK, [], access);
    const headers = { host: 'elsewhere.example', authorization: 'Basic eDp5' };
    const got = await get(served, '/nowhere?x', { headers });
    assert.deepEqual(
      [got.status, got.body, got.headers['www-authenticate'], got.headers['x-frame-options']],
      [401, 'no\n', 'Basic', 'deny'],
    );
    assert.deepEqual(callers, [{ ...headers, path: '/nowhere', address: '127.0.0.1', certificate: null }]);
  });

  it('accepts a request without a Host', async () => {
    await using served = await start();
    const { ended } = await raw(served.port, 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n');
    assert.match(await ended, /^HTTP\/1\.1 200 OK\r\n/);
    const old = await raw(served.port, 'GET /healthz HTTP/1.0\r\n\r\n');
    assert.match(await old.ended, /^HTTP\/1\.1 200 OK\r\n/);
  });

  it('refuses a body without waiting for it', async () => {
    await using served = await start();
    for (const header of ['Content-Length: 1000000000', 'Transfer-Encoding: chunked']) {
      const { ended } = await raw(served.port, `GET /healthz HTTP/1.1\r\n${header}\r\n\r\n`);
      assert.match(await ended, /^HTTP\/1\.1 413 /, header);
    }
  });

  it('refuses a request that is not HTTP, and headers that are too long', async () => {
    await using served = await start();
    const header = await raw(served.port, `GET /healthz HTTP/1.1\r\nX: ${'x'.repeat(9000)}\r\n\r\n`);
    assert.match(await header.ended, /^HTTP\/1\.1 431 /);
    const handshake = await raw(served.port, '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03');
    assert.match(await handshake.ended, /^HTTP\/1\.1 400 /);
  });

  it('ends a connection whose request does not come', async () => {
    await using served = await start();
    for (const bytes of ['', 'GET /healthz HTTP/1.1\r\nX-Slow: ']) {
      const { ended } = await raw(served.port, bytes);
      // That it ends at all is what is tested: the test's own time limit is what it would run into.
      assert.match(await ended, /^(HTTP\/1\.1 408 |$)/, JSON.stringify(bytes));
    }
  });

  it('ends a connection that does not take its answer', async () => {
    const big = 'x'.repeat(32 * 1024 * 1024);
    await using served = await start({ '/big': () => plain(200, big) }, LIMITS);
    const accepted = once(served.server, 'connection') as Promise<[Socket]>;
    const socket = connect(served.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET /big HTTP/1.1\r\n\r\n');
    const [theirs] = await accepted;
    // Nothing is read until the server has given up: then what is left of the answer never comes.
    await once(theirs, 'close');
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.resume();
    await once(socket, 'close');
    assert.ok(bytes < big.length, `${bytes} bytes came`);
  });

  it('answers a new client, however many others are connected and send nothing', async () => {
    await using served = await start({}, { ...QUICK, requestMs: 60_000 });
    const idle = await Promise.all(Array.from({ length: 100 }, () => raw(served.port, 'GET /hea')));
    for (let time = 0; time < 5; time += 1) assert.equal((await get(served, '/healthz')).status, 200);
    // All but the last ones were closed for others.
    await Promise.all(idle.slice(0, 92).map(({ ended }) => ended));
    for (const { socket } of idle) socket.destroy();
  });

  it('closes the connection whose last request is the oldest: a scraper keeps its connection', async () => {
    await using served = await start({}, { ...QUICK, requestMs: 60_000 });
    const scraper = await raw(served.port, 'GET /healthz HTTP/1.1\r\n\r\n');
    let answers = 0;
    const answered = async (): Promise<void> => {
      await once(scraper.socket, 'data');
      answers += 1;
    };
    await answered();
    for (let time = 0; time < 10; time += 1) {
      const others = await Promise.all(Array.from({ length: 5 }, () => raw(served.port)));
      scraper.socket.write('GET /healthz HTTP/1.1\r\n\r\n');
      await answered();
      for (const { socket } of others) socket.destroy();
    }
    assert.equal(answers, 11);
    scraper.socket.destroy();
  });

  it('closes connections of the address that has the most, not older ones of another address', async () => {
    await using served = await start({}, { ...QUICK, requestMs: 60_000 });
    const slow = await raw(served.port, 'GET /healthz HTTP/1.1\r\n', '127.0.0.2');
    const flood = await Promise.all(Array.from({ length: 100 }, () => raw(served.port)));
    await Promise.all(flood.slice(0, 90).map(({ ended }) => ended));
    slow.socket.write('Connection: close\r\n\r\n');
    assert.match(await slow.ended, /^HTTP\/1\.1 200 OK\r\n/);
    for (const { socket } of flood) socket.destroy();
  });

  it('lets few TLS handshakes run at once, and those of a flood do not end one of another address', async () => {
    const { cert, key } = makeCertificate({ subject: '/CN=a', signer: null, fromMs: 0, untilMs: 4e12 });
    const routes = { '/healthz': () => plain(200, 'ok') };
    const limits = { ...LIMITS, handshakes: 4 };
    const onFault = (): void => undefined;
    await using served = await serve(
      httpServer({ routes, limits, access: OPEN_ACCESS, onFault }, { cert, key }),
    );
    const slow = connect({ port: served.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    await once(slow, 'connect');
    const kept = connectTls({ port: served.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(kept, 'secureConnect');
    const flood = await Promise.all(Array.from({ length: 50 }, () => raw(served.port)));
    await Promise.all(flood.slice(0, 46).map(({ ended }) => ended));
    // What has ended its handshake does not count, and the oldest handshake is of another address.
    for (const secure of [kept, connectTls({ socket: slow, rejectUnauthorized: false })]) {
      secure.setEncoding('utf8').write('GET /healthz HTTP/1.1\r\n\r\n');
      assert.match(String((await once(secure, 'data'))[0]), /^HTTP\/1\.1 200 OK\r\n/);
      secure.destroy();
    }
    for (const { socket } of flood) socket.destroy();
  });

  it('answers one request of a connection at a time: a client that sends more and reads nothing is disconnected', async () => {
    let asked = 0;
    const never = (): Promise<never> => {
      asked += 1;
      return new Promise(() => undefined);
    };
    await using served = await start({ '/asked': never }, { ...QUICK, answerMs: 60_000 });
    const { ended } = await raw(served.port, 'GET /asked HTTP/1.1\r\n\r\n'.repeat(3000));
    assert.equal(await ended, '');
    assert.equal(asked, 1);
    assert.equal((await get(served, '/healthz')).status, 200);
  });

  it('makes no second answer before the client has taken the first', async () => {
    let asked = 0;
    const big = Buffer.alloc(32 * 1024 * 1024);
    const route = (): Answer => {
      asked += 1;
      return { status: 200, type: 'text/plain', body: big };
    };
    await using served = await start({ '/big': route }, { ...QUICK, answerMs: 60_000 });
    const accepted = once(served.server, 'connection') as Promise<[Socket]>;
    const socket = connect(served.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET /big HTTP/1.1\r\n\r\n');
    const [theirs] = await accepted;
    await once(served.server, 'request');
    socket.write('GET /big HTTP/1.1\r\n\r\n');
    await once(theirs, 'close');
    assert.equal(asked, 1);
    socket.destroy();
  });

  it('answers one request after the other over a connection, each as soon as the one before is there', async () => {
    const big = 'x'.repeat(4 * 1024 * 1024);
    await using served = await start({ '/big': () => plain(200, big) });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let time = 0; time < 50; time += 1) {
      const [response] = (await once(
        request({ host: '127.0.0.1', port: served.port, path: '/big', agent }).end(),
        'response',
      )) as [IncomingMessage];
      ports.add(response.socket.localPort);
      let length = 0;
      for await (const chunk of response) length += (chunk as Buffer).length;
      assert.equal(length, big.length + 1);
    }
    assert.equal(ports.size, 1);
    agent.destroy();
  });

  it('answers 500 when a route fails, and goes on', async () => {
    const faults: string[] = [];
    await using served = await start(
      { '/broken': () => Promise.reject(new Error('out of ideas')) },
      QUICK,
      faults,
    );
    const got = await get(served, '/broken');
    assert.equal(got.status, 500);
    assert.equal(got.body, 'internal error: out of ideas\n');
    assert.deepEqual(faults, ['/broken: out of ideas']);
    assert.equal((await get(served, '/healthz')).status, 200);
  });
});
