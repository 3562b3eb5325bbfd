import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { Certificates, type Certificate } from '../../lab/certificates.js';
import { must } from '../../lab/run.js';
import { timeLimit } from '../../lab/time-limit.js';
import { makeCertificate } from '../../lab/x509.js';
import {
  createCredentials,
  type CredentialFiles,
  type Credentials,
  type CurrentCredentials,
  type Disk,
} from '../../src/tls/credentials.js';
import { rawAboveTls } from '../probe/servers.js';

const NOTHING: CredentialFiles = {
  verify: false,
  caFile: null,
  certificateFile: null,
  keyFile: null,
  tokenFile: null,
};

let certificates: Certificates;
let ca: string;
let otherCa: string;
let serverPair: { readonly cert: Buffer; readonly key: Buffer };
let first: Certificate;
let second: Certificate;

before(async () => {
  certificates = await Certificates.create();
  ca = certificates.authority.certificateFile;
  otherCa = (await certificates.createAuthority('other-ca')).certificateFile;
  const server = await certificates.create('server', { name: 'server', alternativeNames: ['IP:127.0.0.1'] });
  serverPair = { cert: readFileSync(server.certificateFile), key: readFileSync(server.keyFile) };
  first = await certificates.create('first', { name: 'first', alternativeNames: ['DNS:first'] });
  second = await certificates.create('second', { name: 'second', alternativeNames: ['DNS:second'] });
});
after(() => certificates.close());

/** A directory of its own for each test. */
let directory: string;
let tests = 0;
beforeEach(() => {
  tests += 1;
  directory = join(certificates.directory, `test-${tests}`);
  mkdirSync(directory);
});

const path = (name: string): string => join(directory, name);

/** Replaces a file in place, as kubeadm does. */
function put(name: string, content: string | Buffer): string {
  writeFileSync(path(name), content);
  return path(name);
}

const copy = (name: string, from: string): string => put(name, readFileSync(from));

/** Says `told` whenever any of them does. */
const tellings = new EventEmitter();

/** Credentials, and what they tell of trouble. */
function credentialsOf(
  files: Partial<CredentialFiles>,
  how: Parameters<typeof createCredentials>[2] = {},
): { credentials: Credentials; told: (string | null)[] } {
  const told: (string | null)[] = [];
  const onTrouble = (what: string, error: Error | null): void => {
    told.push(
      `${what.replaceAll(directory, '')}: ${error === null ? 'over' : error.message.replace(directory, '')}`,
    );
    tellings.emit('told');
  };
  return { credentials: createCredentials({ ...NOTHING, ...files }, onTrouble, how), told };
}

function assertSame(one: CurrentCredentials, other: CurrentCredentials): void {
  assert.equal(one.secureContext, other.secureContext);
  assert.equal(one.token, other.token);
}

/** What comes of a handshake: whether the server was accepted, and whom it took us for. */
async function meet(credentials: Credentials): Promise<{ accepted: boolean; shown: string | null }> {
  const { secureContext } = await credentials.current();
  let shown: string | null = null;
  const asking = { ...serverPair, requestCert: true, rejectUnauthorized: false };
  await using listening = await rawAboveTls(asking, (socket) => {
    assert.ok(socket instanceof tls.TLSSocket);
    // Empty, and not as its type says, when there is none.
    const certificate: Partial<tls.PeerCertificate> = socket.getPeerCertificate();
    shown = [certificate.subject?.CN ?? []].flat()[0] ?? null;
    socket.write('hello');
  });
  const { address: host, port } = listening.endpoint;
  const socket = tls.connect({ host, port, secureContext, rejectUnauthorized: false });
  await once(socket, 'data');
  const accepted = socket.authorized;
  socket.destroy();
  return { accepted, shown };
}

