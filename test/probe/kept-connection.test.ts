import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type http from 'node:http';
import { createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { Certificates } from '../../lab/certificates.js';
import { timeLimit } from '../../lab/time-limit.js';
import type { ProbeManner, InconclusiveProbe, KeptConnection } from '../../src/control-loop/ports.js';
import type { Endpoint } from '../../src/values/endpoint.js';
import type { Evidence } from '../../src/values/evidence.js';
import { createProber } from '../../src/probe/prober.js';
import type { ProbeRequest } from '../../src/probe/request.js';
import { LONG_MS, probeRequest } from './request.js';
import { answering, raw, silent, web } from './servers.js';

const REGULAR: ProbeManner = { fresh: false, hedged: true };
const FRESH: ProbeManner = { fresh: true, hedged: true };
const ALONE = { fresh: true, hedged: false };

let certificates: Certificates;
let pair: { readonly cert: Buffer; readonly key: Buffer };
let secureContext: tls.SecureContext;

before(async () => {
  certificates = await Certificates.create();
  const names = { name: 'apiserver', alternativeNames: ['IP:127.0.0.1', 'DNS:kubernetes'] };
  const made = await certificates.create('good', names);
  pair = { cert: readFileSync(made.certificateFile), key: readFileSync(made.keyFile) };
  secureContext = tls.createSecureContext({ ca: certificates.authority.cert });
});
after(() => certificates.close());

interface Keeping extends Disposable {
  readonly connection: KeptConnection;
  /** What the loss of each kept connection proved. */
  readonly losses: (Evidence | null)[];
  /** Resolves with the next loss. */
  nextLoss(): Promise<Evidence | null>;
  guarded: number;
}

function keeping(
  server: Endpoint,
  request: Partial<ProbeRequest> = {},
  token: string | null = null,
  reading: Promise<unknown> = Promise.resolve(),
): Keeping {
  const losses: (Evidence | null)[] = [];
  const heard: ((evidence: Evidence | null) => void)[] = [];
  const prober = createProber(probeRequest(request), {
    credentials: {
      withToken: token !== null,
      current: () => reading.then(() => ({ secureContext, token })),
    },
    guard: () => (result.guarded += 1),
  });
  const connection = prober.keepConnection(server, (evidence) => {
    losses.push(evidence);
    heard.shift()?.(evidence);
  });
  const result: Keeping = {
    connection,
    losses,
    guarded: 0,
    nextLoss: () => new Promise((resolve) => heard.push(resolve)),
    [Symbol.dispose]: () => {
      connection.close();
    },
  };
  return result;
}

async function probe(
  { connection }: Keeping,
  manner = REGULAR,
  signal = new AbortController().signal,
): Promise<(Evidence | InconclusiveProbe)[]> {
  const outcomes: (Evidence | InconclusiveProbe)[] = [];
  for await (const outcome of connection.probe(manner, signal)) outcomes.push(outcome);
  return outcomes;
}

const OK = [{ kind: 'ok', detail: 'status 200' }];

/** A healthy server, and the connections that it has seen. */
async function healthy(
  listener: http.RequestListener = answering(200),
): Promise<{ readonly endpoint: Endpoint; readonly connections: Socket[] } & AsyncDisposable> {
  const connections: Socket[] = [];
  const server = await web(pair, (request, response) => {
    const { socket } = request;
    if (!connections.includes(socket)) connections.push(socket);
    listener(request, response);
  });
  return {
    endpoint: server.endpoint,
    connections,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('the kept connection', () => {
  it('is used by each probe, until one asks for a fresh connection', async () => {
    await using server = await healthy();
    using kept = keeping(server.endpoint);
    for (let count = 0; count < 5; count += 1) assert.deepEqual(await probe(kept), OK);
    assert.equal(server.connections.length, 1);
    assert.deepEqual(await probe(kept, FRESH), OK);
    assert.equal(server.connections.length, 2);
    assert.deepEqual(await probe(kept), OK);
    assert.equal(server.connections.length, 2, 'the fresh one is kept from then on');
    assert.deepEqual(kept.losses, [], 'that lvscare ended the old one is no loss');
    assert.equal(kept.guarded, 2, 'the kernel guards each');
  });

  it('is ended by a reset when it is closed', async () => {
    await using server = await healthy();
    const kept = keeping(server.endpoint);
    await probe(kept);
    const [connection] = server.connections;
    assert.ok(connection);
    const reset = new Promise<NodeJS.ErrnoException>((resolve) => connection.once('error', resolve));
    kept.connection.close();
    assert.equal((await reset).code, 'ECONNRESET');
    assert.deepEqual(kept.losses, []);
  });

  it('reports at once that the server closed it, which proves nothing', async () => {
    await using server = await healthy();
    using kept = keeping(server.endpoint);
    await probe(kept);
    const lost = kept.nextLoss();
    server.connections[0]?.end();
    assert.equal(await lost, null);
    assert.deepEqual(await probe(kept), OK);
    assert.equal(server.connections.length, 2);
    assert.equal(kept.losses.length, 1);
  });

  it('reports at once that the server reset it, which proves nothing either', async () => {
    await using server = await healthy();
    using kept = keeping(server.endpoint, {});
    await probe(kept);
    const lost = kept.nextLoss();
    server.connections[0]?.destroy();
    assert.equal(await lost, null);
    assert.deepEqual(await probe(kept), OK);
  });

  it('is replaced without a report when the server closes it in answer to a request', async () => {
    let requests = 0;
    await using server = await healthy((request, response) => {
      requests += 1;
      if (requests === 2) request.socket.destroy();
      else response.end('ok');
    });
    using kept = keeping(server.endpoint);
    await probe(kept);
    assert.deepEqual(await probe(kept), OK, 'asked again over a fresh connection');
    assert.equal(requests, 3);
    assert.equal(server.connections.length, 2);
    assert.deepEqual(kept.losses, []);
  });

  it('is broken when the server closes it in the middle of an answer', async () => {
    let requests = 0;
    await using server = await healthy((_request, response) => {
      requests += 1;
      if (requests === 1) response.end('ok');
      else response.writeHead(200, { 'content-length': 10 }).write('half', () => response.socket?.destroy());
    });
    using kept = keeping(server.endpoint);
    await probe(kept);
    const [outcome, ...more] = await probe(kept);
    assert.equal(outcome?.kind, 'broken');
    assert.deepEqual(more, []);
  });

  it('is not kept when the server says that it closes it, or when the answer is too long to be read', async () => {
    await using closing = await healthy((_request, response) => {
      response.setHeader('connection', 'close').end('ok');
    });
    await using long = await healthy((_request, response) => {
      response.end(Buffer.alloc(1024 * 1024, 'x'));
    });
    for (const server of [closing, long]) {
      using kept = keeping(server.endpoint);
      for (let count = 0; count < 3; count += 1) assert.deepEqual(await probe(kept), OK);
      assert.equal(server.connections.length, 3);
      assert.deepEqual(kept.losses, []);
    }
  });

  it('is kept while a server answers with a status that is not accepted', async () => {
    await using server = await healthy(answering(500));
    using kept = keeping(server.endpoint);
    for (let count = 0; count < 3; count += 1)
      assert.deepEqual(await probe(kept), [{ kind: 'status', status: 500, detail: 'status 500' }]);
    assert.equal(server.connections.length, 1);
  });

  it('sends the token', async () => {
    let shown: string | undefined;
    await using server = await healthy((request, response) => {
      shown = request.headers.authorization;
      response.end();
    });
    using kept = keeping(server.endpoint, {}, 'secret');
    await probe(kept);
    assert.equal(shown, 'Bearer secret');
  });

  it('uses another port and another server name if they are given', async () => {
    let named: string | boolean | undefined;
    await using server = await healthy((request, response) => {
      named = (request.socket as Socket & { servername?: string | false }).servername;
      response.end();
    });
    const { port } = server.endpoint;
    const elsewhere = { ...server.endpoint, port: 1, text: '127.0.0.1:1' };
    using kept = keeping(elsewhere, { port, tls: { verify: true, serverName: 'kubernetes' } });
    assert.deepEqual(await probe(kept), OK);
    assert.equal(named, 'kubernetes');
    using wrong = keeping(elsewhere, { port, tls: { verify: true, serverName: 'elsewhere' } });
    const [outcome] = await probe(wrong, ALONE);
    assert.equal(outcome?.kind, 'tls');
    assert.match(outcome.detail, /certificate is not for elsewhere: it is for .*kubernetes/);
  });
});

describe('a refusal', () => {
  it('is conclusive after the loss of the kept connection, until the server answers again', async () => {
    const server = await healthy();
    using kept = keeping(server.endpoint);
    await probe(kept);
    const lost = kept.nextLoss();
    await server[Symbol.asyncDispose]();
    assert.equal(await lost, null);
    const outcomes = await probe(kept);
    assert.deepEqual(
      outcomes.map((outcome) => ({ ...outcome, detail: '' })),
      [{ kind: 'refused', detail: '', conclusive: true }],
    );
    assert.match(outcomes[0]?.detail ?? '', /^connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
  });

  for (const scheme of ['https', 'http'] as const)
    it(`is waited for while an ending process has not closed its port, by ${scheme}`, async () => {
      const server = await web(scheme === 'https' ? pair : null, answering(200));
      const { port } = server.endpoint;
      using kept = keeping(server.endpoint, { scheme });
      await probe(kept);
      const lost = kept.nextLoss();
      // Nobody waits for what is idle, so that the process would end here.
      const waiting = setTimeout(() => undefined, LONG_MS);
      await server[Symbol.asyncDispose]();
      await lost;
      clearTimeout(waiting);
      // What is left of it: it accepts one more, and then closes both.
      const dying = createServer((socket) => {
        dying.close();
        socket.resetAndDestroy();
      });
      await new Promise<void>((resolve) => dying.listen(port, '127.0.0.1', resolve));
      const outcomes = await probe(kept);
      assert.deepEqual(
        outcomes.map(({ kind }) => kind),
        ['refused'],
      );
      assert.ok('conclusive' in (outcomes[0] ?? {}));
    });

  it('is not conclusive without the loss of a kept connection', async () => {
    await using closed = await healthy();
    const { endpoint } = closed;
    await closed[Symbol.asyncDispose]();
    using kept = keeping(endpoint);
    const [outcome] = await probe(kept);
    assert.equal(outcome?.kind, 'refused');
    assert.ok(!('conclusive' in outcome));
  });
});

describe('a late answer', () => {
  /** A server that does not answer the first `unanswered` requests, each on a connection of its own. */
  function sluggish(unanswered: number): http.RequestListener {
    let requests = 0;
    return (_request, response) => {
      requests += 1;
      if (requests > unanswered) response.end('ok');
    };
  }

  for (const times of [1, 2]) {
    it(`is asked for again over further connections after ${times} without an answer, and any of them counts`, async () => {
      await using server = await healthy(sluggish(times));
      // The last of them is asked for at two thirds, and has a third of this to be believed in time.
      using kept = keeping(server.endpoint, { timeoutMs: timeLimit(1500) });
      assert.deepEqual(await probe(kept), OK);
      assert.equal(server.connections.length, times + 1);
    });
  }

  it('is asked for again after another server was probed, which makes a silence witnessed', async () => {
    for (const heard of [true, false]) {
      await using server = await silent();
      // The first one is late at a third of the time, and is given up a little later.
      const connectTimeoutMs = timeLimit(400);
      using kept = keeping(server.endpoint, { connectTimeoutMs, timeoutMs: timeLimit(900) });
      const outcomes = await probe(kept, { ...FRESH, askWitness: () => Promise.resolve(heard) });
      const plain = { kind: 'silent', detail: `no answer to connect in ${connectTimeoutMs} ms` };
      assert.deepEqual(outcomes, [plain, heard ? { ...plain, witnessed: true } : plain]);
    }
  });

  it('is not asked for again if it comes while another server is probed', async () => {
    let answer = (): void => undefined;
    await using server = await healthy((_request, response) => {
      answer = () => {
        response.end('ok');
      };
    });
    using kept = keeping(server.endpoint, { timeoutMs: timeLimit(1500) });
    let go = (): void => undefined;
    const hearing = new Promise<boolean>((resolve) => {
      go = () => {
        resolve(true);
      };
    });
    const hearAnother = (): Promise<boolean> => {
      answer();
      return hearing;
    };
    assert.deepEqual(await probe(kept, { ...REGULAR, askWitness: hearAnother }), OK);
    go();
    await hearing;
    assert.deepEqual(await probe(kept, { ...REGULAR, askWitness: hearAnother }), OK);
    assert.equal(server.connections.length, 1);
  });

  it('is slow for each connection if it comes over none', async () => {
    await using server = await healthy(() => undefined);
    // A third of it, after which the next one is asked, is to be longer than a turn of a busy machine's event loop takes.
    using kept = keeping(server.endpoint, { timeoutMs: timeLimit(900) });
    const outcomes = await probe(kept);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['slow', 'slow', 'slow'],
    );
  });

  it('is one failure if it is not accepted, and no loss', async () => {
    let requests = 0;
    await using server = await healthy((_request, response) => {
      requests += 1;
      if (requests === 1) response.end('ok');
      // The kept connection hangs; the next one says what is wrong.
      else if (requests > 2) response.writeHead(500).end();
    });
    using kept = keeping(server.endpoint, { timeoutMs: timeLimit(600) });
    await probe(kept);
    assert.deepEqual(
      (await probe(kept)).map(({ kind }) => kind),
      ['status', 'slow'],
    );
    assert.equal(requests, 3);
    assert.deepEqual(kept.losses, []);
  });

  it('is not asked for again if the probe is not hedged', async () => {
    await using server = await healthy(() => undefined);
    using kept = keeping(server.endpoint, { timeoutMs: 150 });
    assert.equal((await probe(kept, ALONE)).length, 1);
    assert.equal(server.connections.length, 1);
  });

  it('leaves no request behind when the probe is stopped', async () => {
    await using server = await healthy(() => undefined);
    using kept = keeping(server.endpoint, { timeoutMs: LONG_MS });
    const stop = new AbortController();
    const found = probe(kept, REGULAR, stop.signal);
    while (server.connections.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [connection] = server.connections;
    assert.ok(connection);
    const closed = new Promise((resolve) => connection.on('error', () => undefined).once('close', resolve));
    stop.abort();
    assert.deepEqual(await found, []);
    await closed;
  });
});

describe('a starved process', () => {
  it('does not count answers as late that it had no time to notice', async () => {
    // It takes several turns: a handshake, and then the answer.
    await using server = await healthy();
    using kept = keeping(server.endpoint, { timeoutMs: 400, connectTimeoutMs: 400 });
    const found = probe(kept, ALONE);
    const cell = new Int32Array(new SharedArrayBuffer(4));
    // Most of the time limit is gone each time that we come to look, four times over.
    for (let count = 0; count < 4; count += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      Atomics.wait(cell, 0, 0, 350);
    }
    assert.deepEqual(await found, OK);
  });
});

/** So many times the event loop has looked at every socket. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('a disk that is slow', () => {
  for (const [scheme, kind] of [
    ['https', 'tls'],
    ['http', 'broken'],
  ] as const)
    it(`does not hide that the server went away meanwhile, by ${scheme}`, async () => {
      let gone: () => void = () => undefined;
      const reading = new Promise<void>((resolve) => (gone = resolve));
      await using server = await raw((socket) => {
        // Once the prober, in this very loop, knows that it is connected, and that it no longer is.
        void turns(3)
          .then(() => {
            socket.resetAndDestroy();
            return turns(3);
          })
          .then(gone);
      });
      using kept = keeping(server.endpoint, { scheme }, null, reading);
      assert.deepEqual(await probe(kept, ALONE), [{ kind, detail: 'read ECONNRESET' }]);
      assert.equal(kept.guarded, 0);
    });

  it('is void: the credentials of lvscare could not be read', async () => {
    await using server = await healthy();
    using kept = keeping(server.endpoint, { timeoutMs: 150 }, null, new Promise(() => undefined));
    assert.deepEqual(await probe(kept, ALONE), [
      { kind: 'inconclusive', detail: 'the credentials of lvscare could not be read in time' },
    ]);
  });
});

describe('a server that does not answer', () => {
  it('after TCP connects, is slow in the handshake', async () => {
    await using server = await raw(() => undefined);
    using kept = keeping(server.endpoint, { timeoutMs: 150 });
    assert.deepEqual(
      (await probe(kept)).map(({ detail }) => detail),
      Array<string>(3).fill('no complete answer in 150 ms: the TLS handshake hangs'),
    );
  });
});
