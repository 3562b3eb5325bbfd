import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { copyFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { LAB_TOKEN, type ListBehaviour, type ListRequest } from '../../lab/cluster-api.js';
import type { DiscoveryResult } from '../../src/control-loop/ports.js';
import { createKubernetesDiscovery } from '../../src/discovery/kubernetes.js';
import type { Endpoint } from '../../src/values/endpoint.js';
import { issuer, type Issued, type Wanted } from '../probe/issuer.js';
import { closedPort, raw, rawAboveTls, silent, type Listening } from '../probe/servers.js';
import { apiserver, SERVERS, SkippingClock, writeKubeconfig, type Apiserver } from './servers.js';

const RIGHTS_TO_WATCH = { list: true, watch: true, get: true };
const SHORT = { connectMs: 300, answerMs: 600 };

let directory: string;
let issue: (wanted: Wanted) => Promise<Issued>;
let ca: Issued;
let server: Issued;
let client: Issued;
let kubeletConf: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvscare-discovery-'));
  issue = issuer(directory);
  ca = await issue({ subject: '/CN=kubernetes', authority: true, signer: null });
  // Not for 127.0.0.1: as if it were behind an address that its certificate lacks.
  server = await issue({ subject: '/CN=kube-apiserver', names: ['DNS:kubernetes'], signer: ca });
  client = await issue({ subject: '/CN=system:node:node', usage: 'clientAuth', signer: ca });
  kubeletConf = await writeKubeconfig(
    directory,
    'kubelet.conf',
    { 'certificate-authority': ca.certificateFile },
    { 'client-certificate': client.certificateFile, 'client-key': client.keyFile },
  );
});
after(() => rm(directory, { recursive: true }));

let master: Apiserver;
let clock: SkippingClock;
let stop: AbortController;
const others: Listening[] = [];
beforeEach(async () => {
  master = await apiserver(server, ca);
  clock = new SkippingClock();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await master[Symbol.asyncDispose]();
  for (const other of others.splice(0)) await other[Symbol.asyncDispose]();
});

interface Given {
  readonly kubeconfig?: string;
  readonly candidates?: () => readonly Endpoint[];
  readonly timings?: Parameters<typeof createKubernetesDiscovery>[0]['timings'];
}

function discover({
  kubeconfig = kubeletConf,
  candidates,
  timings,
}: Given = {}): AsyncIterator<DiscoveryResult> {
  const discovery = createKubernetesDiscovery({
    ...{ kubeconfig, sourcePorts: 'kernel', clock, random: () => 0.5 },
    timings: { ...SHORT, ...timings },
  });
  return discovery.lists(candidates ?? (() => [master.endpoint]), stop.signal)[Symbol.asyncIterator]();
}

/** What is yielded next, as a text. */
async function next(results: AsyncIterator<DiscoveryResult>): Promise<string> {
  const { value } = (await results.next()) as { readonly value: DiscoveryResult };
  return value.kind === 'failed'
    ? `failed: ${value.error.message}`
    : `${value.list.by}: ${value.list.servers.map(({ text }) => text).join(' ')}`;
}

async function first(given: Given = {}): Promise<string> {
  return next(discover(given));
}

function behave(request: ListRequest, behaviour: ListBehaviour): void {
  master.api.rights = RIGHTS_TO_WATCH;
  master.api.behaviour = { [request]: behaviour };
}

const ALL = SERVERS.join(' ');

