import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import type { Endpoint } from '../../src/values/endpoint.js';
import { Certificates } from '../../lab/certificates.js';
import { kernelsPortRange } from '../../src/probe/source-port.js';
import type { ProbeRequest } from '../../src/probe/request.js';
import { createVirtualServerProbe } from '../../src/probe/virtual-server-probe.js';
import { probeRequest } from './request.js';
import { answering, closedPort, raw, web } from './servers.js';

let certificates: Certificates;
let ca: string;
before(async () => {
  certificates = await Certificates.create();
  ca = readFileSync(certificates.authority.certificateFile, 'utf8');
});
after(() => certificates.close());

/** A certificate for another name, and its key. */
async function pair(): Promise<{ cert: Buffer; key: Buffer }> {
  const made = await certificates.create('other', { name: 'other', alternativeNames: ['IP:10.0.0.1'] });
  return { cert: readFileSync(made.certificateFile), key: readFileSync(made.keyFile) };
}

async function probed(server: Endpoint, more: Partial<ProbeRequest> = {}, trusted = ca): Promise<string> {
  const probe = createVirtualServerProbe(server, probeRequest(more), {
    credentials: {
      withToken: true,
      current: () =>
        Promise.resolve({ secureContext: tls.createSecureContext({ ca: trusted }), token: 'secret' }),
    },
    guard: () => undefined,
  });
  const { kind, detail } = await probe(new AbortController().signal);
  return `${kind}: ${detail}`;
}

describe('a probe of the virtual server', () => {
  it('asks without token and headers, from a port that the kernel chose, and accepts a certificate for another name', async () => {
    const asked: { url?: string; headers: object; port: number }[] = [];
    await using server = await web(await pair(), ({ url, headers, socket }, response) => {
      asked.push({ ...(url !== undefined && { url }), headers, port: socket.remotePort ?? 0 });
      response.end('ok');
    });
    const more = { headers: { authorization: 'Bearer secret' }, method: 'POST', body: 'x', path: '/healthz' };
    assert.equal(await probed(server.endpoint, more), 'ok: status 200');
    const [{ url, headers, port } = assert.fail()] = asked;
    assert.equal(url, '/livez?verbose&exclude=etcd');
    assert.deepEqual(Object.keys(headers).sort(), ['connection', 'host', 'user-agent']);
    const { first, last } = kernelsPortRange() ?? assert.fail();
    assert.ok(port >= first && port <= last, `port ${port}`);
  });

  it('says what keeps a client from an answer', async () => {
    await using server = await web(await pair(), answering(500));
    assert.equal(await probed(server.endpoint), 'status: status 500');
    const other = await certificates.createAuthority('another');
    const unknown = readFileSync(other.certificateFile, 'utf8');
    assert.match(await probed(server.endpoint, {}, unknown), /^tls: certificate is of an unknown CA/);
    assert.match(await probed(await closedPort()), /^refused: /);
    await using hung = await raw(() => undefined);
    assert.match(await probed(hung.endpoint, { timeoutMs: 100 }), /^slow: .* handshake hangs$/);
  });

  it('only connects where health probes use another port', async () => {
    await using hung = await raw(() => undefined);
    assert.equal(await probed(hung.endpoint, { port: 10_256, scheme: 'http' }), 'ok: connected');
    assert.match(await probed(await closedPort(), { port: 10_256 }), /^refused: /);
  });
});
