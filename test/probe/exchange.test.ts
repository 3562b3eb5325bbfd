import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import type { Endpoint } from '../../src/values/endpoint.js';
import type { Exchange } from '../../src/values/exchange.js';
import { createProber } from '../../src/probe/prober.js';
import type { ProbeRequest } from '../../src/probe/request.js';
import { issuer, type Issued, type Wanted } from './issuer.js';
import { probeRequest } from './request.js';
import { answering, closedPort, raw, rawAboveTls, silent, web } from './servers.js';

const SHORT_MS = 150;

let directory: string;
let issue: (wanted: Wanted) => Promise<Issued>;
let root: Issued;
let good: Issued;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvscare-exchange-'));
  issue = issuer(directory);
  root = await issue({ subject: '/CN=root', authority: true, signer: null });
  good = await issue({ subject: '/CN=apiserver', names: ['IP:127.0.0.1'], signer: root });
});
after(() => rm(directory, { recursive: true }));

type Asked = Partial<Omit<ProbeRequest, 'tls'>> & {
  readonly verify?: boolean;
  readonly credentials?: () => Promise<never>;
};

/** What is told of `count` probes of a server, one after another; the first over a fresh connection. */
async function exchanges(server: Endpoint, asked: Asked = {}, count = 1): Promise<Exchange[]> {
  const told: Exchange[] = [];
  const { verify = true, credentials, ...more } = asked;
  const current = (): ReturnType<NonNullable<typeof credentials>> =>
    credentials?.() ??
    (Promise.resolve({ secureContext: tls.createSecureContext({ ca: root.cert }), token: null }) as never);
  const prober = createProber(probeRequest({ ...more, tls: { verify, serverName: null } }), {
    credentials: { withToken: false, current },
    guard: () => undefined,
  });
  const connection = prober.keepConnection(
    server,
    () => undefined,
    (exchange) => told.push(exchange),
  );
  const { signal } = new AbortController();
  for (let probes = 0; probes < count; probes += 1)
    for await (const outcome of connection.probe({ fresh: probes === 0, hedged: false }, signal))
      assert.deepEqual(
        told.at(-1)?.evidence ?? 'inconclusive',
        outcome.kind === 'inconclusive' ? 'inconclusive' : outcome,
      );
  connection.close();
  return told;
}

/** The one exchange of one probe. */
async function exchange(server: Endpoint, asked: Asked = {}): Promise<Exchange> {
  const [only, ...more] = await exchanges(server, asked);
  assert.ok(only !== undefined);
  assert.deepEqual(more, []);
  return only;
}

/** Which phases came through, as letters: connect, handshake, first byte. */
function came({ phases }: Exchange): string {
  const { connectMs, handshakeMs, firstByteMs, totalMs } = phases;
  const parts = [connectMs, handshakeMs, firstByteMs];
  for (const part of parts) assert.ok(part === null || part >= 0, JSON.stringify(phases));
  const sum = parts.reduce<number>((total, part) => total + (part ?? 0), 0);
  assert.ok(totalMs >= sum - 1e-6, `all of it is no less than its parts: ${JSON.stringify(phases)}`);
  return ['c', 'h', 'f'].filter((_, index) => parts[index] !== null).join('');
}

