// The faults that a lab can have, judged by curl, openssl, ss and bash, which know nothing of it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, openSockets, until, urlOf, type Master } from '../../lab/index.js';

describe("a lab's faults", () => {
  let lab: Lab;
  let master: Master;
  let address: string;
  before(async () => {
    lab = await Lab.create({ masters: 1 });
    master = lab.master(0);
    address = master.addresses.ipv4;
  });
  after(() => lab.close());
  afterEach(async () => {
    await master.mend();
    await master.heal();
    assert.deepEqual(await curl('/healthz'), { status: 0, stdout: 'ok', stderr: '' });
  });

  /** curl with its exit status: 7 no connection, 18 body cut short, 28 timeout, 35 handshake, 52 no answer, 56 reset. */
  const curl = (path: string, ...more: string[]): ReturnType<Lab['node']['exec']> =>
    lab.node.exec('curl', ['-sS', '--cacert', lab.caFile, ...more, urlOf(address, path)]);
  const curlStatus = async (path: string, ...more: string[]): Promise<number> =>
    (await curl(path, ...more)).status;
  const httpStatus = async (path: string, ...more: string[]): Promise<string> =>
    (await curl(path, '-o', '/dev/null', '-w', '%{http_code}', ...more)).stdout;
  const sClient = async (...more: string[]): Promise<string> => {
    const args = ['s_client', '-connect', `${address}:6443`, '-CAfile', lab.caFile, ...more];
    const { stdout, stderr } = await lab.node.exec('openssl', args);
    return stdout + stderr;
  };
  /** Sends bytes as they are, and shows what comes until the end, or for half a second, as text and hex. */
  const raw = (send: string): Promise<string> =>
    lab.node.must('bash', [
      '-c',
      `exec 3<>/dev/tcp/${address}/6443; printf '${send}' >&3; timeout 0.5 cat <&3 2>&1 | od -An -c`,
    ]);

  describe('in the answers on its health paths', () => {
    it('are a status, with a Location for a redirect', async () => {
      for (const status of [503, 401, 403, 429]) {
        await master.fail(status);
        assert.equal(await httpStatus('/healthz'), String(status));
      }
      await master.fail(301);
      assert.match(
        (await curl('/healthz', '-i')).stdout,
        /^HTTP\/1.1 301 [^]*\r\nlocation: \/elsewhere\r\n/i,
      );
    });

    it('are those of one path alone', async () => {
      await master.behave({ kind: 'status', status: 500, path: '/readyz' });
      assert.equal(await httpStatus('/readyz'), '500');
      assert.equal(await httpStatus('/healthz'), '200');
      assert.equal(await httpStatus('/livez'), '200');
    });

    it('are a late answer', async () => {
      await master.behave({ kind: 'late', afterMs: 1500 });
      const { stdout } = await curl('/healthz', '-o', '/dev/null', '-w', '%{time_starttransfer}');
      assert.ok(Number(stdout) >= 1.5, stdout);
    });

    it('are headers, or a body, that never end, though something comes all the time', async () => {
      await master.behave({ kind: 'endless-headers' });
      const headers = await curl('/healthz', '-i', '--max-time', '2');
      assert.equal(headers.status, 28);
      assert.match(headers.stdout, /x-more: 0\r\nx-more: 1\r\nx-more: 2\r\n/);
      await master.behave({ kind: 'endless-body' });
      const body = await curl('/healthz', '-N', '--max-time', '2');
      assert.equal(body.status, 28);
      assert.match(body.stdout, /^\.{3,30}$/);
    });

    it('are a body of 100 MB', async () => {
      await master.behave({ kind: 'huge-body' });
      const { stdout } = await curl('/healthz', '-o', '/dev/null', '-w', '%{size_download}');
      assert.equal(stdout, '100000000');
    });

    it('are a connection that is cut off before, in or after the headers', async () => {
      for (const [at, by, expected] of [
        ['request', 'rst', 56],
        ['headers', 'rst', 56],
        ['body', 'rst', 56],
        ['request', 'fin', 52],
        // Headers that break off are good enough for curl.
        ['headers', 'fin', 0],
        ['body', 'fin', 18],
      ] as const) {
        await master.behave({ kind: 'cut-off', at, by });
        const { status, stdout, stderr } = await curl('/healthz', '-i');
        assert.equal(status, expected, `${at} ${by}: ${stdout} ${stderr}`);
        if (expected !== 0)
          assert.match(stderr, by === 'rst' ? /reset/ : /eof|closed|empty reply/i, `${at} ${by}`);
        // A reset takes away what was not yet read.
        if (at === 'body' && by === 'fin') assert.match(stdout, /\r\n\r\nbegun$/);
      }
    });

    it('leave other requests in peace', async () => {
      const stream = await lab.node.open(urlOf(address, '/'));
      await stream.ask('/stream?everyMs=20');
      for (const kind of ['hang', 'endless-headers', 'huge-body'] as const) {
        await master.behave({ kind });
        assert.equal(await httpStatus('/whoami'), '200');
      }
      await stream.expect(/\n20\r?\n/);
      await stream.close();
    });

    it('are a 401 without the token and without a certificate', async () => {
      await master.demand({ token: 'secret', clientCertificate: true });
      assert.equal(await httpStatus('/healthz'), '401');
      assert.equal(await httpStatus('/healthz', '-H', 'Authorization: Bearer secret'), '200');
      assert.equal(await httpStatus('/healthz', '-H', 'Authorization: Bearer other'), '401');
      const client = await lab.certificates.createClient('client', { name: 'node' });
      const authority = await lab.certificates.createAuthority('other-clients');
      const stranger = await lab.certificates.createClient('stranger', { name: 'node', authority });
      const as = ({ certificateFile, keyFile }: typeof client): string[] => [
        ...['--cert', certificateFile, '--key', keyFile],
      ];
      assert.equal(await httpStatus('/healthz', ...as(client)), '200');
      assert.equal(await httpStatus('/healthz', ...as(stranger)), '401');
      assert.equal(await httpStatus('/whoami'), '200');
      await master.heal();
      await master.greet({ kind: 'client-certificate' });
      assert.notEqual(await curlStatus('/healthz'), 0);
      assert.notEqual(await curlStatus('/healthz', ...as(stranger)), 0);
      assert.equal(await httpStatus('/healthz', ...as(client)), '200');
    });
  });

  describe('in how new connections are met', () => {
    it('are resets and goodbyes at accept and in the handshake', async () => {
      for (const [at, by, words] of [
        ['accept', 'rst', /reset|failed to connect/i],
        ['client-hello', 'rst', /reset/],
        ['accept', 'fin', /eof|closed|reset|pipe|SYSCALL/i],
        ['client-hello', 'fin', /eof|closed|SYSCALL/i],
      ] as const) {
        await master.greet({ kind: 'cut-off', at, by });
        const { status, stderr } = await curl('/whoami');
        // 7 if it came while curl still looked at how connecting went.
        assert.ok(status === 35 || (at === 'accept' && status === 7), stderr);
        assert.match(stderr, words, `${at} ${by}`);
      }
    });

    it('are bytes that are no TLS, silence, and HTTP without TLS', async () => {
      await master.greet({ kind: 'garbage' });
      assert.match(await sClient(), /wrong version number|packet length|unexpected|no peer certificate/);
      assert.match(await raw(''), /^ *%/);
      await master.greet({ kind: 'silence' });
      assert.equal(await curlStatus('/healthz', '--max-time', '0.5'), 28);
      await master.greet({ kind: 'http' });
      assert.match(await sClient(), /wrong version number|packet length/);
      const plain = await lab.node.exec('curl', ['-sS', `http://${address}:6443/healthz`]);
      assert.equal(plain.stdout, 'ok');
    });

    it('are TLS 1.0 alone', async () => {
      await master.greet({ kind: 'tls1.0' });
      assert.match(await sClient('-tls1_2'), /unsupported protocol/);
      const old = ['-tls1', '-cipher', 'ALL:@SECLEVEL=0'];
      assert.match(await sClient(...old), /Protocol *: TLSv1\b|New, TLSv1\b/);
    });

    it('are certificates that are not yet or no longer valid, for another name, or of an unknown CA', async () => {
      const usual = { name: 'apiserver', alternativeNames: [`IP:${address}`] };
      const { certificates } = lab;
      const authority = await certificates.createAuthority('stranger-ca');
      for (const [file, options, words] of [
        ['future', { ...usual, notYetValid: true }, /not yet valid/],
        ['past', { ...usual, expired: true }, /has expired/],
        ['else', { ...usual, alternativeNames: ['IP:10.103.97.99'] }, /ip address mismatch/i],
        ['strange', { ...usual, authority }, /unable to (get local issuer|verify)/],
      ] as const) {
        await master.present(await certificates.create(file, options));
        assert.match(await sClient('-verify_ip', address), words);
      }
      await master.heal();
      assert.match(await sClient('-verify_ip', address), /Verification: OK/);
    });

    it('leave connections in peace that stand already', async () => {
      const standing = await lab.node.open(urlOf(address, '/'));
      for (const kind of ['garbage', 'silence', 'http', 'tls1.0'] as const) {
        await master.greet({ kind });
        assert.equal((await standing.whoami()).name, 'master0');
      }
      await standing.close();
    });
  });

  describe('in how connections are ended', () => {
    it('are idle ones that are closed early, without a header that says so', async () => {
      await master.mind({ idleMs: 200 });
      assert.doesNotMatch((await curl('/healthz', '-i')).stdout, /keep-alive|connection:/i);
      const connection = await lab.node.open(urlOf(address, '/'));
      await connection.whoami();
      assert.equal((await connection.ended).code, null);
    });

    it('are those whose every answer is the last', async () => {
      await master.mind({ lastAnswer: true });
      assert.match((await curl('/healthz', '-i')).stdout, /\r\nconnection: close\r\n/i);
      const connection = await lab.node.open(urlOf(address, '/'));
      await connection.whoami();
      assert.equal((await connection.ended).code, null);
    });
  });

  describe('of its process', () => {
    it('are a port that is closed while connections go on, and opened again', async () => {
      const standing = await lab.node.open(urlOf(address, '/'));
      await master.closePort();
      assert.equal(await curlStatus('/healthz'), 7);
      assert.equal((await master.exec('ss', ['-Hltn', 'sport = :6443'])).stdout, '');
      assert.equal((await standing.whoami()).name, 'master0');
      await master.openPort();
      assert.equal(await httpStatus('/healthz'), '200');
      assert.equal((await standing.whoami()).name, 'master0');
      await standing.close();
    });

    it('are an end in good order: unready first, then no new connections, answers until the last', async () => {
      const idle = await lab.node.open(urlOf(address, '/'));
      await idle.whoami();
      const busy = await lab.node.open(urlOf(address, '/'));
      await busy.ask('/stream?everyMs=20');
      const asking = await lab.node.open(urlOf(address, '/'));
      await master.behave({ kind: 'late', afterMs: 3500 });
      await asking.ask('/livez');
      const { pid } = master;
      const ended = master.shutDown({ unreadyMs: 2500 });
      await until(async () => (await httpStatus('/readyz')) === '500');
      assert.equal(await httpStatus('/whoami'), '200', 'it still serves');
      assert.equal((await idle.ended).code, null);
      assert.equal(await curlStatus('/whoami'), 7, 'now it does not');
      await busy.expect(/\r\n0\r\n\r\n/);
      assert.equal((await busy.ended).code, null);
      await asking.expect(/200 OK[^]*ok$/);
      assert.equal((await asking.ended).code, null);
      await ended;
      assert.ok(!existsSync(`/proc/${pid}`));
      await master.start();
    });

    it('show in its sockets, as ss counts them', async () => {
      const { pid } = master;
      // Those of the tests before may still be on their way out.
      await until(async () => (await master.stats()).openConnections === 0);
      const before = await openSockets(pid);
      const connections = await Promise.all(
        [1, 2, 3].map(async () => {
          const connection = await lab.node.open(urlOf(address, '/'));
          await connection.whoami();
          return connection;
        }),
      );
      assert.equal((await openSockets(pid)) - before, 3);
      const shown = await master.exec('ss', ['-Htnp', 'state', 'established', 'sport = :6443']);
      assert.equal(shown.stdout.trim().split('\n').length, 3, shown.stdout);
      await Promise.all(connections.map((connection) => connection.close()));
      await until(async () => (await openSockets(pid)) === before);
      assert.equal((await master.stats()).openConnections, 0);
    });
  });

  describe('of its network', () => {
    it('are a host that says by ICMP that it is prohibited, while what stands hangs', async () => {
      const standing = await lab.node.open(urlOf(address, '/'));
      await standing.whoami();
      await master.prohibit();
      const { status, stderr } = await curl('/healthz', '--max-time', '5');
      assert.equal(status, 7);
      assert.match(stderr, /No route to host|Couldn't connect/);
      assert.equal((await lab.node.exec('ping', ['-c1', '-W2', address])).status, 0);
      await standing.ask('/whoami');
      await assert.rejects(standing.expect(/master0/, 500), /TIMEOUT/);
      await master.mend();
      await standing.expect(/master0/, 20_000);
      await standing.close();
    });

    it('are delay and loss', async () => {
      const pings = async (count: number): Promise<{ lost: number; averageMs: number }> => {
        const args = ['-q', '-i0.02', `-c${count}`, '-W2', address];
        const { stdout } = await lab.node.exec('ping', args);
        const averageMs = Number(/= [\d.]+\/([\d.]+)/.exec(stdout)?.[1]);
        return { lost: Number(/([\d.]+)% packet loss/.exec(stdout)?.[1]), averageMs };
      };
      await master.impair({ delayMs: 200, lossPercent: 30 });
      const impaired = await pings(100);
      assert.ok(impaired.averageMs >= 195, JSON.stringify(impaired));
      assert.ok(impaired.lost > 10 && impaired.lost < 60, JSON.stringify(impaired));
      await master.mend();
      await lab.node.impair({ delayMs: 100, lossPercent: 0 });
      assert.ok((await pings(5)).averageMs >= 95);
      await lab.node.mend();
      assert.equal((await pings(20)).lost, 0);
    });

    it("are the node's own cable", async () => {
      await lab.node.cut();
      assert.notEqual((await lab.node.exec('ping', ['-c1', '-W1', address])).status, 0);
      await lab.node.mend();
      assert.equal(await httpStatus('/healthz'), '200');
    });
  });
});