describe('credentials', () => {
  it('are nothing at all, if nothing is given', async () => {
    const { credentials, told } = credentialsOf({});
    assert.equal((await credentials.current()).token, null);
    assert.deepEqual(await meet(credentials), { accepted: false, shown: null });
    assert.deepEqual(told, []);
  });

  it('are a CA to verify by, a certificate to show, and a token', async () => {
    const { credentials, told } = credentialsOf({
      verify: true,
      caFile: ca,
      certificateFile: first.certificateFile,
      keyFile: first.keyFile,
      tokenFile: put('token', '  abc.def\n'),
    });
    assert.equal((await credentials.current()).token, 'abc.def');
    assert.deepEqual(await meet(credentials), { accepted: true, shown: 'first' });
    assert.deepEqual(told, []);
  });

  it('accept no certificate of another CA, and none of the lab by the CAs that Node trusts', async () => {
    const byOther = credentialsOf({ verify: true, caFile: otherCa });
    assert.equal((await meet(byOther.credentials)).accepted, false);
    const byNode = credentialsOf({ verify: true });
    assert.equal((await meet(byNode.credentials)).accepted, false);
  });

  it('do not look at a CA that nothing is verified by', async () => {
    const { credentials, told } = credentialsOf({ verify: false, caFile: '/nowhere/ca.crt' });
    await credentials.current();
    assert.deepEqual(told, []);
  });

  it('are good for no TLS before 1.2', async () => {
    const { secureContext } = await credentialsOf({}).credentials.current();
    const old = {
      ...serverPair,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0',
    } as const;
    await using listening = await rawAboveTls(old, () => undefined);
    const { address: host, port } = listening.endpoint;
    const socket = tls.connect({ host, port, secureContext, rejectUnauthorized: false });
    await assert.rejects(once(socket, 'secureConnect'), { code: /^ERR_SSL_/ });
  });

  it('trust what is in the CA file, though it is below another one, as Go does', async () => {
    const { credentials } = credentialsOf({ verify: true, caFile: put('ca', serverPair.cert) });
    assert.equal((await meet(credentials)).accepted, true);
  });
});

describe('the secure context', () => {
  it('is made once for all servers', async () => {
    const { credentials } = credentialsOf({
      verify: true,
      caFile: copy('ca', ca),
      certificateFile: copy('crt', first.certificateFile),
      keyFile: copy('key', first.keyFile),
      tokenFile: put('token', 'one'),
    });
    const all = await Promise.all(Array.from({ length: 50 }, () => credentials.current()));
    const later = await credentials.current();
    assert.equal(new Set([...all, later].map(({ secureContext }) => secureContext)).size, 1);
  });

  it('stays when files are touched, written again as they were, or hold another token', async () => {
    const files = { caFile: copy('ca', ca), tokenFile: put('token', 'one') };
    const { credentials } = credentialsOf({ verify: true, ...files });
    const before = await credentials.current();
    utimesSync(files.caFile, 1, 1);
    assert.equal((await credentials.current()).secureContext, before.secureContext);
    rmSync(files.caFile);
    copy('ca', ca);
    assert.equal((await credentials.current()).secureContext, before.secureContext);
    put('token', 'two');
    const after = await credentials.current();
    assert.equal(after.secureContext, before.secureContext);
    assert.deepEqual([before.token, after.token], ['one', 'two']);
  });
});