describe('an exchange', () => {
  it('over a fresh connection has every phase, the status, and what TLS agreed on', async () => {
    await using server = await web(good, answering(200));
    const told = await exchange(server.endpoint);
    assert.equal(came(told), 'chf');
    assert.deepEqual(told.evidence, { kind: 'ok', detail: 'status 200' });
    assert.deepEqual([told.fresh, told.status], [true, 200]);
    const { session } = told;
    assert.ok(session !== null);
    assert.equal(session.protocol, 'TLSv1.3');
    assert.match(session.cipher, /^TLS_/);
    assert.equal(session.fault, undefined);
    const shown = session.chain.map((der) => new X509Certificate(der));
    assert.equal(shown[0]?.fingerprint256, new X509Certificate(good.cert).fingerprint256);
    // The server shows its own alone; what leads to the CA is known from ours.
    assert.deepEqual(
      shown.map(({ subject }) => subject),
      ['CN=apiserver', 'CN=root'],
    );
    assert.equal(session.notAfterMs, Date.parse(new X509Certificate(good.cert).validTo));
  });

  it('over the kept connection has no phase but the first byte, and no session', async () => {
    await using server = await web(good, answering(200));
    const [first, second, ...more] = await exchanges(server.endpoint, {}, 2);
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(more, []);
    assert.deepEqual([came(first), first.fresh], ['chf', true]);
    assert.deepEqual([came(second), second.fresh], ['f', false]);
    assert.deepEqual([second.status, second.session], [200, null]);
    assert.equal(second.evidence?.kind, 'ok');
  });

  it('by HTTP has no handshake and no session', async () => {
    await using server = await web(null, answering(204, ''));
    const told = await exchange(server.endpoint, { scheme: 'http' });
    assert.deepEqual([came(told), told.status, told.session], ['cf', 204, null]);
  });

  it("has the server's own time, if it sends it and if it makes sense", async () => {
    const dated = (header: string) => (): Promise<Exchange> =>
      raw((socket) =>
        socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${header}content-length: 0\r\n\r\n`)),
      ).then(async (listening) => {
        await using server = listening;
        return await exchange(server.endpoint, { scheme: 'http' });
      });
    const dates: readonly (readonly [header: string, dateMs: number | null])[] = [
      ['date: Sun, 01 Mar 2026 10:00:00 GMT\r\n', Date.UTC(2026, 2, 1, 10)],
      ['date: tomorrow\r\n', null],
      ['', null],
    ];
    for (const [header, dateMs] of dates) assert.equal((await dated(header)()).dateMs, dateMs, header);
  });

  it('with a status that is not accepted has that status', async () => {
    await using server = await web(good, answering(500));
    const told = await exchange(server.endpoint);
    assert.deepEqual([came(told), told.status, told.evidence?.kind], ['chf', 500, 'status']);
  });

  it('that is refused has no phase at all', async () => {
    const told = await exchange(await closedPort());
    assert.deepEqual(
      [came(told), told.status, told.session, told.evidence?.kind],
      ['', null, null, 'refused'],
    );
    assert.equal(told.fresh, true);
  });

  it('without an answer has taken as long as was waited', async () => {
    await using server = await silent();
    const told = await exchange(server.endpoint, { connectTimeoutMs: SHORT_MS });
    assert.deepEqual([came(told), told.evidence?.kind], ['', 'silent']);
    assert.ok(told.phases.totalMs >= SHORT_MS * 0.9, String(told.phases.totalMs));
  });

  it('whose handshake fails came as far as TCP', async () => {
    await using server = await raw((socket) => socket.end('220 smtp.example.com ESMTP\r\n'));
    const told = await exchange(server.endpoint);
    assert.deepEqual([came(told), told.status, told.session, told.evidence?.kind], ['c', null, null, 'tls']);
  });

  it('whose handshake hangs came as far as TCP', async () => {
    await using server = await raw(() => undefined);
    const told = await exchange(server.endpoint, { timeoutMs: SHORT_MS });
    assert.deepEqual([came(told), told.session, told.evidence?.kind], ['c', null, 'slow']);
  });

  it('that is answered too late came as far as TLS', async () => {
    await using server = await rawAboveTls(good, () => undefined);
    const told = await exchange(server.endpoint, { timeoutMs: 4 * SHORT_MS });
    assert.deepEqual([came(told), told.status, told.evidence?.kind], ['ch', null, 'slow']);
    assert.notEqual(told.session, null);
  });

  it('that breaks off in the body has the status that came', async () => {
    await using server = await rawAboveTls(good, (socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')),
    );
    const told = await exchange(server.endpoint);
    assert.deepEqual([came(told), told.status, told.evidence?.kind], ['chf', 200, 'broken']);
  });

  it('for a reason of our own says nothing about the server', async () => {
    await using server = await web(good, answering(200));
    const told = await exchange(server.endpoint, {
      credentials: () => Promise.reject(new Error('CA /nowhere: ENOENT')),
    });
    assert.deepEqual([came(told), told.evidence, told.session], ['c', null, null]);
  });
});

describe('the session of an exchange', () => {
  const faults: Readonly<
    Record<string, { readonly shown: () => Promise<Issued>; index: number; detail: RegExp }>
  > = {
    'for another host: the own certificate': {
      shown: () => issue({ subject: '/CN=apiserver', names: ['IP:10.0.0.1'], signer: root }),
      index: 0,
      detail: /^certificate is not for 127\.0\.0\.1: it is for IP Address:10\.0\.0\.1 /,
    },
    'expired: the own certificate': {
      shown: () =>
        issue({ subject: '/CN=old', names: ['IP:127.0.0.1'], signer: root, fromDay: -9, untilDay: -2 }),
      index: 0,
      detail: /^certificate has expired/,
    },
    'of an expired CA: that one': {
      shown: async () => {
        const middle = await issue({
          ...{ subject: '/CN=middle', authority: true, signer: root, fromDay: -9, untilDay: -2 },
        });
        const own = await issue({ subject: '/CN=apiserver', names: ['IP:127.0.0.1'], signer: middle });
        return { ...own, cert: own.cert + middle.cert };
      },
      index: 1,
      detail: /^the certificate of the certificate's CA has expired/,
    },
    'of a CA that nobody trusts: the last one': {
      shown: async () => {
        const other = await issue({ subject: '/CN=other', authority: true, signer: null });
        const own = await issue({ subject: '/CN=apiserver', names: ['IP:127.0.0.1'], signer: other });
        return { ...own, cert: own.cert + other.cert };
      },
      index: 1,
      detail: /^certificate is of a CA that is not trusted, CN=other/,
    },
  };
  for (const [what, { shown, index, detail }] of Object.entries(faults)) {
    it(`${what} is named, and all of the chain shown`, async () => {
      await using server = await web(await shown(), answering(200));
      const told = await exchange(server.endpoint);
      assert.deepEqual([came(told), told.evidence?.kind], ['ch', 'tls']);
      assert.equal(told.session?.fault?.index, index);
      assert.match(told.session.fault.detail, detail);
      assert.equal(told.session.fault.detail, told.evidence?.detail);
      assert.ok(told.session.chain.length > index);
    });

    it(`${what} is not looked at by who does not verify`, async () => {
      await using server = await web(await shown(), answering(200));
      const told = await exchange(server.endpoint, { verify: false });
      assert.deepEqual([came(told), told.evidence?.kind, told.session?.fault], ['chf', 'ok', undefined]);
    });
  }
});
