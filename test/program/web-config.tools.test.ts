/** The endpoint of the program itself, by --dry-run, which needs no kernel with IPVS; judged by curl and openssl. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { compareSync } from 'bcryptjs';
import { Certificates, type Certificate } from '../../lab/certificates.js';
import { until } from '../../lab/index.js';
import { run } from '../../lab/run.js';
import { closedPort } from '../probe/servers.js';
import { runProgram, startProgram } from '../support/program.js';

/** Of the password `secret`; made by htpasswd, whose prefix is 2y. */
const HASH = '$2y$10$raxdgL0Hnyaz3Q/ocgGn/evzuGslF3RgvAgzWhsfH4dN20vdsHrQK';

interface Answer {
  readonly exitCode: number;
  readonly status: number;
  readonly body: string;
}

async function curl(url: string, ...args: readonly string[]): Promise<Answer> {
  const { status, stdout } = await run('curl', ['-s', '-m', '10', '-w', '\\n%{http_code}', ...args, url]);
  const end = stdout.lastIndexOf('\n');
  return { exitCode: status, status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
}

/** What `openssl s_client` prints of a handshake. */
async function openssl(address: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run('openssl', ['s_client', '-connect', address, ...args]);
  return stdout + stderr;
}

class Daemon implements AsyncDisposable {
  readonly address: string;
  said = '';
  readonly #child: ReturnType<typeof startProgram>;

  private constructor(address: string, args: readonly string[]) {
    this.address = address;
    this.#child = startProgram([
      ...['care', '--dry-run', '--vs', '10.103.97.2:6443', '--rs', '127.0.0.1:1', '--log-format', 'json'],
      ...['--health-insecure-skip-verify', '--metrics-addr', address, ...args],
    ]);
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
  }

  static async start(...args: readonly string[]): Promise<Daemon> {
    const daemon = new Daemon((await closedPort()).text, args);
    await daemon.says(/"event":"listening"/);
    return daemon;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async says(words: RegExp): Promise<void> {
    await until(() => Promise.resolve(words.test(this.said)), { timeoutMs: 30_000, everyMs: 50 }).catch(
      () => {
        throw new Error(`it did not say ${String(words)}:\n${this.said}`);
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}

describe('the endpoint of the program', () => {
  let directory: string;
  let certificates: Certificates;
  let file: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'endpoint-'));
    certificates = await Certificates.create();
    file = join(directory, 'web.yml');
  });
  after(async () => {
    await certificates.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Replaces the certificate and the key by renames, as kubelet and cert-manager do. */
  async function install(certificate: Certificate): Promise<void> {
    for (const [name, text] of [
      ['tls.crt', certificate.cert],
      ['tls.key', certificate.key],
    ] as const) {
      await writeFile(join(directory, `.${name}`), text, { mode: 0o600 });
      await rename(join(directory, `.${name}`), join(directory, name));
    }
  }
  const make = (name: string): Promise<Certificate> =>
    certificates.create(name, { name, alternativeNames: ['IP:127.0.0.1', 'DNS:localhost'] });
  const TLS = 'tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n';
  const USERS = `basic_auth_users:\n  prometheus: ${HASH}\n`;

  it('has TLS and passwords as in the file, and health paths without a password', async () => {
    await install(await make('first'));
    await writeFile(file, TLS + USERS + 'http_server_config: {headers: {X-Frame-Options: deny}}\n');
    await using daemon = await Daemon.start('--web-config-file', file);
    await daemon.says(/"msg":"metrics, health and status at https:\/\/127/);
    const url = `https://${daemon.address}`;
    const ca = ['--cacert', certificates.authority.certificateFile];
    for (const path of ['/healthz', '/readyz'])
      assert.equal(
        (await curl(url + path, ...ca)).body.split(/[:\n]/)[0]?.replace('not ready', 'ok'),
        'ok',
        path,
      );
    for (const path of ['/metrics', '/', '/report.json', '/nowhere'])
      assert.equal((await curl(url + path, ...ca)).status, 401, path);
    assert.equal((await curl(`${url}/metrics`, ...ca, '-u', 'prometheus:wrong')).status, 401);
    assert.equal((await curl(`${url}/metrics`, ...ca, '-u', 'nobody:secret')).status, 401);
    for (const path of ['/metrics', '/', '/report.json'])
      assert.equal((await curl(url + path, ...ca, '-u', 'prometheus:secret')).status, 200, path);
    const { body: head } = await curl(`${url}/healthz`, ...ca, '-i');
    assert.match(head, /^x-frame-options: deny/im);

    assert.equal((await curl(`${url}/healthz`)).exitCode, 60, 'a client that does not know the CA');
    assert.notEqual((await curl(`http://${daemon.address}/healthz`)).exitCode, 0, 'plain HTTP');
    const handshake = (...args: string[]): Promise<string> => openssl(daemon.address, '-cipher', ...args);
    assert.match(await handshake('ALL:@SECLEVEL=0', '-tls1_3'), /New, TLSv1.3/);
    assert.match(await handshake('ALL:@SECLEVEL=0', '-tls1_2'), /New, TLSv1.2, Cipher is ECDHE/);
    assert.match(
      await handshake('ALL:@SECLEVEL=0', '-tls1_1'),
      /alert protocol version|no protocols available/,
    );
    assert.match(await handshake('DHE:RSA:@SECLEVEL=0', '-tls1_2'), /handshake failure/);
  });

  it('takes a renewed certificate and other passwords without a restart, and keeps the last good ones', async () => {
    await install(await make('before'));
    await writeFile(file, TLS + USERS);
    await using daemon = await Daemon.start('--web-config-file', file);
    const subject = async (): Promise<string> => {
      const text = await openssl(daemon.address);
      return /subject=CN ?= ?(\S+)/.exec(text)?.[1] ?? text;
    };
    assert.equal(await subject(), 'before');
    await install(await make('after'));
    await until(async () => (await subject()) === 'after', { timeoutMs: 20_000, everyMs: 200 });

    await writeFile(join(directory, 'tls.key'), 'half a key');
    await daemon.says(
      /"event":"credentials-failed".*web configuration \S+web.yml: tls_server_config.key_file in \S+: expected a file with a private key in PEM[^\n]*; using the last good ones/,
    );
    assert.equal(await subject(), 'after');
    const ca = ['--cacert', certificates.authority.certificateFile];
    const metrics = await curl(`https://${daemon.address}/metrics`, ...ca, '-u', 'prometheus:secret');
    assert.match(metrics.body, /lvscare_trouble\{.*what="web configuration .*"\} 1/);

    await install(await make('third'));
    await until(async () => (await subject()) === 'third', { timeoutMs: 20_000, everyMs: 200 });
    await daemon.says(/"event":"credentials-ok"/);

    await writeFile(file, TLS + USERS.replace('prometheus', 'scraper'));
    const asked = async (user: string): Promise<number> =>
      (await curl(`https://${daemon.address}/metrics`, ...ca, '-u', `${user}:secret`)).status;
    await until(async () => (await asked('prometheus')) === 401, { timeoutMs: 20_000, everyMs: 500 });
    await until(async () => (await asked('scraper')) === 200, { timeoutMs: 20_000, everyMs: 500 });

    await writeFile(file, USERS);
    await daemon.says(/tls_server_config was removed, which needs a restart/);
    assert.equal(await subject(), 'third');
    await writeFile(file, '');
    await daemon.says(
      /web.yml: --web-config-file: expected a file with tls_server_config or basic_auth_users/,
    );
    assert.equal(await asked('nobody'), 401);
  });

  it('demands a client certificate of its CA, except at the health paths', async () => {
    await install(await make('server'));
    const prometheus = await certificates.createClient('prometheus', { name: 'prometheus' });
    const kubelet = await certificates.createClient('kubelet', { name: 'kubelet' });
    const foreign = await certificates.createClient('foreign', {
      name: 'prometheus',
      authority: await certificates.createAuthority('other-ca'),
    });
    await writeFile(
      file,
      `${TLS}  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ${certificates.authority.certificateFile}
  client_allowed_sans: [prometheus]
`,
    );
    await using daemon = await Daemon.start('--web-config-file', file);
    const ask = async (path: string, client?: Certificate): Promise<number> => {
      const shown = client === undefined ? [] : ['--cert', client.certificateFile, '--key', client.keyFile];
      const ca = ['--cacert', certificates.authority.certificateFile];
      return (await curl(`https://${daemon.address}${path}`, ...ca, ...shown)).status;
    };
    assert.equal(await ask('/healthz'), 200);
    assert.equal(await ask('/metrics', prometheus), 200);
    for (const client of [undefined, kubelet, foreign]) assert.equal(await ask('/metrics', client), 403);

    await writeFile(file, (await readFile(file, 'utf8')).replace('[prometheus]', '[nobody]'));
    await until(async () => (await ask('/metrics', prometheus)) === 403, { timeoutMs: 20_000, everyMs: 200 });
  });

  it('answers by an IP address, localhost, the host name and the names of --web-host, and by no other', async () => {
    await using daemon = await Daemon.start('--web-host', 'Node-1.example,lvscare.example');
    const [, port = ''] = daemon.address.split(':');
    const by = async (host: string): Promise<number> =>
      (await curl(`http://${daemon.address}/metrics`, '-H', `Host: ${host}`)).status;
    const names = ['10.0.0.1', '[fd00::1]', 'localhost', hostname(), 'node-1.example', 'lvscare.example'];
    for (const name of names) assert.equal(await by(`${name}:${port}`), 200, name);
    for (const name of ['rebound.example', 'localhost.rebound.example', ''])
      assert.equal(await by(`${name}:${port}`), 421, name);
    const { body } = await curl(`http://${daemon.address}/`, '-H', 'Host: rebound.example');
    assert.match(body, /^lvscare does not answer by the name "rebound.example": use .*--web-host\n$/);
  });

  it('warns of a key and a web configuration that every user can read, and so does doctor, with the remedy', async () => {
    await install(await make('open'));
    await writeFile(file, TLS);
    await chmod(file, 0o600);
    const key = join(directory, 'tls.key');
    await chmod(key, 0o644);
    await using daemon = await Daemon.start('--web-config-file', file);
    await daemon.says(
      /"event":"file-permissions"[^\n]*tls.key: mode 0644, so every user can read it; chmod 600 /,
    );
    assert.equal(daemon.said.match(/"file-permissions"/g)?.length, 1);
    const servers = ['--vs', '10.103.97.2:6443', '--rs', '127.0.0.1:1', '--health-insecure-skip-verify'];
    const { stdout } = await runProgram(['doctor', ...servers, '--web-config-file', file]);
    assert.match(stdout, /^ok +web-config: \S+web.yml is valid$/m);
    assert.ok(
      stdout.includes(
        `permissions ${key}: mode 0644, so every user can read it\n      fix: chmod 600 ${key}`,
      ),
      stdout,
    );
    await writeFile(file, 'x: 1');
    const bad = await runProgram(['doctor', ...servers, '--web-config-file', file]);
    assert.match(bad.stdout, /^fail +web-config: \S+web.yml: expected as keys only .*, got "x"$/m);
  });

  it('has neither the page nor the report with --status-page=false', async () => {
    await using daemon = await Daemon.start('--status-page=false');
    const statusOf = async (path: string): Promise<number> =>
      (await curl(`http://${daemon.address}${path}`)).status;
    for (const path of ['/', '/report.json']) assert.equal(await statusOf(path), 404, path);
    for (const path of ['/metrics', '/healthz']) assert.equal(await statusOf(path), 200, path);
  });

  it('ends with exit code 2 and one line for a file or an address that is wrong', async () => {
    const care = (...args: string[]): ReturnType<typeof runProgram> =>
      runProgram(['care', '--dry-run', '--vs', '10.103.97.2:6443', '--rs', '127.0.0.1:1', ...args]);
    const { text: address } = await closedPort();
    await writeFile(file, 'basic_auth_users:\n  prometheus: secret\n');
    for (const [args, message] of [
      [
        ['--metrics-addr', address, '--web-config-file', file],
        /^basic_auth_users.prometheus in \S+web.yml: expected a bcrypt hash .*, got "\.\.\."\n$/,
      ],
      [
        ['--metrics-addr', address, '--web-config-file', ''],
        /^--web-config-file: expected a readable file \(ENOENT\), got ""\n$/,
      ],
      [['--metrics-addr', ':9288'], /^--metrics-addr: expected IP:PORT .*, got ":9288"\n$/],
      [['--metrics-addr', ''], /^--metrics-addr: expected IP:PORT .*, got ""\n$/],
      [['--web-host', 'a:9288'], /^--web-host: expected the name of a host, without a port, got "a:9288"\n$/],
    ] as const) {
      const { status, stderr } = await care(...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
    }
    await writeFile(file, TLS);
    const unix = await care('--metrics-addr', `unix:${directory}/x.sock`, '--web-config-file', file);
    assert.equal(unix.status, 2);
    assert.match(
      unix.stderr,
      /^tls_server_config in \S+web.yml: expected no TLS at a Unix socket, got "unix:/,
    );
  });

  it('compares wrong passwords for a fifth of the time at most, however many come, answers kubelet, and accepts the right one', async () => {
    await writeFile(file, USERS);
    await using daemon = await Daemon.start('--web-config-file', file);
    const [, port = ''] = daemon.address.split(':');
    let [stopped, tried, compared, refused] = [false, 0, 0, 0];
    /** From an address of its own: all of 127.0.0.0/8 are this machine's. */
    const attack = async (localAddress: string): Promise<void> => {
      while (!stopped)
        await new Promise<void>((resolve) => {
          tried += 1;
          const auth = `prometheus:${tried}`;
          get({ host: '127.0.0.1', port, path: '/metrics', auth, localAddress, agent: false }, (response) => {
            if (response.statusCode === 401) compared += 1;
            if (response.statusCode === 429) refused += 1;
            response.resume().once('close', resolve);
          }).once('error', () => {
            resolve();
          });
        });
    };
    const fastestMs = Math.min(
      ...[1, 2, 3].map(() => {
        const fromMs = performance.now();
        compareSync('wrong', HASH);
        return performance.now() - fromMs;
      }),
    );
    // Of the three connections of each, one is compared, one waits, and one is busy.
    const attackers = [2, 3, 2, 3, 2, 3].map((last) => attack(`127.0.0.${last}`));
    try {
      await until(
        async () =>
          (await curl(`http://${daemon.address}/metrics`, '-u', 'prometheus:secret')).status === 200,
        {
          timeoutMs: 90_000,
          everyMs: 100,
        },
      );
      const from = { at: performance.now(), compared, refused };
      // With the time limit of kubelet's probes in the manifest.
      while (performance.now() - from.at < 5000)
        assert.equal((await curl(`http://${daemon.address}/healthz`, '-m', '5')).status, 200);
      const took = performance.now() - from.at;
      assert.ok(refused > from.refused, 'the attack goes on');
      // A fifth of the time at most, with room for a machine that is faster at times.
      const most = (1.5 * took) / 5 / fastestMs + 2;
      assert.ok(compared - from.compared <= most, `${compared - from.compared} were compared, not ${most}`);
    } finally {
      stopped = true;
      await Promise.all(attackers);
    }
  });
});
