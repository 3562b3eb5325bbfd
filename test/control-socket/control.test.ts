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

  setDrained(
    server: string,
    { drained, force, deadlineMs }: Parameters<Controlled['setDrained']>[1],
  ): ReturnType<Controlled['setDrained']> {
    if (server === 'broken') return Promise.reject(new Error('it broke'));
    if (server === 'unknown') return Promise.resolve({ kind: 'unknown', known: ['a', 'b'] });
    if (server === 'last' && !force) return Promise.resolve({ kind: 'refused', why: 'it is the last one' });
    this.drains.push(`${server} ${String(drained)} ${deadlineMs}`);
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

describe('the control socket', () => {
  it('answers with the status, and drains servers', async () => {
    const fake = new Fake();
    await serve(fake);
    assert.deepEqual(await ask('GET', '/status'), { kind: 'answered', status: 200, body: { asked: 1 } });
    const server = '[fd00::1]:6443';
    for (const method of ['PUT', 'DELETE'] as const) {
      const reply = await ask(method, `/drains/${encodeURIComponent(server)}`);
      assert.deepEqual(reply, { kind: 'answered', status: 200, body: { server } });
    }
    assert.deepEqual(fake.drains, [`${server} true Infinity`, `${server} false Infinity`]);
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

  it('passes on what a drain is asked with, and why it is refused', async () => {
    const fake = new Fake();
    await serve(fake);
    assert.deepEqual(await ask('PUT', '/drains/last?deadline=5'), {
      kind: 'answered',
      status: 409,
      body: { error: 'it is the last one' },
    });
    assert.deepEqual(fake.drains, []);
    assert.equal((await ask('PUT', '/drains/last?deadline=5&force=')).kind, 'answered');
    assert.deepEqual(fake.drains, ['last true 5']);
  });

  it('refuses unknown paths and methods', async () => {
    const fake = new Fake();
    await serve(fake);
    const cases = [
      ['GET', '/', 404],
      ['PUT', '/status', 405],
      ['GET', '/drains/a', 405],
      ['PUT', '/drains/', 404],
      ['PUT', '/drains/a/b', 404],
      ['PUT', '/drains/%ff', 400],
      ['PUT', '/drains/a?deadline=soon', 400],
    ] as const;
    for (const [method, path, status] of cases) {
      const reply = await ask(method, path);
      assert.equal(reply.kind === 'answered' && reply.status, status, path);
    }
    assert.deepEqual([fake.asked, fake.drains], [0, []]);
  });

  it('is only for its own user, and removed at the end', async () => {
    await serve();
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(directory, 'sub')), ['vs.sock']);
    await serving.pop()?.[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(join(directory, 'sub')), []);
    assert.deepEqual(await ask('GET', '/status'), { kind: 'absent' });
  });

  it('replaces a file that no process listens on', async () => {
    leaveSocket(file);
    assert.deepEqual(await ask('GET', '/status'), { kind: 'absent' });
    await serve();
    assert.equal((await ask('GET', '/status')).kind, 'answered');
  });

  it('does not touch a file that a process listens on, nor one that replaced its own', async () => {
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

  it('reports why it cannot be created', async () => {
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

  it('closes while a client waits for an answer', async () => {
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

describe('a client of the control socket', () => {
  it('distinguishes that no process listens', async () => {
    assert.deepEqual(await ask('GET', '/status'), { kind: 'absent' });
  });

  it('reports that it is not permitted', async () => {
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
    [
      'that makes no sense',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{"a',
      'its answer is not valid JSON',
    ],
    ['that breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a', 'aborted'],
    ['that is not HTTP', 'hello\r\n\r\n', /Parse Error/],
  ] as const)
    it(`reports an answer ${what}`, async () => {
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

  it('waits for an answer until its time limit', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined));
    await once(server.listen(file), 'listening');
    try {
      assert.deepEqual(await ask('GET', '/status', 100), { kind: 'late', why: 'no answer within 0.1 s' });
    } finally {
      server.close();
    }
  });
});
