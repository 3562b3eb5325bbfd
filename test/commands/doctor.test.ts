// What of `lvscare doctor` is the same on any machine, by a virtual server that none has; test/program/doctor.kernel.test.ts has the rest.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { issuer, type Issued } from '../probe/issuer.js';
import { answering, closedPort, web } from '../probe/servers.js';
import { runProgram } from '../support/program.js';

let directory: string;
let root: Issued;
let good: Issued;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvscare-doctor-'));
  const issue = issuer(directory);
  root = await issue({ subject: '/CN=root', authority: true, signer: null, untilDay: 400 });
  const names = ['IP:127.0.0.1', 'IP:192.0.2.77'];
  good = await issue({ subject: '/CN=kube-apiserver', names, signer: root, untilDay: 300.5 });
});
after(() => rm(directory, { recursive: true }));

interface Document {
  readonly fit: boolean;
  readonly virtualServer: string | null;
  readonly realServers: readonly string[];
  readonly findings: readonly {
    readonly name: string;
    readonly verdict: string;
    readonly evidence: string;
    readonly remedy: string | null;
  }[];
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
}

describe('lvscare doctor', () => {
  it('has each server in its findings, and says by its exit code whether one fails', async () => {
    await using server = await web(good, answering(200));
    const refused = await closedPort();
    const rs = [server.endpoint.text, refused.text];
    const args = ['--vs', '192.0.2.77:6443', '--rs', rs.join(','), '--health-ca', root.certificateFile];
    const { status, stdout, stderr } = await runProgram(['doctor', '--json', ...args]);
    assert.equal(stderr, '');
    const { fit, virtualServer, realServers, findings, skipped } = JSON.parse(stdout) as Document;
    assert.deepEqual([status, fit], [1, false]);
    assert.deepEqual([virtualServer, realServers], ['192.0.2.77:6443', rs]);
    const found = new Map(findings.map((finding) => [finding.name, finding]));
    assert.equal(found.get(`rs ${server.endpoint.text}`)?.verdict, 'ok');
    assert.equal(found.get(`rs ${refused.text}`)?.verdict, 'fail');
    assert.deepEqual(found.get(`certificate ${server.endpoint.text}`), {
      ...{ name: `certificate ${server.endpoint.text}`, verdict: 'ok', remedy: null },
      evidence: 'for 192.0.2.77; 300 days left',
    });
    assert.equal(found.get('clock')?.verdict, 'ok');
    assert.ok(skipped.some(({ name }) => name === `certificate ${refused.text}`));
    for (const { verdict, remedy, name } of findings) assert.equal(remedy === null, verdict === 'ok', name);
  });

  it('is a line for each finding, and its remedy', async () => {
    const refused = await closedPort();
    const args = ['--vs', '192.0.2.77:6443', '--rs', refused.text, '--health-insecure-skip-verify'];
    const { status, stdout } = await runProgram(['doctor', ...args]);
    assert.equal(status, 1);
    const lines = stdout.split('\n');
    const at = lines.findIndex((line) => line.startsWith(`fail  rs ${refused.text}: refused: `));
    assert.match(lines[at + 1] ?? '', /^ {6}fix: on 127\.0\.0\.1: crictl /);
    assert.match(stdout, /^\d+ ok, \d+ warn, \d+ fail; not checked:$/m);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /\u001b/);
  });

  it('takes the arguments of care as they are', async () => {
    const refused = await closedPort();
    const env = {
      CARE_VS: '192.0.2.77:6443',
      CARE_RS: refused.text,
      CARE_RUN_ONCE: 'true',
      CARE_INTERVAL: '1s',
    };
    const args = [
      '--interval',
      '1s',
      '--dry-run',
      '--logger',
      'DEBG',
      '--drain-timeout',
      '5s',
      '-C',
      '--metrics-addr',
      'off',
    ];
    const { status, stdout, stderr } = await runProgram(['doctor', ...args], env);
    assert.deepEqual([status, stderr], [1, '']);
    assert.match(
      stdout,
      new RegExp(`^ok +arguments: 192\\.0\\.2\\.77:6443 with ${refused.text} \\(the command line\\)`),
    );
  });

  const wrong: readonly (readonly [args: string, says: string])[] = [
    ['--vs 10.0.0.1', '--vs: expected IP:PORT or [IPv6]:PORT with a port, got "10.0.0.1"'],
    ['--vs 10.0.0.1:1 --rs [fd00::1]:1', '--rs: expected IPv4 like --vs 10.0.0.1:1, got "[fd00::1]:1"'],
    ['--vs 10.0.0.1:1 --mode bridge', '--mode: expected one of local, link, route, none, got "bridge"'],
    [
      '--vs 10.0.0.1:1 --rs 10.0.0.2:1 --health-ca /nowhere',
      '--health-ca: expected a readable file (ENOENT), got "/nowhere"',
    ],
    ['--watch', '--watch: expected an option of this command (see --help), got "--watch"'],
    ['now', 'lvscare doctor: expected nothing but options (see --help), got "now"'],
  ];
  for (const [args, says] of wrong)
    it(`${args}: one line, exit code 2`, async () => {
      assert.deepEqual(await runProgram(['doctor', ...args.split(' ')]), {
        status: 2,
        stdout: '',
        stderr: `${says}\n`,
      });
    });
});