describe('discovery with the rights of a kubelet', () => {
  it('polls the Endpoints object', async () => {
    const results = discover();
    assert.equal(await next(results), `poll: ${ALL}`);
    master.api.setAddresses(['10.0.0.1', '10.0.0.4']);
    assert.equal(await next(results), 'poll: 10.0.0.1:6443 10.0.0.4:6443');
    assert.deepEqual(clock.waits, [60_000]);
    assert.deepEqual(master.api.counts, { list: 1, watch: 0, get: 2 });
  });

  it('tries the watch again after an hour, and stays with it when it is allowed', async () => {
    const results = discover({ timings: { pollMs: 20 * 60_000 } });
    await next(results);
    master.api.rights = RIGHTS_TO_WATCH;
    for (let polls = 0; polls < 2; polls += 1) assert.equal(await next(results), `poll: ${ALL}`);
    assert.equal(await next(results), `watch: ${ALL}`);
  });

  it('polls where the API has no EndpointSlices, or none of the Service', async () => {
    behave('list', { kind: 'status', status: 404 });
    assert.equal(await first(), `poll: ${ALL}`);
    const none = {
      kind: 'EndpointSliceList',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { resourceVersion: '1' },
    };
    behave('list', { kind: 'text', text: JSON.stringify(none) });
    assert.equal(await first(), `poll: ${ALL}`);
  });

  it('polls where a list is allowed and a watch is not', async () => {
    master.api.rights = { list: true, watch: false, get: true };
    const results = discover();
    assert.equal(await next(results), `watch: ${ALL}`);
    assert.equal(await next(results), `poll: ${ALL}`);
    assert.equal(await next(results), `poll: ${ALL}`);
    assert.deepEqual(master.api.counts, { list: 1, watch: 1, get: 2 });
  });

  it('says what is forbidden if nothing is allowed', async () => {
    master.api.rights = { list: false, watch: false, get: false };
    assert.equal(
      await first(),
      'failed: Endpoints: status 403: endpoints "kubernetes" is forbidden: User "system:node:node" cannot get ' +
        'resource "endpoints" in API group "" in the namespace "default"',
    );
  });
});

describe('discovery with the right to watch', () => {
  beforeEach(() => {
    master.api.rights = RIGHTS_TO_WATCH;
  });

  it('yields each change', async () => {
    const results = discover();
    assert.equal(await next(results), `watch: ${ALL}`);
    const changed = next(results);
    master.api.setAddresses(['10.0.0.1', '10.0.0.2']);
    assert.equal(await changed, 'watch: 10.0.0.1:6443 10.0.0.2:6443');
    assert.deepEqual(master.api.counts, { list: 1, watch: 1, get: 0 });
  });

  it('yields a change between the list and the watch', async () => {
    const results = discover();
    await next(results);
    master.api.setAddresses(['fd00::1'], 8443);
    assert.equal(await next(results), 'watch: [fd00::1]:8443');
  });

  it('lists again from the next apiserver after each watch, also when no event and no end comes', async () => {
    await using other = await apiserver(server, ca);
    other.api.rights = RIGHTS_TO_WATCH;
    other.api.setAddresses(['10.0.0.9']);
    behave('watch', { kind: 'hang' });
    const candidates = (): Endpoint[] => [master.endpoint, other.endpoint];
    const results = discover({ candidates, timings: { watchMs: 200 } });
    assert.equal(await next(results), `watch: ${ALL}`);
    // The watch hangs, until lvscare ends it.
    assert.equal(await next(results), 'watch: 10.0.0.9:6443');
    stop.abort();
    assert.deepEqual([master.api.counts.list, other.api.counts.list], [1, 1]);
  });

  it('lists again when the server ends the watch, and waits at most 5 s before', async () => {
    const results = discover({ timings: { watchMs: 1000 } });
    await next(results);
    const again = next(results);
    clock.nowMs += 1000;
    assert.equal(await again, `watch: ${ALL}`);
    assert.deepEqual(clock.waits, [2500]);
  });

  it('lists again when the connection is lost, and waits longer each time that this happens soon', async () => {
    behave('watch', { kind: 'cut-off' });
    const results = discover();
    for (let lists = 0; lists < 4; lists += 1) assert.equal(await next(results), `watch: ${ALL}`);
    assert.deepEqual(clock.waits, [1000, 2000, 4000]);
  });

  for (const [how, gone] of Object.entries({
    'by an event': () => {
      master.api.compact();
    },
    'by a status': () => {
      behave('watch', { kind: 'status', status: 410 });
    },
  }))
    it(`lists again when its version is gone, ${how}`, async () => {
      const results = discover();
      await next(results);
      gone();
      assert.equal(await next(results), `watch: ${ALL}`);
      assert.ok(master.api.counts.watch >= 1);
    });

  it('ignores bookmarks', async () => {
    const bookmark = {
      type: 'BOOKMARK',
      object: { kind: 'EndpointSlice', metadata: { resourceVersion: '9' } },
    };
    behave('watch', { kind: 'text', text: JSON.stringify(bookmark) });
    const results = discover();
    await next(results);
    const changed = next(results);
    master.api.setAddresses(['10.0.0.7']);
    assert.equal(await changed, 'watch: 10.0.0.7:6443');
  });

  it('yields an empty list when the object is deleted', async () => {
    const deleted = { type: 'DELETED', object: { kind: 'EndpointSlice', metadata: { name: 'kubernetes' } } };
    behave('watch', { kind: 'text', text: JSON.stringify(deleted) });
    const results = discover();
    await next(results);
    assert.equal(await next(results), 'watch: ');
  });

  for (const [name, line, expected] of [
    ['broken JSON', '{', 'it is not JSON'],
    [
      'an error',
      '{"type":"ERROR","object":{"code":500,"message":"etcd\\nis away"}}',
      'the watch failed: etcd, is away',
    ],
    ['an unknown event', '{"type":"MOVED","object":{}}', 'the event has an unknown type, MOVED'],
    [
      'another object',
      '{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1"}}',
      'expected EndpointSlice of discovery.k8s.io/v1, got Pod of v1',
    ],
  ] as const)
    it(`fails for ${name} in a watch`, async () => {
      behave('watch', { kind: 'text', text: line });
      const results = discover();
      await next(results);
      assert.equal(await next(results), `failed: ${expected}`);
    });

  it('fails for an event of 10 MB', async () => {
    behave('watch', { kind: 'huge' });
    const results = discover();
    await next(results);
    assert.equal(await next(results), 'failed: the answer has more than 256 KiB');
  });

  it('fails for a watch of 5 MB of small events', async () => {
    const bookmark = '{"type":"BOOKMARK","object":{}}\n';
    behave('watch', { kind: 'text', text: bookmark.repeat(5_000_000 / bookmark.length) });
    const results = discover();
    await next(results);
    assert.equal(await next(results), 'failed: the answer has more than 4096 KiB');
  });
});

