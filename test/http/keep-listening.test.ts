import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { plain } from '../../src/http/answer.js';
import { keepListening } from '../../src/http/keep-listening.js';
import { httpServer, LIMITS } from '../../src/http/http-server.js';
import type { ListenAddress } from '../../src/values/listen-address.js';
import { FakeClock } from '../control-loop/fake-clock.js';
import { get, raw } from './client.js';
import { OPEN_ACCESS } from './open-access.js';

/** An endpoint that listens, or tries to, and what it said. */
class Listener implements AsyncDisposable {
  readonly said: string[] = [];
  readonly clock = new FakeClock();
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #hearers: (() => void)[] = [];

  constructor(address: ListenAddress) {
    this.#running = keepListening(
      {
        clock: this.clock,
        address,
        createServer: () =>
          httpServer(
            {
              routes: { '/healthz': () => plain(200, 'ok') },
              limits: LIMITS,
              access: OPEN_ACCESS,
              onFault: (path, error) => {
                this.#say(`fault in ${path}: ${error.message}`);
              },
            },
            null,
          ),
        onListening: () => {
          this.#say('listening');
        },
        onFailure: (error, retryInMs) => {
          const { code } = error as NodeJS.ErrnoException;
          this.#say(`${code ?? error.message}, again in ${retryInMs}`);
        },
      },
      this.#ending.signal,
    );
  }

  /** Until it has said so much. */
  async until(count: number): Promise<void> {
    while (this.said.length < count)
      await new Promise<void>((resolve) => {
        this.#hearers.push(resolve);
      });
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  #say(text: string): void {
    this.said.push(text);
    const hearers = this.#hearers;
    this.#hearers = [];
    for (const hear of hearers) hear();
  }
}

async function listening(server: Server, ...where: [string] | [number, string]): Promise<Server> {
  if (typeof where[0] === 'string') server.listen(where[0]);
  else server.listen(where[0], where[1]);
  await once(server, 'listening');
  return server;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

function tcp(port: number, address = '127.0.0.1'): ListenAddress {
  return { kind: 'tcp', address, port, text: `${address}:${port}`, wasEmpty: false };
}

/** A port that nobody has, as far as one can know. */
async function freePort(): Promise<number> {
  const server = await listening(createServer(), 0, '127.0.0.1');
  const { port } = server.address() as AddressInfo;
  await closed(server);
  return port;
}

describe('the endpoint by TCP', () => {
  it('retries a port that another process uses, less and less often, and listens when it is free', async () => {
    const holder = await listening(createServer(), 0, '127.0.0.1');
    const { port } = holder.address() as AddressInfo;
    await using listener = new Listener(tcp(port));
    for (const [count, waitMs] of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
      await listener.until(count + 1);
      assert.equal(listener.said.at(-1), `EADDRINUSE, again in ${waitMs}`);
      // It begins to wait once its server is closed.
      while (listener.clock.sleepers === 0) await new Promise((resolve) => setImmediate(resolve));
      await listener.clock.advance(waitMs);
    }
    await closed(holder);
    await listener.until(8);
    while (listener.clock.sleepers === 0 && listener.said.at(-1) !== 'listening')
      await new Promise((resolve) => setImmediate(resolve));
    await listener.clock.advance(30_000);
    await listener.until(9);
    assert.equal(listener.said.at(-1), 'listening');
    assert.equal((await get({ port }, '/healthz')).body, 'ok\n');
  });

  it('reports an address that the node does not have', async () => {
    await using listener = new Listener(tcp(9288, '192.0.2.1'));
    await listener.until(1);
    assert.deepEqual(listener.said, ['EADDRNOTAVAIL, again in 1000']);
  });

  it('listens on IPv6, and on every address', async () => {
    for (const [address, asked] of [
      ['::1', '::1'],
      ['::', '127.0.0.1'],
      ['::', '::1'],
      ['0.0.0.0', '127.0.0.1'],
    ] as const) {
      const port = await freePort();
      await using listener = new Listener(tcp(port, address));
      await listener.until(1);
      assert.deepEqual(listener.said, ['listening'], address);
      assert.equal((await get({ port, host: asked }, '/healthz')).status, 200, `${address} at ${asked}`);
    }
  });

  it('closes at once, with connections open, idle and in the middle of a request', async () => {
    const port = await freePort();
    const listener = new Listener(tcp(port));
    await listener.until(1);
    const idle = await raw(port);
    const halfway = await raw(port, 'GET /hea');
    const kept = await raw(port, 'GET /healthz HTTP/1.1\r\n\r\n');
    await once(kept.socket, 'data');
    await listener.end();
    await Promise.all([idle.ended, halfway.ended, kept.ended]);
    await assert.rejects(get({ port }, '/healthz'), { code: 'ECONNREFUSED' });
  });
});

describe('the endpoint by a Unix socket', () => {
  async function inDirectory(work: (path: string, address: ListenAddress) => Promise<void>): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'lvscare-'));
    const path = join(directory, 'metrics.sock');
    try {
      await work(path, { kind: 'unix', path, text: `unix:${path}` });
    } finally {
      await rm(directory, { recursive: true });
    }
  }

  it('is only for its owner, and removed at the end', () =>
    inDirectory(async (path, address) => {
      const listener = new Listener(address);
      await listener.until(1);
      assert.deepEqual(listener.said, ['listening']);
      const { mode } = await stat(path);
      assert.equal(mode & 0o777, 0o600);
      assert.equal((await get({ socketPath: path }, '/healthz')).body, 'ok\n');
      await listener.end();
      await assert.rejects(stat(path), { code: 'ENOENT' });
    }));

  it('reports a missing directory', () =>
    inDirectory(async (path) => {
      const elsewhere = `${path}.d/metrics.sock`;
      await using listener = new Listener({ kind: 'unix', path: elsewhere, text: `unix:${elsewhere}` });
      await listener.until(1);
      assert.deepEqual(listener.said, ['ENOENT, again in 1000']);
    }));
});