describe('files that change', () => {
  it('are a CA that takes the place of another', async () => {
    const { credentials, told } = credentialsOf({ verify: true, caFile: copy('ca', otherCa) });
    assert.equal((await meet(credentials)).accepted, false);
    copy('ca', ca);
    assert.equal((await meet(credentials)).accepted, true);
    copy('ca', otherCa);
    assert.equal((await meet(credentials)).accepted, false);
    assert.deepEqual(told, []);
  });

  it('are a CA beside the old one, while it is being replaced', async () => {
    const { credentials } = credentialsOf({ verify: true, caFile: copy('ca', otherCa) });
    await credentials.current();
    put('ca', Buffer.concat([readFileSync(otherCa), readFileSync(ca)]));
    assert.equal((await meet(credentials)).accepted, true);
  });

  it('are a certificate and then its key: not one without the other', async () => {
    const { credentials, told } = credentialsOf({
      certificateFile: copy('crt', first.certificateFile),
      keyFile: copy('key', first.keyFile),
    });
    assert.equal((await meet(credentials)).shown, 'first');
    copy('crt', second.certificateFile);
    assert.equal((await meet(credentials)).shown, 'first');
    assert.equal((await meet(credentials)).shown, 'first');
    const what = 'client certificate /crt with key /key';
    assert.deepEqual(told, [`${what}: the key is not that of the certificate`]);
    copy('key', second.keyFile);
    assert.equal((await meet(credentials)).shown, 'second');
    assert.deepEqual(told, [`${what}: the key is not that of the certificate`, `${what}: over`]);
  });

  it('are links that point elsewhere, as the kubelet swaps them', async () => {
    for (const [name, from] of [
      ['1', first],
      ['2', second],
    ] as const) {
      mkdirSync(path(name));
      put(`${name}/crt`, readFileSync(from.certificateFile));
      put(`${name}/key`, readFileSync(from.keyFile));
    }
    symlinkSync('1', path('..data'));
    symlinkSync('..data/crt', path('crt'));
    symlinkSync('..data/key', path('key'));
    const { credentials, told } = credentialsOf({ certificateFile: path('crt'), keyFile: path('key') });
    assert.equal((await meet(credentials)).shown, 'first');
    symlinkSync('2', path('..new'));
    renameSync(path('..new'), path('..data'));
    assert.equal((await meet(credentials)).shown, 'second');
    assert.deepEqual(told, []);
  });

  it('are one file with both, as the kubelet keeps its own', async () => {
    const both = (one: Certificate): string =>
      readFileSync(one.certificateFile, 'utf8') + readFileSync(one.keyFile, 'utf8');
    const file = put('pem', both(first));
    const { credentials } = credentialsOf({ certificateFile: file, keyFile: file });
    assert.equal((await meet(credentials)).shown, 'first');
    put('pem', both(second));
    assert.equal((await meet(credentials)).shown, 'second');
  });

  it('are read again however quickly one change follows another, and of whatever size', async () => {
    const { credentials } = credentialsOf({ tokenFile: put('token', 'token-100') });
    for (let number = 101; number < 200; number += 1) {
      put('token', `token-${number}`);
      assert.equal((await credentials.current()).token, `token-${number}`);
    }
  });

  it('are read again when they were unchanged for long, too', async () => {
    const { credentials } = credentialsOf({ tokenFile: put('token', 'one') });
    await credentials.current();
    await sleep(150);
    assert.equal((await credentials.current()).token, 'one');
    assert.equal((await credentials.current()).token, 'one');
    put('token', 'two');
    assert.equal((await credentials.current()).token, 'two');
  });
});