describe('discovery from an apiserver that answers something else', () => {
  const cases: readonly (readonly [string, ListBehaviour, string | RegExp])[] = [
    ['401', { kind: 'status', status: 401 }, 'EndpointSlices: status 401: the lab answers 401'],
    ['429', { kind: 'status', status: 429 }, 'EndpointSlices: status 429: the lab answers 429'],
    ['500', { kind: 'status', status: 500 }, 'EndpointSlices: status 500: the lab answers 500'],
    [
      'a redirect',
      { kind: 'status', status: 307 },
      'EndpointSlices: status 307: a redirect, which lvscare does not follow',
    ],
    ['a compressed answer', { kind: 'gzip' }, 'the answer is compressed (gzip), which was not asked for'],
    ['10 MB', { kind: 'huge' }, 'the answer has more than 256 KiB'],
    ['nothing', { kind: 'hang' }, 'no answer in 600 ms'],
    ['half an answer', { kind: 'cut-off' }, /./],
    ['broken JSON', { kind: 'text', text: '{"kind":' }, 'EndpointSlices: it is not JSON'],
    [
      'another kind',
      { kind: 'text', text: '{"kind":"PodList","apiVersion":"v1"}' },
      'EndpointSlices: expected EndpointSliceList of discovery.k8s.io/v1, got PodList of v1',
    ],
  ];
  for (const [name, behaviour, expected] of cases)
    it(`fails for ${name}, and asks again`, async () => {
      behave('list', behaviour);
      const results = discover();
      const failed = await next(results);
      if (typeof expected === 'string') assert.equal(failed, `failed: ${expected}`);
      else assert.match(failed, expected);
      master.api.behaviour = {};
      assert.equal(await next(results), `watch: ${ALL}`);
      assert.deepEqual(clock.waits, [1000]);
    });

  it('leaves nothing that listens to the end, whatever it answered', async () => {
    const results = discover();
    const behaviours: readonly ListBehaviour[] = [
      { kind: 'ok' },
      { kind: 'status', status: 401 },
      { kind: 'gzip' },
      { kind: 'huge' },
      { kind: 'cut-off' },
    ];
    for (const behaviour of behaviours) {
      master.api.behaviour = { get: behaviour };
      for (let answers = 0; answers < 3; answers += 1) await next(results);
    }
    master.api.behaviour = {};
    await next(results);
    assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
  });

  it('waits as long as Retry-After demands, and at most 5 min', async () => {
    behave('list', { kind: 'status', status: 429, retryAfterS: 30 });
    const results = discover();
    await next(results);
    behave('list', { kind: 'status', status: 503, retryAfterS: 100_000 });
    await next(results);
    await next(results);
    assert.deepEqual(clock.waits, [30_000, 300_000]);
  });

  it('waits longer after each failure, up to a minute', async () => {
    behave('list', { kind: 'status', status: 500 });
    const results = discover();
    for (let failures = 0; failures < 9; failures += 1) await next(results);
    assert.deepEqual(clock.waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });
});

describe('discovery from several apiservers', () => {
  it('asks each in its turn, and one that failed after the others', async () => {
    const dead = await closedPort();
    await using other = await apiserver(server, ca);
    const candidates = (): Endpoint[] => [dead, master.endpoint, other.endpoint];
    const results = discover({ candidates });
    assert.equal(await next(results), `failed: connect ECONNREFUSED ${dead.text}`);
    for (let polls = 0; polls < 4; polls += 1) assert.equal(await next(results), `poll: ${ALL}`);
    assert.deepEqual([master.api.counts.get, other.api.counts.get], [2, 2]);
  });

  it('fails while there is none to ask, and asks as soon as there is one', async () => {
    const candidates: Endpoint[] = [];
    const results = discover({ candidates: () => candidates });
    const { value } = (await results.next()) as { readonly value: DiscoveryResult };
    assert.ok(value.kind === 'failed' && value.from === null, 'it names an apiserver');
    assert.equal(value.error.message, 'there is no apiserver to ask');
    candidates.push(master.endpoint);
    assert.equal(await next(results), `poll: ${ALL}`);
  });

  it('fails in time for one that does not answer', async () => {
    others.push(await silent());
    assert.equal(
      await first({ candidates: () => others.map(({ endpoint: mute }) => mute) }),
      'failed: no answer to connect in 300 ms',
    );
  });

  it('fails in time for one whose TLS handshake hangs, and for one that sends bytes without end', async () => {
    const hanging = await raw(() => undefined);
    others.push(hanging);
    const endless = await rawAboveTls({ cert: server.cert, key: server.key }, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write(`x-${'y'.repeat(60_000)}: z\r\n`), 1);
      socket.once('close', () => {
        clearInterval(timer);
      });
    });
    others.push(endless);
    assert.equal(
      await first({ candidates: () => [hanging.endpoint] }),
      'failed: no TLS connection in 600 ms',
    );
    assert.match(await first({ candidates: () => [endless.endpoint] }), /^failed: Headers Overflow/);
  });

  it('ends when it is stopped in the middle of a watch', async () => {
    master.api.rights = RIGHTS_TO_WATCH;
    const results = discover();
    await next(results);
    const ended = results.next();
    stop.abort();
    assert.deepEqual(await ended, { value: undefined, done: true });
  });
});

