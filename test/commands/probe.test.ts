import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { issuer, type Issued, type Wanted } from '../probe/issuer.js';
import { answering, closedPort, silent, web } from '../probe/servers.js';
import { runProgram, startProgram } from '../support/program.js';

let directory: string;
let issue: (wanted: Wanted) => Promise<Issued>;
let root: Issued;
let good: Issued;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvscare-probe-'));
  issue = issuer(directory);
  root = await issue({ subject: '/CN=root', authority: true, signer: null, untilDay: 400 });
  good = await issue({
    subject: '/O=lab/CN=kube-apiserver',
    names: ['IP:127.0.0.1', 'DNS:kubernetes', 'DNS:bold\u001b[1m'],
    signer: root,
    untilDay: 100.5,
  });
});
after(() => rm(directory, { recursive: true }));

interface Probe {
  readonly server: string;
  readonly askedAt: string;
  readonly at: string;
  readonly ok: boolean;
  readonly evidence: { readonly kind: string; readonly detail: string } | null;
  readonly inconclusive: string | null;
  readonly phases: Readonly<Record<'connectMs' | 'handshakeMs' | 'firstByteMs' | 'totalMs', number | null>>;
  readonly status: number | null;
  readonly hint: string | null;
  readonly tls: {
    readonly protocol: string;
    readonly certificate: string;
    readonly chain: readonly {
      readonly subject: string;
      readonly names: readonly string[];
      readonly daysLeft: number;
      readonly validity: string;
      readonly atFault: boolean;
    }[];
  } | null;
  readonly verdict: { readonly state: string | null; readonly intent: string };
  readonly running: readonly unknown[];
  readonly state?: string;
}

/** `lvscare probe --json` to its end. */
async function probeJson(
  ...args: readonly string[]
): Promise<{ readonly status: number; readonly ok: boolean; readonly servers: readonly Probe[] }> {
  const { status, stdout, stderr } = await runProgram(['probe', '--json', ...args]);
  assert.ok(stdout !== '', stderr);
  return { status, ...(JSON.parse(stdout) as { ok: boolean; servers: Probe[] }) };
}

