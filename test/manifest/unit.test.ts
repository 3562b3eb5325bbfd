import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCommandLine } from '../../src/cli/command-line.js';
import { runManifestCommand } from '../../src/commands/manifest.js';
import { UsageError } from '../../src/config/usage-error.js';
import { systemdUnit } from '../../src/manifest/unit.js';

const SERVERS = ['--vs', '10.103.97.2:6443', '--rs', '10.0.0.1:6443,10.0.0.2:6443'];

describe('lvscare manifest --systemd', () => {
  let directory = '';
  let script = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-unit-'));
    script = join(directory, 'lvscare');
    await writeFile(script, '#!/usr/bin/env node\n');
  });
  after(() => rm(directory, { recursive: true }));

  async function unit(args: readonly string[], started = script): Promise<{ text: string; notes: string[] }> {
    const command = await readCommandLine(['manifest', '--systemd', ...args], 80, {});
    assert.ok(command.kind === 'run');
    const program = { image: null, interpreter: '/opt/node/bin/node', script: started };
    const { text, notes } = await runManifestCommand(command.given, program, command.spelled);
    return { text, notes: [...notes] };
  }

  /** The command line of a unit, as systemd reads it. */
  function commandLine(text: string): string[] {
    const [, line = ''] = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(text.replaceAll('\r', '')) ?? [];
    const words = line.replaceAll('\\\n', ' ').match(/"(?:\\.|[^"\\])*"|[^\s"]+/g) ?? [];
    return words.map((word) =>
      word
        .replaceAll(/^"|"$/g, '')
        .replaceAll(/\\x([0-9a-f]{2})|\\(.)/g, (_, code: string | undefined, character: string) =>
          code === undefined ? character : String.fromCharCode(Number.parseInt(code, 16)),
        )
        .replaceAll('$$', '$')
        .replaceAll('%%', '%'),
    );
  }

  it('starts this program by this Node.js, with the options that were given', async () => {
    const { text, notes } = await unit(SERVERS);
    assert.deepEqual(commandLine(text), [
      '/opt/node/bin/node',
      script,
      'care',
      '--vs=10.103.97.2:6443',
      '--rs=10.0.0.1:6443',
      '--rs=10.0.0.2:6443',
    ]);
    assert.deepEqual(notes, []);
    assert.doesNotMatch(text, /^ExecReload|^Condition/m);
  });

  it('starts a program that names its own Node.js by its path alone', async () => {
    const own = join(directory, 'own');
    await writeFile(own, '#!/usr/lib/lvscare/node\n');
    assert.deepEqual(commandLine((await unit(SERVERS, own)).text).slice(0, 2), [own, 'care']);
  });

  it('has each argument reach lvscare as it was given, past what systemd replaces', async () => {
    const body = '%h $HOME ${X} "a" \\ \'b\'\n\té;';
    const { text } = await unit([...SERVERS, '--health-req-body', body]);
    assert.equal(commandLine(text).at(-1), `--health-req-body=${body}`);
    assert.ok(text.includes('%%h $$HOME $${X}'));
  });

  it('reloads a file of options, and waits for it', async () => {
    const missing = await unit(['--config', '/etc/no-such-directory/care.json']);
    assert.deepEqual(missing.notes, [
      '/etc/no-such-directory/care.json is not there yet: systemd does not start lvscare without it',
    ]);
    // A clone may be in /tmp.
    const config = '/proc/self/cwd/manifests/care.json';
    const { text, notes } = await unit(['--config', config]);
    assert.deepEqual(notes, []);
    assert.match(text, /^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
    assert.ok(text.includes(`\nConditionPathExists=${config}\n`));
  });

  it('starts before every kubelet', async () => {
    const [, before = ''] = /^Before=(.*)$/m.exec((await unit(SERVERS)).text) ?? [];
    for (const name of ['kubelet', 'k3s-agent', 'rke2-agent'])
      assert.ok(before.split(' ').includes(`${name}.service`), name);
  });

  it('shows home directories only where a file is in one, and lets the socket be made', async () => {
    assert.match((await unit(SERVERS)).text, /^ProtectHome=yes$/m);
    const home = await unit([...SERVERS, '--health-ca', '/root/ca.crt']);
    assert.match(home.text, /^ProtectHome=read-only$/m);
    const socket = await unit([...SERVERS, '--metrics-addr', 'unix:/srv/lvscare/metrics.sock']);
    assert.match(socket.text, /^ReadWritePaths=\/srv\/lvscare$/m);
  });

  for (const [what, args, message] of [
    ['the path of a pod', ['--path', '/x/y'], /--systemd: expected only options of lvscare care beside it/],
    ['an image', ['--image', 'a/b:1'], /--systemd: expected only options of lvscare care/],
    ['--write', ['--write'], /--systemd: expected only options of lvscare care/],
    ['a relative path', ['--health-ca', 'ca.crt'], /--health-ca: expected a path from the root/],
    ['a file in /tmp', ['--health-ca', '/tmp/ca.crt'], /--health-ca: expected .* not in \/tmp/],
    ['a socket in /tmp', ['--metrics-addr', 'unix:/tmp/m.sock'], /--metrics-addr: expected .* not in \/tmp/],
    ['a wrong value', ['--fall', '0'], /--fall: expected/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(unit([...SERVERS, ...args]), (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("is manifests/lvscare.service for the package's file of options", () => {
    const config = '/etc/lvscare/care.json';
    const command = ['/usr/bin/lvscare'];
    const args = ['care', `--config=${config}`];
    assert.equal(
      systemdUnit({ command, args, config, socketDirectory: null, reads: [...command, config] }),
      readFileSync('manifests/lvscare.service', 'utf8'),
    );
  });
});