describe('the certificates of apiservers', () => {
  async function asked(
    names: readonly string[],
    cluster: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const certificate = await issue({ subject: '/CN=kube-apiserver', names: [...names], signer: ca });
    await using other = await apiserver(certificate, ca);
    const kubeconfig = await writeKubeconfig(
      directory,
      'names.conf',
      { 'certificate-authority': ca.certificateFile, ...cluster },
      { token: LAB_TOKEN },
    );
    const result = await first({ kubeconfig, candidates: () => [other.endpoint] });
    // The token goes to no server that is not verified.
    assert.equal(other.api.counts.get, result.startsWith('poll') ? 1 : 0);
    return result;
  }

  it('may be for the address, for the name of the kubeconfig, or for a name that each apiserver has', async () => {
    for (const name of [
      'IP:127.0.0.1',
      'DNS:apiserver.cluster.local',
      'DNS:kubernetes',
      'DNS:kubernetes.default.svc',
    ])
      assert.equal(await asked([name]), `poll: ${ALL}`, name);
  });

  it('are refused for any other name, and for any but that of tls-server-name', async () => {
    assert.equal(
      await asked(['DNS:node0', 'IP:10.0.0.99']),
      'failed: certificate is for none of these: 127.0.0.1, kubernetes, kubernetes.default.svc, apiserver.cluster.local',
    );
    assert.match(
      await asked(['DNS:kubernetes', 'IP:127.0.0.1'], { 'tls-server-name': 'api.example.com' }),
      /^failed: certificate is not for api\.example\.com/,
    );
    assert.equal(
      await asked(['DNS:api.example.com'], { 'tls-server-name': 'api.example.com' }),
      `poll: ${ALL}`,
    );
  });

  it('are refused from another CA, and if they have expired', async () => {
    const foreign = await issue({ subject: '/CN=kubernetes', authority: true, signer: null });
    const names = ['DNS:kubernetes'];
    for (const [certificate, expected] of [
      [await issue({ subject: '/CN=a', names, signer: foreign }), /^failed: certificate is /],
      [
        await issue({ subject: '/CN=a', names, signer: ca, fromDay: -3, untilDay: -2 }),
        /^failed: certificate has expired/,
      ],
    ] as const) {
      await using other = await apiserver(certificate, ca);
      assert.match(await first({ candidates: () => [other.endpoint] }), expected);
      assert.equal(other.api.counts.get + other.api.counts.list, 0);
    }
  });
});