describe('lvscare probe', () => {
  it('prints each server in the order of --rs, whether the answers are quick or slow; 1 when one is not well', async () => {
    await using slow = await web(good, (_request, response) => setTimeout(() => response.end('ok'), 300));
    await using failing = await web(good, answering(500));
    const refused = await closedPort();
    await using quick = await web(good, answering(200));
    const asked = [slow.endpoint, failing.endpoint, refused, quick.endpoint];
    const args = ['--rs', asked.map(({ text }) => text).join(','), '--health-ca', root.certificateFile];
    const { status, ok, servers } = await probeJson(...args);
    assert.deepEqual([status, ok], [1, false]);
    assert.deepEqual(
      servers.map(({ server }) => server),
      asked.map(({ text }) => text),
    );
    assert.deepEqual(
      servers.map(({ evidence }) => evidence?.kind),
      ['ok', 'status', 'refused', 'ok'],
    );
    assert.deepEqual(
      servers.map(({ verdict }) => `${verdict.state ?? ''} ${verdict.intent}`),
      ['up serve', 'sick drain', 'dead drain', 'up serve'],
    );
    assert.deepEqual(
      servers.map((server) => server.status),
      [200, 500, null, 200],
    );
    const [first, , third] = servers;
    assert.ok((first?.phases.firstByteMs ?? 0) >= 290);
    assert.deepEqual(
      { ...third?.phases, totalMs: 0 },
      {
        ...{ connectMs: null, handshakeMs: null, firstByteMs: null },
        totalMs: 0,
      },
    );
    assert.equal(third?.tls, null);
    assert.equal(first?.tls?.certificate, 'verified');
    const [own, ca] = first.tls.chain;
    assert.equal(own?.subject, 'O=lab, CN=kube-apiserver');
    assert.equal(own.daysLeft, 100);
    assert.deepEqual(own.names, ['IP:127.0.0.1', 'DNS:kubernetes', 'DNS:"bold\\u001b[1m"']);
    assert.equal(ca?.subject, 'CN=root');
  });

  it('probes the real servers of that virtual server of a file that --vs names, by its options', async () => {
    await using one = await web(null, answering(200));
    await using other = await web(null, answering(401));
    const file = join(directory, 'lvscare.yaml');
    await writeFile(
      file,
      `defaults: { health-schem: http }
virtualServers:
  - { vs: "10.103.97.2:6443", rs: ["${one.endpoint.text}"] }
  - { vs: "10.103.97.2:9345", rs: ["${other.endpoint.text}"], health-status: 401 }
`,
    );
    for (const [vs, server, answer] of [
      ['10.103.97.2:6443', one, 200],
      ['10.103.97.2:9345', other, 401],
    ] as const) {
      const { status, servers } = await probeJson('--config', file, '--vs', vs);
      assert.deepEqual(
        [status, servers.map((each) => [each.server, each.status])],
        [0, [[server.endpoint.text, answer]]],
      );
    }
    const known = '10.103.97.2:6443, 10.103.97.2:9345';
    assert.deepEqual(await runProgram(['probe', '--config', file]), {
      status: 2,
      stdout: '',
      stderr: `--config: expected a file with one virtual server, or --vs beside it: one of ${known}, got "${file}"\n`,
    });
    assert.deepEqual(await runProgram(['probe', '--config', file, '--vs', '10.0.0.1:1']), {
      status: 2,
      stdout: '',
      stderr: `--vs: expected one of the virtual servers of ${file}: ${known}, got "10.0.0.1:1"\n`,
    });
  });

  it('for people is a block for each, without colours, and without anything that steers a terminal', async () => {
    await using server = await web(good, answering(200));
    const args = ['probe', '--rs', server.endpoint.text, '--health-ca', root.certificateFile];
    const { status, stdout, stderr } = await runProgram(args);
    assert.deepEqual([status, stderr], [0, '']);
    const expected = [
      `${server.endpoint.text}  ok: status 200`,
      '  care  up: it gets new connections',
      /^ {2}time {2}connect \d+\.\d ms, TLS \d+\.\d ms, first byte \d+\.\d ms, total \d+\.\d ms$/,
      /^ {2}TLS {3}TLSv1\.3, TLS_\w+, certificate verified$/,
      '  cert  O=lab, CN=kube-apiserver',
      '        by CN=root',
      /^ {8}valid from \S+Z to \S+Z, 100 days left$/,
      '        for IP:127.0.0.1, DNS:kubernetes, DNS:"bold\\u001b[1m"',
      '  CA    CN=root',
      '        by CN=root',
      /^ {8}valid from \S+Z to \S+Z, \d+ days left$/,
    ];
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, expected.length, stdout);
    lines.forEach((line, index) => {
      const wanted = expected[index] ?? '';
      if (typeof wanted === 'string') assert.equal(line, wanted);
      else assert.match(line, wanted);
    });
  });

  it('names the certificate that is not accepted, and why', async () => {
    const old = await issue({
      ...{ subject: '/CN=old', names: ['IP:127.0.0.1'], signer: root, fromDay: -9, untilDay: -2.5 },
    });
    await using server = await web(old, answering(200));
    const args = ['--rs', server.endpoint.text, '--health-ca', root.certificateFile];
    const { status, servers } = await probeJson(...args);
    assert.equal(status, 1);
    assert.equal(servers[0]?.evidence?.kind, 'tls');
    assert.match(servers[0].evidence.detail, /certificate has expired/);
    assert.equal(servers[0].tls?.certificate, 'not accepted');
    assert.deepEqual(
      servers[0].tls.chain.map(({ atFault, validity }) => [atFault, validity]),
      [
        [true, 'expired'],
        [false, 'valid'],
      ],
    );
    assert.equal(servers[0].tls.chain[0]?.daysLeft, -3);
    const { stdout } = await runProgram(['probe', ...args]);
    assert.match(stdout, /^ {2}cert {2}CN=old {2}\(not accepted\)$/m);
    assert.match(stdout, /^ {8}EXPIRED: valid from /m);
    assert.match(
      stdout,
      /^ {2}care {2}sick after 2 such probes in a row: while another server is up, it gets no/m,
    );
  });

  it('says so when nothing is verified, and still what was shown', async () => {
    await using server = await web(good, answering(200));
    const { servers, status } = await probeJson(
      ...['--rs', server.endpoint.text, '--health-insecure-skip-verify'],
    );
    assert.equal(status, 0);
    assert.equal(servers[0]?.tls?.certificate, 'not verified');
    assert.equal(servers[0].tls.chain[0]?.subject, 'O=lab, CN=kube-apiserver');
  });

  it('says what a server means by its status, and what to do', async () => {
    await using server = await web(null, answering(401));
    const args = ['--health-scheme', 'http', '--rs', server.endpoint.text];
    const { stdout } = await runProgram(['probe', ...args]);
    assert.match(
      stdout,
      /^ {2}hint {2}the apiserver answers no anonymous requests, .*: give lvscare --health-cert /m,
    );
    assert.match(
      (await probeJson(...args)).servers[0]?.hint ?? '',
      /^the apiserver answers no anonymous requests/,
    );
    const accepted = await probeJson(...args, '--health-status', '401');
    assert.deepEqual([accepted.status, accepted.servers[0]?.hint], [0, null]);
  });

  it('probes as the options say: port, name, scheme, path, status', async () => {
    const paths: (string | undefined)[] = [];
    await using server = await web(null, (request, response) => {
      paths.push(request.url);
      response.writeHead(401).end();
    });
    const args = ['--rs', '127.0.0.1:1', '--health-port', String(server.endpoint.port)];
    const more = ['--health-scheme', 'http', '--health-path', 'readyz?verbose', '--health-status', '401'];
    const { status, servers } = await probeJson(...args, ...more);
    assert.equal(status, 0);
    assert.deepEqual([servers[0]?.server, servers[0]?.askedAt], ['127.0.0.1:1', server.endpoint.text]);
    assert.deepEqual([servers[0]?.phases.handshakeMs, servers[0]?.tls], [null, null]);
    assert.deepEqual(paths, ['/readyz?verbose']);
  });

  it('takes what care has in the environment', async () => {
    await using server = await web(null, answering(200));
    const env = {
      CARE_RS: server.endpoint.text,
      CARE_HEALTH_SCHEME: 'http',
      CARE_INTERVAL: '1s',
      CARE_RISE: '3',
    };
    const { status, stdout, stderr } = await runProgram(['probe'], env);
    assert.deepEqual([status, stderr], [0, ''], stdout);
    assert.match(stdout, /ok: status 200/);
  });

  it('waits no longer than --connect-timeout', async () => {
    await using server = await silent();
    const { status, servers } = await probeJson(
      ...[
        '--rs',
        server.endpoint.text,
        '--connect-timeout',
        '100ms',
        '--fall',
        '1',
        '--health-scheme',
        'http',
      ],
    );
    assert.equal(status, 1);
    assert.deepEqual(servers[0]?.evidence, { kind: 'silent', detail: 'no answer to connect in 100 ms' });
    assert.deepEqual(servers[0].verdict, { state: 'dead', intent: 'remove' });
    assert.deepEqual(servers[0].running, [], 'no lvscare has this server');
  });

  it('of one server, or of all, says the same of it: what becomes of it while another one is up', async () => {
    await using failing = await web(null, answering(500));
    const refused = await closedPort();
    const args = ['probe', '--health-scheme', 'http', '--fall', '1', '--rs'];
    const both = await runProgram([...args, `${failing.endpoint.text},${refused.text}`]);
    const careOf = ({ stdout }: { readonly stdout: string }): string[] =>
      stdout.match(/^ {2}care .*$/gm) ?? [];
    assert.deepEqual(careOf(both), [
      '  care  sick: while another server is up, it gets no new connections, and its live ones have --drain-timeout to end',
      '  care  dead: while another server is up, it gets no new connections, and is removed with its last one',
    ]);
    const alone = await runProgram([...args, failing.endpoint.text]);
    assert.deepEqual(careOf(alone), careOf(both).slice(0, 1));
  });

  it('says that a fault is its own, and not one of the server', async () => {
    await using server = await web(good, answering(200));
    const args = ['probe', '--json', '--health-ca', root.certificateFile];
    // More servers than descriptors.
    const rs = Array.from({ length: 45 }, (_, index) => `127.0.0.${index + 1}:${server.endpoint.port}`);
    const limited = ['bash', '-c', 'ulimit -n 50 && exec "$@"', 'bash'];
    const { status, stdout } = await runProgram([...args, '--rs', rs.join(',')], {}, limited);
    assert.equal(status, 1);
    const { servers } = JSON.parse(stdout) as { servers: Probe[] };
    const voids = servers.filter((probe) => probe.inconclusive !== null);
    assert.ok(voids.length > 0, stdout);
    for (const { evidence, inconclusive: why, verdict, ok } of voids) {
      assert.deepEqual([evidence, ok, verdict.state, verdict.intent], [null, false, null, 'keep']);
      assert.match(why ?? '', /EMFILE|ENFILE/);
    }
  });

  const wrong: readonly (readonly [args: string, says: string])[] = [
    ['', '--rs: expected at least one real server, IP:PORT, got nothing'],
    ['--rs 10.0.0.1', '--rs: expected IP:PORT or [IPv6]:PORT with a port, got "10.0.0.1"'],
    ['--rs 10.0.0.1:1 --rs 10.0.0.1:1', '--rs: expected each real server once, got "10.0.0.1:1"'],
    ['--rs 10.0.0.1:1 --vs 10.0.0.2:1', '--vs: expected --config beside it, got nothing'],
    ['--rs 10.0.0.1:1 --interval 1s', '--interval: expected --watch beside it, got nothing'],
    ['--rs 10.0.0.1:1 --rise 1', '--rise: expected --watch beside it, got nothing'],
    [
      '--rs 10.0.0.1:1 --watch --interval -1',
      '--interval: expected seconds or a duration like 500ms or 1m30s, from 10ms to 24h, got "-1"',
    ],
    ['--rs 10.0.0.1:1 --fall 0', '--fall: expected a whole number from 1 to 1000, got "0"'],
    [
      '--rs 10.0.0.1:1 --health-ca /nowhere',
      '--health-ca: expected a readable file (ENOENT), got "/nowhere"',
    ],
    ['--rs 10.0.0.1:1 --mode local', '--mode: expected an option of this command (see --help), got "--mode"'],
    [
      '--rs 10.0.0.1:1 10.0.0.2:1',
      'lvscare probe: expected nothing but options (see --help), got "10.0.0.2:1"',
    ],
    ['--json=maybe', '--json: expected true or false, got "maybe"'],
  ];
  for (const [args, says] of wrong)
    it(`${args}: one line, exit code 2`, async () => {
      const given = args === '' ? [] : args.split(' ');
      assert.deepEqual(await runProgram(['probe', ...given]), { status: 2, stdout: '', stderr: `${says}\n` });
    });
});

