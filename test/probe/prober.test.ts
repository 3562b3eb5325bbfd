import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { EventEmitter, getEventListeners, once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type http from 'node:http';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { Certificates, type CertificateOptions } from '../../lab/certificates.js';
import { until } from '../../lab/until.js';
import type { InconclusiveProbe } from '../../src/control-loop/ports.js';
import type { Endpoint } from '../../src/values/endpoint.js';
import type { Evidence } from '../../src/values/evidence.js';
import { createProber } from '../../src/probe/prober.js';
import type { ProbeRequest } from '../../src/probe/request.js';
import { LONG_MS, probeRequest } from './request.js';
import { answering, closedPort, raw, rawAboveTls, silent, web, type Listening } from './servers.js';
import { connectionsOf } from './sockets.js';

const HOUR_MS = 3_600_000;
/** For what is to run out: the longest that a test waits. */
const SHORT_MS = 150;

interface Pair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A request, and how far its answerer is trusted. */
interface Asking extends Omit<ProbeRequest, 'tls'> {
  readonly tls: { readonly verify: boolean; readonly ca: string | null };
}

let certificates: Certificates;
let ca: string;
let good: Pair;

before(async () => {
  certificates = await Certificates.create();
  ca = readFileSync(certificates.authority.certificateFile, 'utf8');
  good = await credentials('good', { alternativeNames: ['IP:127.0.0.1', 'IP:::1'] });
});
after(() => certificates.close());

async function credentials(file: string, options: Omit<CertificateOptions, 'name'>): Promise<Pair> {
  const made = await certificates.create(file, { name: 'apiserver', ...options });
  return { cert: readFileSync(made.certificateFile), key: readFileSync(made.keyFile) };
}

/** One probe over a fresh connection, to its first piece of evidence. Nothing is kept. */
async function probe(
  server: Endpoint,
  asking: Partial<Asking> = {},
  signal = new AbortController().signal,
): Promise<Evidence | InconclusiveProbe> {
  const { verify, ca: trusted } = asking.tls ?? { verify: true, ca };
  const prober = createProber(probeRequest({ ...asking, tls: { verify, serverName: null } }), {
    credentials: {
      withToken: false,
      current: () =>
        Promise.resolve({
          secureContext: tls.createSecureContext(trusted === null ? {} : { ca: trusted }),
          token: null,
        }),
    },
    guard: () => undefined,
  });
  const connection = prober.keepConnection(server, () => undefined);
  try {
    for await (const outcome of connection.probe({ fresh: true, hedged: false }, signal)) return outcome;
    return STOPPED;
  } finally {
    connection.close();
  }
}

const STOPPED: InconclusiveProbe = { kind: 'inconclusive', detail: 'stopped' };

/** The kernel forgets a connection that was reset as soon as both sides heard of it; TIME_WAIT would last a minute. */
async function assertNothingLeft(server: Endpoint): Promise<void> {
  await until(async () => (await connectionsOf(server.port)).length === 0, {
    what: `no sockets of ${server.text} are left`,
  });
}

interface Case {
  readonly server: () => Promise<Listening>;
  readonly request?: Partial<Asking>;
  readonly kind: Evidence['kind'] | readonly Evidence['kind'][];
  readonly detail: RegExp;
}

/** What a server says by TCP alone, and then nothing more. */
const saying = (text: string) => (): Promise<Listening> => raw((socket) => socket.write(text));
/** The same above TLS. */
const sayingAboveTls = (text: string) => (): Promise<Listening> =>
  rawAboveTls(good, (socket) => socket.write(text));
/** The same, and goodbye. */
const endingAboveTls = (text: string) => (): Promise<Listening> =>
  rawAboveTls(good, (socket) => socket.end(text));

const HEADERS = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n';
const http200 = { scheme: 'http' } as const;
const hurried = { timeoutMs: SHORT_MS };

const cases: Readonly<Record<string, Case>> = {
  'status 200': {
    server: () => web(good, answering(200)),
    kind: 'ok',
    detail: /^status 200$/,
  },
  'status 200, by HTTP': {
    server: () => web(null, answering(200)),
    request: http200,
    kind: 'ok',
    detail: /^status 200$/,
  },
  'status 200, by IPv6': {
    server: () => web(good, answering(200), '::1'),
    kind: 'ok',
    detail: /^status 200$/,
  },
  'status 204, without a body': {
    server: () => web(good, answering(204, '')),
    kind: 'ok',
    detail: /^status 204$/,
  },
  'status 200, to HEAD': {
    server: () => web(good, answering(200, 'a body that HEAD does not get')),
    request: { method: 'HEAD' },
    kind: 'ok',
    detail: /^status 200$/,
  },
  'status 200, and the connection closed': {
    server: endingAboveTls('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok'),
    kind: 'ok',
    detail: /^status 200$/,
  },
  'status 200 of HTTP/1.0': {
    server: endingAboveTls('HTTP/1.0 200 OK\r\n\r\nok'),
    kind: 'ok',
    detail: /^status 200$/,
  },
  'status 200 after an interim one': {
    server: () =>
      rawAboveTls(good, (socket) =>
        socket.once('data', () =>
          socket.write('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
        ),
      ),
    kind: 'ok',
    detail: /^status 200$/,
  },
  'status 200 with a body that never ends': {
    server: () => web(good, endless),
    kind: 'ok',
    detail: /^status 200$/,
  },
  'status 500': {
    server: () => web(good, answering(500)),
    kind: 'status',
    detail: /^status 500$/,
  },
  'status 500, and which checks failed, one far down': {
    server: () =>
      web(
        good,
        answering(500, `[-]etcd failed: x\n${'[+]hook ok\n'.repeat(400)}[-]last failed: reason withheld\n`),
      ),
    kind: 'status',
    detail: /^status 500: etcd, last failed$/,
  },
  'status 500, with a body that never ends': {
    server: () =>
      web(good, (request, response) => {
        response.statusCode = 500;
        response.write('[-]etcd failed: reason withheld\n');
        endless(request, response);
      }),
    kind: 'status',
    detail: /^status 500: etcd failed$/,
  },
  'status 401': {
    server: () => web(good, answering(401)),
    kind: 'status',
    detail: /^status 401$/,
  },
  'status 429': {
    server: () => web(good, answering(429)),
    kind: 'status',
    detail: /^status 429$/,
  },
  'status 401, listed': {
    server: () => web(good, answering(401)),
    request: { acceptedStatuses: new Set([403, 401]) },
    kind: 'ok',
    detail: /^status 401$/,
  },

  'a closed port': {
    server: async () => ({ endpoint: await closedPort(), [Symbol.asyncDispose]: () => Promise.resolve() }),
    kind: 'refused',
    detail: /ECONNREFUSED/,
  },

  'plain HTTP where TLS is expected': {
    server: () => web(null, answering(200)),
    kind: 'tls',
    detail: /^wrong version number$/,
  },
  'garbage in the handshake': {
    server: saying('SSH-2.0-OpenSSH_9.2\r\n'),
    kind: 'tls',
    detail: /^wrong version number$/,
  },
  'a reset in the handshake': {
    server: () => raw((socket) => socket.once('data', () => socket.resetAndDestroy())),
    kind: 'tls',
    detail: /ECONNRESET/,
  },
  'goodbye in the handshake': {
    server: () => raw((socket) => socket.once('data', () => socket.end())),
    kind: 'tls',
    detail: /disconnected before secure TLS connection was established/,
  },
  'only TLS 1.0 and 1.1': {
    server: () =>
      web(
        { ...good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
        answering(200),
      ),
    kind: 'tls',
    detail: /^tlsv1 alert protocol version$/,
  },
  'TLS 1.2 that wants a certificate of ours': {
    server: () => web({ ...good, requestCert: true, ca, maxVersion: 'TLSv1.2' }, answering(200)),
    kind: 'tls',
    // OpenSSL 3.0 calls it sslv3, later ones ssl/tls.
    detail: /^(sslv3|ssl\/tls) alert handshake failure$/,
  },
  'an expired certificate': {
    server: async () =>
      web(
        await credentials('expired', { alternativeNames: ['IP:127.0.0.1'], expired: true }),
        answering(200),
      ),
    kind: 'tls',
    detail: /^certificate has expired/,
  },
  'the certificate of another address': {
    server: async () =>
      web(await credentials('elsewhere', { alternativeNames: ['IP:127.0.0.2', 'IP:::1'] }), answering(200)),
    kind: 'tls',
    detail: /127\.0\.0\.1/,
  },
  'the certificate of another IPv6 address': {
    server: async () =>
      web(
        await credentials('elsewhere6', { alternativeNames: ['IP:127.0.0.1', 'IP:::2'] }),
        answering(200),
        '::1',
      ),
    kind: 'tls',
    detail: /::1/,
  },
  'a certificate with the address for a name': {
    server: async () =>
      web(await credentials('named', { alternativeNames: ['DNS:127.0.0.1'] }), answering(200)),
    kind: 'tls',
    detail: /127\.0\.0\.1/,
  },
  "another authority's certificate": {
    server: async () => {
      const authority = await certificates.createAuthority('stranger');
      return web(
        await credentials('strange', { alternativeNames: ['IP:127.0.0.1'], authority }),
        answering(200),
      );
    },
    kind: 'tls',
    detail: /issuer/,
  },
  "a certificate that Node's authorities did not sign": {
    server: () => web(good, answering(200)),
    request: { tls: { verify: true, ca: null } },
    kind: 'tls',
    detail: /issuer/,
  },
  'an expired certificate of a stranger, unverified': {
    server: async () => {
      const authority = await certificates.createAuthority('unknown');
      const made = await credentials('any', { alternativeNames: ['DNS:x'], expired: true, authority });
      return web(made, answering(200));
    },
    request: { tls: { verify: false, ca: null } },
    kind: 'ok',
    detail: /^status 200$/,
  },

  // The reset may come before we look, so that TCP's connect itself tells of it.
  'a reset at once': {
    server: () => raw((socket) => socket.resetAndDestroy()),
    kind: ['broken', 'tls'],
    detail: /ECONNRESET|disconnected/,
  },
  'goodbye at once, by HTTP': {
    server: () => raw((socket) => socket.end()),
    request: http200,
    kind: 'broken',
    detail: /closed/,
  },
  'goodbye after the handshake': {
    server: endingAboveTls(''),
    kind: 'broken',
    detail: /closed/,
  },
  'goodbye in the headers': {
    server: endingAboveTls('HTTP/1.1 200 OK\r\ncont'),
    kind: 'broken',
    detail: /closed/,
  },
  'goodbye in the body': {
    server: endingAboveTls(`${HEADERS}half`),
    kind: 'broken',
    detail: /closed/,
  },
  'a reset in the body': {
    server: () =>
      raw((socket) => {
        socket.once('data', () => socket.write(`${HEADERS}half`));
        socket.once('data', () => setTimeout(() => socket.resetAndDestroy(), 20));
      }),
    request: http200,
    kind: 'broken',
    detail: /ECONNRESET|closed/,
  },
  'nonsense above TLS': {
    server: sayingAboveTls('220 smtp.example.com ESMTP\r\n'),
    kind: 'broken',
    detail: /does not match the HTTP\/1\.1 protocol/,
  },
  'early hints without end': {
    server: flooding('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'),
    kind: 'broken',
    detail: /^status 1xx again and again/,
  },
  'early hints before the answer': {
    server: sayingAboveTls(`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(3)}${HEADERS}all of it.`),
    kind: 'ok',
    detail: /^status 200$/,
  },
  'an upgrade that nobody asked for': {
    server: () =>
      rawAboveTls(good, (socket) =>
        socket.once('data', () =>
          socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
        ),
      ),
    kind: 'broken',
    detail: /upgrade/,
  },
};

/** Sends the same again and again, for as long as somebody reads. */
function flooding(text: string): () => Promise<Listening> {
  return () =>
    rawAboveTls(good, (socket) => {
      const fill = (): void => {
        while (!socket.destroyed && socket.write(text.repeat(100)));
      };
      socket.once('data', fill).on('drain', fill);
    });
}

/** Servers that let time pass: one after another, so that they have it. */
const slowCases: Readonly<Record<string, Case>> = {
  'nothing said in the handshake': {
    server: () => raw(() => undefined),
    request: hurried,
    kind: 'slow',
    detail: /^no complete answer in 150 ms: the TLS handshake hangs$/,
  },
  'nothing said above TLS': {
    server: sayingAboveTls(''),
    request: hurried,
    kind: 'slow',
    detail: /^no complete answer in 150 ms/,
  },
  'half of the headers': {
    server: sayingAboveTls('HTTP/1.1 200 OK\r\ncont'),
    request: hurried,
    kind: 'slow',
    detail: /^no complete answer in 150 ms/,
  },
  'half of the body': {
    server: sayingAboveTls(`${HEADERS}half`),
    request: hurried,
    kind: 'slow',
    detail: /^no complete answer in 150 ms/,
  },
  'half of the body, by HTTP': {
    server: saying(`${HEADERS}half`),
    request: { ...hurried, ...http200 },
    kind: 'slow',
    detail: /^no complete answer in 150 ms/,
  },
};

function endless(_request: http.IncomingMessage, response: http.ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const fill = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', fill);
  fill();
}

function probing(some: Readonly<Record<string, Case>>): void {
  for (const [name, { server: start, request, kind, detail }] of Object.entries(some)) {
    const kinds = [kind].flat();
    it(`${name}: ${kinds.join(' or ')}`, async () => {
      await using server = await start();
      const found = await probe(server.endpoint, request);
      assert.ok(
        (kinds as string[]).includes(found.kind) && detail.test(found.detail),
        `${found.kind}: ${found.detail}`,
      );
      assert.doesNotMatch(found.detail, /[\r\n]/, 'one line of a log');
      await assertNothingLeft(server.endpoint);
    });
  }
}

describe('a probe, and what it leaves behind: nothing', { concurrency: true }, () => {
  probing(cases);
});

describe('a probe that runs out of time', () => {
  probing(slowCases);

  for (const [limit, request] of [
    ['--connect-timeout', { connectTimeoutMs: SHORT_MS }],
    ['--health-timeout', { timeoutMs: SHORT_MS }],
  ] as const) {
    it(`no answer to connect within ${limit}: silent`, async () => {
      await using server = await silent();
      assert.deepEqual(await probe(server.endpoint, request), {
        kind: 'silent',
        detail: `no answer to connect in ${SHORT_MS} ms`,
      });
      const left = await connectionsOf(server.endpoint.port);
      assert.ok(!left.includes('SYN_SENT'), left.join());
    });
  }
});

describe('what is asked', () => {
  interface Asked {
    readonly method: string | undefined;
    readonly url: string | undefined;
    readonly headers: http.IncomingHttpHeaders;
    /** Names as often as they were sent. */
    readonly names: readonly string[];
    readonly body: string;
  }

  async function asked(request: Partial<Asking>): Promise<Asked & { readonly server: string }> {
    const requests: Asked[] = [];
    await using server = await web(good, (incoming, response) => {
      const { method, url, headers, rawHeaders } = incoming;
      const names = rawHeaders.filter((_text, index) => index % 2 === 0);
      let body = '';
      incoming.setEncoding('utf8').on('data', (text: string) => (body += text));
      incoming.on('end', () => {
        requests.push({ method, url, headers, names, body });
        response.writeHead(301, { location: '/elsewhere' }).end();
      });
    });
    const found = await probe(server.endpoint, request);
    assert.deepEqual(found, { kind: 'ok', detail: 'status 301' });
    assert.equal(requests.length, 1, 'redirects are not followed');
    const [first] = requests;
    assert.ok(first !== undefined);
    return { ...first, server: server.endpoint.text };
  }

  it('is GET with our name, and nothing else', async () => {
    const { method, url, headers, body, server } = await asked({});
    assert.equal(method, 'GET');
    assert.equal(url, '/healthz');
    assert.deepEqual(headers, { host: server, connection: 'keep-alive', 'user-agent': 'lvscare' });
    assert.equal(body, '');
  });

  it('has the path and its query as they were given', async () => {
    const path = '/readyz?verbose&exclude=etcd&x=%2F%20//../?';
    assert.equal((await asked({ path })).url, path);
  });

  it('has the method, the headers and the body', async () => {
    const { method, headers, names, body } = await asked({
      method: 'POST',
      headers: { authorization: 'Bearer t', 'user-agent': 'kube-probe', host: 'kubernetes' },
      body: '{"ä":1}',
    });
    assert.equal(method, 'POST');
    assert.equal(headers.authorization, 'Bearer t');
    assert.equal(headers.host, 'kubernetes');
    assert.equal(headers['user-agent'], 'kube-probe');
    assert.equal(headers['content-length'], '8');
    assert.equal(body, '{"ä":1}');
    assert.equal(new Set(names.map((name) => name.toLowerCase())).size, names.length, names.join());
  });

  it('may be a body with GET', async () => {
    const { method, body } = await asked({ body: 'hello' });
    assert.deepEqual([method, body], ['GET', 'hello']);
  });
});

describe('what is said of an answer', () => {
  it('is its status, as a number too, where it is not accepted', async () => {
    await using server = await web(null, answering(503, '[-]shutdown failed: reason withheld'));
    const evidence = { kind: 'status', status: 503, detail: 'status 503: shutdown failed' };
    assert.deepEqual(await probe(server.endpoint, http200), evidence);
    const accepted = { ...http200, acceptedStatuses: new Set([503]) };
    assert.deepEqual(await probe(server.endpoint, accepted), { kind: 'ok', detail: 'status 503' });
  });
});

describe('how much of an answer is read', () => {
  it('is as much as matters', async () => {
    let sent = 0;
    await using server = await web(null, (_request, response) => {
      const chunk = Buffer.alloc(16 * 1024, 'x');
      const fill = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', fill);
      fill();
    });
    assert.equal((await probe(server.endpoint, http200)).kind, 'ok');
    // What the socket buffers of both sides take, and not what a server is able to send.
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes`);
  });
});

describe('a probe that is stopped', () => {
  /** Starts a server, and tells when a probe has come as far as it is to come. */
  type Scene = (reached: () => void) => Promise<Listening>;
  const scenes: Readonly<Record<string, Scene>> = {
    // Where nothing answers, it cannot come far.
    'in TCP': async (reached) => {
      const server = await silent();
      setImmediate(reached);
      return server;
    },
    'in the handshake': (reached) => raw((socket) => socket.once('data', reached)),
    'in the answer': (reached) =>
      rawAboveTls(good, (socket) => socket.once('data', () => socket.write(`${HEADERS}half`, reached))),
  };
  for (const [where, scene] of Object.entries(scenes)) {
    it(`${where} is void, at once, and leaves nothing`, async () => {
      const stop = new AbortController();
      const reached = new EventEmitter();
      const there = once(reached, 'there');
      await using server = await scene(() => reached.emit('there'));
      // Longer than this test may take.
      const found = probe(server.endpoint, { timeoutMs: HOUR_MS, connectTimeoutMs: HOUR_MS }, stop.signal);
      await there;
      stop.abort();
      assert.deepEqual(await found, { kind: 'inconclusive', detail: 'stopped' });
      assert.deepEqual(getEventListeners(stop.signal, 'abort'), []);
      if (where === 'in TCP') assert.ok(!(await connectionsOf(server.endpoint.port)).includes('SYN_SENT'));
      else await assertNothingLeft(server.endpoint);
    });
  }

  it('before it begins does not begin', async () => {
    let connections = 0;
    await using server = await raw(() => (connections += 1));
    assert.deepEqual(await probe(server.endpoint, http200, AbortSignal.abort()), {
      kind: 'inconclusive',
      detail: 'stopped',
    });
    assert.equal(connections, 0);
  });
});

describe('many probes', () => {
  it('keep nothing open: no descriptor, no listener, no socket', async () => {
    await using server = await web(good, answering(200));
    await using slow = await raw(() => undefined);
    const refused = await closedPort();
    const signal = new AbortController().signal;
    const round = (): Promise<(Evidence | InconclusiveProbe)[]> =>
      Promise.all([
        ...Array.from({ length: 6 }, () => probe(server.endpoint, {}, signal)),
        probe(server.endpoint, { method: 'HEAD' }, signal),
        probe(refused, {}, signal),
        probe(slow.endpoint, { timeoutMs: 20 }, signal),
        probe(server.endpoint, { tls: { verify: true, ca: null } }, signal),
      ]);
    await round();
    await assertNothingLeft(server.endpoint);
    const before = readdirSync('/proc/self/fd').length;
    for (let rounds = 0; rounds < 20; rounds += 1) {
      const kinds = (await round()).map(({ kind }) => kind);
      assert.deepEqual(kinds.slice(0, 8), [...Array<string>(7).fill('ok'), 'refused']);
    }
    await assertNothingLeft(server.endpoint);
    await assertNothingLeft(slow.endpoint);
    // A server's end of a connection that was reset is gone for the kernel before the server comes to look.
    await until(() => readdirSync('/proc/self/fd').length <= before, {
      what: `no more than ${before} descriptors are open`,
    });
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });
});

describe('a process of its own', () => {
  it('outlives certificates that it does not accept, time after time', async () => {
    await using server = await web(good, answering(200));
    const program = `
      import tls from 'node:tls';
      import { createProber } from ${JSON.stringify(new URL('../../src/probe/prober.js', import.meta.url).href)};
      const secureContext = tls.createSecureContext();
      const prober = createProber({ scheme: 'https', port: null, sourcePorts: 'auto', method: 'GET', path: '/', headers: {},
        body: null,
        acceptedStatuses: new Set(), connectTimeoutMs: 5000, timeoutMs: 5000, tls: { verify: true, serverName: null } },
        { credentials: { withToken: false, current: async () => ({ secureContext, token: null }) }, guard() {} });
      const connection = prober.keepConnection(${JSON.stringify(server.endpoint)}, () => undefined);
      const { signal } = new AbortController();
      for (let count = 0; count < 30; count += 1)
        for await (const { kind } of connection.probe({ fresh: true, hedged: true }, signal)) process.stdout.write(kind + ' ');`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      timeout: LONG_MS,
    });
    assert.equal(stdout, 'tls '.repeat(30));
  });
});

describe('a fault of our own', () => {
  it('is inconclusive when the process has no descriptor left: that is no fault of the server', async () => {
    const program = `
      import { openSync } from 'node:fs';
      import { createProber } from ${JSON.stringify(new URL('../../src/probe/prober.js', import.meta.url).href)};
      const prober = createProber({ scheme: 'http', port: null, sourcePorts: 'auto', method: 'GET', path: '/', headers: {},
        body: null,
        acceptedStatuses: new Set(), connectTimeoutMs: 5000, timeoutMs: 5000, tls: { verify: false, serverName: null } },
        { credentials: { withToken: false, current: async () => ({ secureContext: null, token: null }) }, guard() {} });
      const server = { family: 'ipv4', address: '127.0.0.1', port: 9, text: '127.0.0.1:9' };
      const signal = new AbortController().signal;
      try { for (;;) openSync('/dev/null'); } catch {}
      const connection = prober.keepConnection(server, () => undefined);
      const { value: found } = await connection.probe({ fresh: true, hedged: false }, signal).next();
      process.stdout.write(JSON.stringify(found));
      process.exit();`;
    const { stdout } = await promisify(execFile)(
      'bash',
      ['-c', 'ulimit -n 64 && exec "$@"', 'bash', process.execPath, '--input-type=module', '-e', program],
      { timeout: LONG_MS },
    );
    const found = JSON.parse(stdout) as InconclusiveProbe;
    assert.equal(found.kind, 'inconclusive');
    assert.match(found.detail, /EMFILE/);
  });

  it('is not in what a late turn of our own loop lets wait', async () => {
    await using server = await web(null, answering(200));
    const found = probe(server.endpoint, { ...http200, connectTimeoutMs: 50 });
    // The kernel answers meanwhile; we come to look only after the time is over.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    assert.equal((await found).kind, 'ok');
  });
});