describe('credentials', () => {
  it('are read again when kubelet replaces its certificate by a link', async () => {
    const pem = (issued: Issued): string => `${issued.cert}${issued.key}`;
    const [current, old, fresh] = ['current.pem', 'old.pem', 'fresh.pem'].map((name) =>
      join(directory, name),
    ) as [string, string, string];
    const stranger = await issue({ subject: '/CN=stranger', authority: true, signer: null });
    const expired = await issue({ subject: '/CN=system:node:node', usage: 'clientAuth', signer: stranger });
    writeFileSync(old, pem(expired));
    writeFileSync(fresh, pem(client));
    symlinkSync(old, current);
    const kubeconfig = await writeKubeconfig(
      directory,
      'rotating.conf',
      { 'certificate-authority': ca.certificateFile },
      { 'client-certificate': 'current.pem', 'client-key': 'current.pem' },
    );
    const results = discover({ kubeconfig });
    assert.match(await next(results), /^failed: Endpoints: status 403: .*system:anonymous/);
    symlinkSync(fresh, `${current}.new`);
    renameSync(`${current}.new`, current);
    assert.equal(await next(results), `poll: ${ALL}`);
  });

  it('may be in the kubeconfig itself, or a token', async () => {
    const data = (text: string): string => Buffer.from(text).toString('base64');
    const cluster = { 'certificate-authority-data': data(ca.cert) };
    const inline = { 'client-certificate-data': data(client.cert), 'client-key-data': data(client.key) };
    assert.equal(
      await first({ kubeconfig: await writeKubeconfig(directory, 'data.conf', cluster, inline) }),
      `poll: ${ALL}`,
    );
    const token = { token: LAB_TOKEN };
    assert.equal(
      await first({ kubeconfig: await writeKubeconfig(directory, 'token.conf', cluster, token) }),
      `poll: ${ALL}`,
    );
    writeFileSync(join(directory, 'token'), `${LAB_TOKEN}\n`);
    const tokenFile = { tokenFile: 'token', token: 'wrong' };
    const kubeconfig = await writeKubeconfig(directory, 'token-file.conf', cluster, tokenFile);
    assert.equal(await first({ kubeconfig }), `poll: ${ALL}`);
    writeFileSync(join(directory, 'token'), 'wrong');
    assert.equal(await first({ kubeconfig }), 'failed: EndpointSlices: status 401: Unauthorized');
  });

  it('fail without an apiserver if they cannot be used, and are tried again', async () => {
    const path = join(directory, 'late.conf');
    const results = discover({ kubeconfig: path });
    assert.match(await next(results), /^failed: kubeconfig .*late\.conf: ENOENT/);
    copyFileSync(kubeletConf, path);
    assert.equal(await next(results), `poll: ${ALL}`);
    for (const [what, cluster, user, expected] of [
      [
        'ca',
        { 'certificate-authority': kubeletConf },
        { token: 'a' },
        /certificate-authority .*kubelet\.conf: no certificates in PEM/,
      ],
      [
        'key',
        {},
        { 'client-certificate': client.certificateFile, 'client-key': server.keyFile },
        /client-certificate .*: the key is not that of the certificate/,
      ],
      [
        'no-key',
        {},
        { 'client-certificate': client.certificateFile, 'client-key': client.certificateFile },
        /client-key .*: no private key in PEM/,
      ],
      ['token', {}, { token: '"two words"' }, /token of kubeconfig .*: it is not a single token/],
      ['directory', {}, { tokenFile: '/' }, /token \/: \/ is not a regular file/],
      ['big', {}, { tokenFile: process.execPath }, /has more than 256 KiB/],
    ] as const) {
      const given = { 'certificate-authority': ca.certificateFile, ...cluster };
      const kubeconfig = await writeKubeconfig(directory, `${what}.conf`, given, user);
      assert.match(await first({ kubeconfig }), expected);
    }
    assert.deepEqual(master.api.counts, { list: 1, watch: 0, get: 1 });
  });

  it('distinguish clusters by their CA alone, whatever the order of its certificates', async () => {
    const other = await issue({ subject: '/CN=kubernetes', authority: true, signer: null });
    // The saved list is used also while kubelet has no credentials.
    const user = { 'client-certificate': 'none.crt', 'client-key': 'none.key' };
    const cluster = async (...certificates: readonly string[]): Promise<string> => {
      writeFileSync(join(directory, 'bundle.crt'), certificates.join(''));
      const given = { 'certificate-authority': 'bundle.crt' };
      const kubeconfig = await writeKubeconfig(directory, 'bundle.conf', given, user);
      return createKubernetesDiscovery({
        kubeconfig,
        sourcePorts: 'kernel',
        clock,
        random: () => 0,
      }).cluster();
    };
    const one = await cluster(ca.cert);
    assert.match(one, /^[0-9a-f]{64}$/);
    assert.equal(await cluster('# a comment\n', ca.cert, ca.cert), one);
    assert.notEqual(await cluster(other.cert), one);
    const both = await cluster(ca.cert, other.cert);
    assert.equal(both, await cluster(other.cert, ca.cert));
    assert.deepEqual(both.split(' '), [one, await cluster(other.cert)].sort());
    await assert.rejects(cluster('nothing'), /bundle\.crt: no certificates in PEM/);
  });
});

it('connects from the ports that are given', async () => {
  const ports: number[] = [];
  await using seen = await rawAboveTls({ cert: server.cert, key: server.key }, (socket) => {
    ports.push(socket.remotePort ?? 0);
    socket.destroy();
  });
  const discovery = createKubernetesDiscovery({
    ...{ kubeconfig: kubeletConf, clock, random: () => 0.5, timings: SHORT },
    sourcePorts: { first: 64_000, last: 64_999 },
  });
  const results = discovery.lists(() => [seen.endpoint], stop.signal)[Symbol.asyncIterator]();
  await results.next();
  assert.ok(ports.every((port) => port >= 64_000 && port < 65_000) && ports.length === 1, ports.join());
});