describe('what is no good', () => {
  const gone = (name: string) => (): void => {
    rmSync(path(name));
  };

  /** What a file is turned into, and what is told of it. */
  const cases: Readonly<
    Record<string, readonly [file: 'ca' | 'crt' | 'key' | 'token', turn: () => unknown, told: string]>
  > = {
    'a CA that is gone': ['ca', gone('ca'), "CA /ca: ENOENT: no such file or directory, stat '/ca'"],
    'a CA that is empty': ['ca', () => put('ca', ''), 'CA /ca: it has no certificates in PEM'],
    'a CA that is being written': [
      'ca',
      () => put('ca', readFileSync(ca, 'utf8').slice(0, 200)),
      'CA /ca: it has no certificates in PEM',
    ],
    'a CA that has become a pipe, which would never end': [
      'ca',
      async () => {
        rmSync(path('ca'));
        await must('mkfifo', [path('ca')]);
      },
      'CA /ca: it is not a regular file',
    ],
    'a certificate that is gone': [
      'crt',
      gone('crt'),
      "client certificate /crt with key /key: ENOENT: no such file or directory, stat '/crt'",
    ],
    'a certificate that is none': [
      'crt',
      () => put('crt', 'nonsense'),
      'client certificate /crt with key /key: there is no certificate in PEM',
    ],
    'a key that is none': [
      'key',
      () => put('key', 'nonsense'),
      'client certificate /crt with key /key: there is no private key in PEM without a passphrase',
    ],
    'a pair too weak for OpenSSL': [
      'crt',
      () => {
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 512 });
        const signer = certificates.authority;
        const lasting = { fromMs: Date.now(), untilMs: Date.now() + 3_600_000 };
        const weak = makeCertificate({ subject: '/CN=weak', signer, privateKey, ...lasting });
        put('key', weak.key);
        put('crt', weak.cert);
      },
      'client certificate /crt with key /key: ee key too small',
    ],
    'a token that is gone': [
      'token',
      gone('token'),
      "token /token: ENOENT: no such file or directory, stat '/token'",
    ],
    'a token that is empty': ['token', () => put('token', '\n'), 'token /token: it is not a single token'],
    'a token that would make a header of its own': [
      'token',
      () => put('token', 'secret\r\nx: y'),
      'token /token: it is not a single token',
    ],
  };

  const good = (): Partial<CredentialFiles> => ({
    verify: true,
    caFile: copy('ca', ca),
    certificateFile: copy('crt', first.certificateFile),
    keyFile: copy('key', first.keyFile),
    tokenFile: put('token', 'good'),
  });

  for (const [title, [file, turn, expected]] of Object.entries(cases)) {
    it(`is ${title}: what was good stays, until it is good again`, async () => {
      const { credentials, told } = credentialsOf(good());
      const before = await credentials.current();
      await turn();
      for (let times = 0; times < 3; times += 1) assertSame(await credentials.current(), before);
      assert.deepEqual(told, [expected], 'told once');
      rmSync(path(file), { force: true });
      good();
      assertSame(await credentials.current(), before);
      assert.deepEqual(told, [expected, expected.replace(/: .*/, ': over')]);
    });

    it(`is ${title} from the start: there is nothing yet to go on with`, async () => {
      const files = good();
      await turn();
      const { credentials, told } = credentialsOf(files);
      const message = new RegExp(`^${expected.split(': ')[0]?.replaceAll('/', '.*/') ?? ''}: `);
      await assert.rejects(credentials.current(), { message });
      await assert.rejects(credentials.current(), { message });
      assert.deepEqual(told, [expected], 'told once');
      rmSync(path(file), { force: true });
      good();
      assert.equal((await credentials.current()).token, 'good');
      assert.deepEqual(await meet(credentials), { accepted: true, shown: 'first' });
      assert.equal(told.length, 2);
    });
  }

  it('is a file that the host replaced or removed, as a mount of it alone shows it, until the new one is there', async () => {
    const pair = put(
      'pair',
      Buffer.concat([readFileSync(first.certificateFile), readFileSync(first.keyFile)]),
    );
    const files: Readonly<Record<string, Partial<CredentialFiles>>> = {
      [copy('ca', ca)]: { verify: true, caFile: path('ca') },
      [pair]: { certificateFile: pair, keyFile: pair },
      [put('token', 'abc')]: { tokenFile: path('token') },
    };
    for (const [file, given] of Object.entries(files)) {
      // An open file without a name has no links, as one that a mount still has.
      const content = readFileSync(file);
      const old = openSync(file, 'r');
      rmSync(file);
      symlinkSync(`/proc/self/fd/${old}`, file);
      const { credentials, told } = credentialsOf(given);
      const current = await credentials.current();
      assertSame(await credentials.current(), current);
      assert.equal(told.length, 1);
      assert.match(
        told[0] ?? '',
        /: the host replaced or removed .* restart the pod, or mount the directory of the file$/,
      );
      writeFileSync(`${file}.new`, content);
      renameSync(`${file}.new`, file);
      await credentials.current();
      assert.equal(told.length, 2);
      assert.match(told[1] ?? '', /: over$/);
      closeSync(old);
    }
  });

  it('is reported again when it is another trouble', async () => {
    const { credentials, told } = credentialsOf({ tokenFile: put('token', 'good') });
    await credentials.current();
    put('token', '');
    await credentials.current();
    rmSync(path('token'));
    await credentials.current();
    put('token', 'better');
    assert.equal((await credentials.current()).token, 'better');
    assert.deepEqual(told, [
      'token /token: it is not a single token',
      "token /token: ENOENT: no such file or directory, stat '/token'",
      'token /token: over',
    ]);
  });

  it('does not keep what is good from being used', async () => {
    const { credentials, told } = credentialsOf(good());
    await credentials.current();
    put('token', '');
    copy('crt', second.certificateFile);
    copy('key', second.keyFile);
    assert.equal((await meet(credentials)).shown, 'second');
    assert.equal((await credentials.current()).token, 'good');
    assert.deepEqual(told, ['token /token: it is not a single token']);
  });
});