describe('lvscare probe --watch', () => {
  it('has a line for each probe, judges as care does, and sums up at Ctrl-C', async () => {
    let well = true;
    await using server = await web(null, (_request, response) => {
      response.writeHead(well ? 200 : 503).end();
    });
    const rs = ['--rs', server.endpoint.text, '--health-scheme', 'http'];
    const child = startProgram(['probe', ...rs, '--watch', '--interval', '20ms']);
    const lines: string[] = [];
    const closed = once(child, 'close');
    assert.ok(child.stdout !== null);
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      if (/ {2}up {2}/.test(line) && lines.length > 1) well = false;
      // Once: a second one would end it at once.
      if (/ {2}sick {2}/.test(line) && !child.killed) child.kill('SIGINT');
    }
    assert.deepEqual(await closed, [1, null], 'one was not well');
    const probes = lines.slice(0, -1);
    const states = probes.map((line) =>
      /^\d\d:\d\d:\d\d\.\d{3} {2}(\S+) {2}(\w+) /.exec(line)?.slice(1).join(' '),
    );
    assert.deepEqual([...new Set(states)], [`${server.endpoint.text} up`, `${server.endpoint.text} sick`]);
    const failed = probes.filter((line) => line.includes('status: status 503')).length;
    assert.ok(failed >= 2, 'one failure is no verdict');
    const summary = lines.at(-1) ?? '';
    assert.ok(summary.startsWith(server.endpoint.text), summary);
    assert.match(summary, new RegExp(`${probes.length} probes, ${failed} failed; ok in [\\d./]+ ms`));
  });

  it('is a document in each line with --json, and ends well if all was well', async () => {
    await using one = await web(null, answering(200));
    await using other = await web(null, answering(204, ''));
    const rs = ['--rs', `${one.endpoint.text},${other.endpoint.text}`, '--health-scheme', 'http'];
    const child = startProgram(['probe', ...rs, '--watch', '--json', '--interval', '20ms']);
    const probes: Probe[] = [];
    const closed = once(child, 'close');
    assert.ok(child.stdout !== null);
    for await (const line of createInterface(child.stdout)) {
      probes.push(JSON.parse(line) as Probe);
      if (probes.length === 6) child.kill('SIGTERM');
    }
    assert.deepEqual(await closed, [0, null]);
    probes.forEach(({ server, state, ok }, index) => {
      const { text } = index % 2 === 0 ? one.endpoint : other.endpoint;
      assert.deepEqual([server, state, ok], [text, 'up', true]);
    });
  });

  it('ends in silence when its reader is gone', async () => {
    await using server = await web(null, answering(200));
    const rs = ['--rs', server.endpoint.text, '--health-scheme', 'http'];
    const headed = ['bash', '-c', 'set -o pipefail; "$@" | head -n 1', 'bash'];
    const { status, stdout, stderr } = await runProgram(
      ['probe', ...rs, '--watch', '--interval', '10ms'],
      {},
      headed,
    );
    assert.deepEqual([status, stderr, stdout.split('\n').length], [0, '', 2]);
  });
});
