import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { timeLimit } from '../../lab/time-limit.js';
import { callControl, type Reply } from '../../src/control-socket/client.js';
import { serveControl } from '../../src/control-socket/server.js';
import { leaveSocket } from '../support/left-socket.js';

type Controlled = Parameters<typeof serveControl>[1];

let directory: string;
let file: string;
let serving: AsyncDisposable[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvscare-control-'));
  await mkdir(join(directory, 'sub'));
  file = join(directory, 'sub', 'vs.sock');
  serving = [];
});
afterEach(async () => {
  for (const one of serving) await one[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

class Fake implements Controlled {
  readonly drains: string[] = [];
  asked = 0;

  status(): Promise<unknown> {
    this.asked += 1;
    return Promise.resolve({ asked: this.asked });
  }

  setDrained(server: string, drained: boolean): ReturnType<Controlled['setDrained']> {
    if (server === 'broken') return Promise.reject(new Error('it broke'));
    if (server === 'unknown') return Promise.resolve({ kind: 'unknown', known: ['a', 'b'] });
    this.drains.push(`${server} ${String(drained)}`);
    return Promise.resolve({ kind: 'done', outcome: { server } });
  }
}

async function serve(controlled: Controlled = new Fake(), at = file): Promise<void> {
  serving.push(await serveControl(at, controlled));
}

function ask(method: 'GET' | 'PUT' | 'DELETE', path: string, timeoutMs = timeLimit(20_000)): Promise<Reply> {
  return callControl(file, { method, path, timeoutMs });
}

async function open(): Promise<Socket> {
  const socket = connect(file);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Resolves when it has ended, however. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.resume().once('close', () => {
      resolve();
    });
  });
}

/** All that a connection says to some text, until it ends. */
async function say(text: string): Promise<string> {
  const socket = await open();
  socket.setEncoding('utf8').write(text);
  let heard = '';
  socket.on('data', (chunk: string) => (heard += chunk));
  await closed(socket);
  return heard;
}

describe('the control socket', () => {
  it('answers, and takes who is drained', async () => {
    const fake = new Fake();
    await serve(fake);
    assert.deepEqual(await ask('GET', '/status'), { kind: 'answered', status: 200, body: { asked: 1 } });
    const server = '[fd00::1]:6443';
    for (const method of ['PUT', 'DELETE'] as const) {
      const reply = await ask(method, `/drains/${encodeURIComponent(server)}`);
      assert.deepEqual(reply, { kind: 'answered', status: 200, body: { server } });
    }
    assert.deepEqual(fake.drains, [`${server} true`, `${server} false`]);
    assert.deepEqual(await ask('PUT', '/drains/unknown'), {
      kind: 'answered',
      status: 404,
      body: { error: 'there is no such real server', known: ['a', 'b'] },
    });
    assert.deepEqual(await ask('PUT', '/drains/broken'), {
      kind: 'answered',
      status: 500,
      body: { error: 'it broke' },
    });
  });

  it('refuses what it does not know', async () => {
    const fake = new Fake();
    await serve(fake);
    const cases = [
      ['GET', '/', 404],
      ['PUT', '/status', 405],
      ['GET', '/drains/a', 405],
      ['PUT', '/drains/', 404],
      ['PUT', '/drains/a/b', 404],
      ['PUT', '/drains/%ff', 400],
    ] as const;
    for (const [method, path, status] of cases) {
      const reply = await ask(method, path);
      assert.equal(reply.kind === 'answered' && reply.status, status, path);
    }
    assert.deepEqual([fake.asked, fake.drains], [0, []]);
  });

  it('is for its own user alone, and gone at the end', async () => {
    await serve();
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(directory, 'sub')), ['vs.sock']);
    await serving.pop()?.[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(join(directory, 'sub')), []);
    assert.deepEqual(await ask('GET', '/status'), { kind: 'nobody' });
  });

  it('takes the place of a file that nobody listens on', async () => {
    leaveSocket(file);
    assert.deepEqual(await ask('GET', '/status'), { kind: 'nobody' });
    await serve();
    assert.equal((await ask('GET', '/status')).kind, 'answered');
  });

  it('leaves a file alone that somebody listens on, and one that has taken its place', async () => {
    await serve();
    await assert.rejects(serveControl(file, new Fake()), {
      message: `${file} is in use: another process listens there`,
    });
    assert.equal((await ask('GET', '/status')).kind, 'answered');
    await rm(file);
    const other = new Fake();
    await serve(other);
    await serving.shift()?.[Symbol.asyncDispose]();
    assert.equal((await ask('GET', '/status')).kind, 'answered');
    assert.equal(other.asked, 1);
  });

  it('says why there can be none', async () => {
    const long = join(directory, 'x'.repeat(107));
    await assert.rejects(serveControl(long, new Fake()), {
      message: `${long} is too long for a socket: 107 bytes are the limit`,
    });
    assert.deepEqual(await readdir(directory), ['sub']);
    await rm(join(directory, 'sub'), { recursive: true });
    await assert.rejects(serveControl(file, new Fake()), { code: 'ENOENT' });
    await writeFile(join(directory, 'sub'), 'no directory');
    await assert.rejects(serveControl(file, new Fake()), { code: 'ENOTDIR' });
    await rm(join(directory, 'sub'));
    await mkdir(file, { recursive: true });
    await assert.rejects(serveControl(file, new Fake()), { message: `${file} exists, and is not a socket` });
    assert.deepEqual(await readdir(join(directory, 'sub')), ['vs.sock'], 'nothing else is left');
  });

  it('makes one answer for many who ask at once, and a new one after a change', async () => {
    const fake = new Fake();
    await serve(fake);
    const replies = await Promise.all(Array.from({ length: 8 }, () => ask('GET', '/status')));
    assert.ok(replies.every((reply) => reply.kind === 'answered' && reply.status === 200));
    assert.ok(fake.asked < 8, `asked ${fake.asked} times`);
    const before = fake.asked;
    await ask('PUT', '/drains/a');
    assert.deepEqual(await ask('GET', '/status'), {
      kind: 'answered',
      status: 200,
      body: { asked: before + 1 },
    });
  });

  it('ends connections that say nothing, are slow, or talk nonsense, and turns away the seventeenth', async () => {
    await serve();
    const idle = await Promise.all(Array.from({ length: 16 }, open));
    const ended = Promise.all(idle.map(closed));
    assert.equal(await say('GET /status HTTP/1.1\r\nHost: x\r\n\r\n'), '', 'no room');
    // Slow ones: a byte of a header now and then.
    const drip = setInterval(() => {
      for (const socket of idle) if (!socket.destroyed) socket.write('G');
    }, 100);
    try {
      await ended;
    } finally {
      clearInterval(drip);
    }
    assert.match(await say('GET /status HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 200 /);
    assert.equal(await say('\0\0\0\0 nonsense\r\n\r\n'), '');
    assert.equal(await say(`GET /status HTTP/1.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`), '');
  });

  it('reads no body', async () => {
    const fake = new Fake();
    await serve(fake);
    for (const framing of ['Content-Length: 1000000000', 'Transfer-Encoding: chunked'])
      assert.match(
        await say(`PUT /drains/a HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\nffff\r\n${'x'.repeat(1000)}`),
        /^HTTP\/1\.1 413 /,
      );
    assert.deepEqual(fake.drains, []);
    assert.equal((await ask('GET', '/status')).kind, 'answered');
  });

  it('ends while somebody is being answered', async () => {
    const fake = new Fake();
    fake.status = () => new Promise(() => undefined);
    await serve(fake);
    const waiting = ask('GET', '/status');
    const socket = await open();
    const ended = closed(socket);
    await serving.pop()?.[Symbol.asyncDispose]();
    await ended;
    assert.equal((await waiting).kind, 'failed');
  });
});

describe('who asks at the control socket', () => {
  it('is told that nobody is there', async () => {
    assert.deepEqual(await ask('GET', '/status'), { kind: 'nobody' });
  });

  it('is told when it is not permitted', async () => {
    await serve();
    await chmod(file, 0);
    // Root may do all, and so is somebody else for a while.
    const asRoot = process.geteuid?.() === 0;
    if (asRoot) process.seteuid?.(65_534);
    try {
      const reply = await ask('GET', '/status');
      assert.ok(reply.kind === 'failed' && reply.why.startsWith('not permitted'));
    } finally {
      if (asRoot) process.seteuid?.(0);
    }
  });

  for (const [what, answer, why] of [
    ['that makes no sense', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{"a', 'its answer makes no sense'],
    ['that breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a', 'aborted'],
    ['that is not HTTP', 'hello\r\n\r\n', /Parse Error/],
  ] as const)
    it(`is told of an answer ${what}`, async () => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(answer));
      });
      await once(server.listen(file), 'listening');
      try {
        const reply = await ask('GET', '/status');
        assert.ok(reply.kind === 'failed');
        if (typeof why === 'string') assert.equal(reply.why, why);
        else assert.match(reply.why, why);
      } finally {
        server.close();
      }
    });

  it('waits for an answer for so long, and no longer', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined));
    await once(server.listen(file), 'listening');
    try {
      assert.deepEqual(await ask('GET', '/status', 100), { kind: 'failed', why: 'no answer within 0.1 s' });
    } finally {
      server.close();
    }
  });
});