describe('a file system that does not answer', () => {
  /** The real one, which answers about files of some names only when it is let. */
  class HangingDisk implements Disk {
    readonly hangs = new Set<string>();
    /** How many requests are with it, and how many were at the most. */
    waiting = 0;
    most = 0;
    readonly #let: (() => void)[] = [];

    look(file: string): ReturnType<Disk['look']> {
      return this.#when(file, () => stat(file, { bigint: true }));
    }

    read(file: string): Promise<string> {
      return this.#when(file, () => readFile(file, 'utf8'));
    }

    recover(): void {
      this.hangs.clear();
      for (const goOn of this.#let.splice(0)) goOn();
    }

    async #when<Answer>(file: string, answer: () => Promise<Answer>): Promise<Answer> {
      this.waiting += 1;
      this.most = Math.max(this.most, this.waiting);
      try {
        if (this.hangs.has(file)) await new Promise<void>((resolve) => this.#let.push(resolve));
        return await answer();
      } finally {
        this.waiting -= 1;
      }
    }
  }

  const files = (): Partial<CredentialFiles> & { readonly tokenFile: string } => ({
    verify: true,
    caFile: copy('ca', ca),
    certificateFile: copy('crt', first.certificateFile),
    keyFile: copy('key', first.keyFile),
    tokenFile: put('token', 'one'),
  });

  /** Longer than a disk takes that answers, on a machine that is busy. */
  const LOOK_MS = 200;
  /** Far longer than a test may take: who waits for the disk all the same is seen to. */
  const WATCHDOG = { timeout: timeLimit(20_000) };

  async function untilTold(told: readonly unknown[], count: number): Promise<void> {
    // What hangs keeps no process alive.
    const waiting = setTimeout(() => undefined, WATCHDOG.timeout);
    while (told.length < count) await once(tellings, 'told');
    clearTimeout(waiting);
  }

  for (const name of ['ca', 'crt', 'key', 'token'])
    it(
      `about ${name}: what was good stays in use, and it is told once, and once that it is over`,
      WATCHDOG,
      async () => {
        const disk = new HangingDisk();
        const { credentials, told } = credentialsOf(files(), { disk, lookMs: LOOK_MS });
        const before = await credentials.current();
        disk.hangs.add(path(name));
        for (let times = 0; times < 3; times += 1) assertSame(await credentials.current(), before);
        await Promise.all(Array.from({ length: 20 }, () => credentials.current()));
        await untilTold(told, 1);
        assert.equal(disk.waiting, 1, 'one look at a time');
        assert.equal(told.length, 1);
        assert.match(
          String(told[0]),
          new RegExp(`^file system of .*/${name}.*: no answer in ${LOOK_MS} ms$`),
        );
        put('token', 'two');
        disk.recover();
        await untilTold(told, 2);
        assert.equal(told[1], String(told[0]).replace(/: .*/, ': over'));
        assert.equal((await credentials.current()).token, 'two');
        assert.equal(told.length, 2);
        assert.equal(disk.most, 1, 'one file after another');
      },
    );

  it('from the start: there is nothing to go on with before it answers', WATCHDOG, async () => {
    const disk = new HangingDisk();
    const given = files();
    disk.hangs.add(given.tokenFile);
    const { credentials, told } = credentialsOf(given, { disk, lookMs: LOOK_MS });
    const asked = credentials.current();
    await untilTold(told, 1);
    assert.deepEqual(told, [`file system of token /token: no answer in ${LOOK_MS} ms`]);
    disk.recover();
    assert.equal((await asked).token, 'one');
    assert.equal(told.length, 2);
  });

  it('lets no probe wait again while it is known not to', WATCHDOG, async () => {
    const disk = new HangingDisk();
    const given = files();
    const { credentials, told } = credentialsOf(given, { disk, lookMs: LOOK_MS });
    await credentials.current();
    disk.hangs.add(given.tokenFile);
    await credentials.current();
    await untilTold(told, 1);
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    // Not even for the event loop to come round to a timer many times.
    for (let times = 0; times < 50; times += 1) await credentials.current();
    clearInterval(timer);
    assert.equal(ticks, 0);
    disk.recover();
  });

  it('about one file, and then about the next: each is reported', WATCHDOG, async () => {
    const disk = new HangingDisk();
    const given = files();
    const { credentials, told } = credentialsOf(given, { disk, lookMs: LOOK_MS });
    await credentials.current();
    disk.hangs.add(path('ca'));
    await credentials.current();
    await untilTold(told, 1);
    const lookAtToken = disk.look.bind(disk);
    disk.look = (file) => {
      if (file === given.tokenFile) disk.hangs.add(file);
      return lookAtToken(file);
    };
    disk.recover();
    await untilTold(told, 3);
    assert.deepEqual(told, [
      `file system of CA /ca: no answer in ${LOOK_MS} ms`,
      'file system of CA /ca: over',
      `file system of token /token: no answer in ${LOOK_MS} ms`,
    ]);
    disk.look = lookAtToken;
    disk.recover();
    await untilTold(told, 4);
  });
});
