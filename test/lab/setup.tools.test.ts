// scripts/setup on machines that lack something: one line that says what to do. The machines are made up of stand-ins for
// the programs that setup asks.
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run, toolEnvironment, type Result } from '../../lab/run.js';

const SCRIPTS = fileURLToPath(new URL('../../../scripts', import.meta.url));

const ALL_INSTALLED = 'for package; do printf "installed=%s " "$package"; done';

describe('setup', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'setup-test-'));
    chmodSync(directory, 0o755);
    cpSync(SCRIPTS, join(directory, 'scripts'), { recursive: true });
    writeFileSync(join(directory, 'package-lock.json'), '{}');
    mkdirSync(join(directory, 'bin'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const standIn = (name: string, script: string): void => {
    writeFileSync(join(directory, 'bin', name), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  };
  const setup = (...by: string[]): Promise<Result> => {
    const env = toolEnvironment();
    const path = `${join(directory, 'bin')}:${env['PATH'] ?? ''}`;
    const [command = '', ...args] = by.concat(join(directory, 'scripts/setup'));
    return run(command, args, { env: { ...env, PATH: path, npm_config_nodedir: '' } });
  };

  it('wants a newer Node', async () => {
    standIn('node', 'echo v20.18.3');
    assert.deepEqual(await setup(), {
      status: 1,
      stdout: '',
      stderr: 'setup: Node.js v20.18.3 is too old; install 20.19 or newer, from https://nodejs.org\n',
    });
  });

  it('says without root what to install, and only what is missing', async () => {
    standIn('dpkg-query', 'for package; do [[ $package == g++ ]] || printf "installed=%s " "$package"; done');
    assert.deepEqual(await setup('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'), {
      status: 1,
      stdout: '',
      stderr: 'setup: missing packages; as root: apt-get install -y g++\n',
    });
  });

  it('says why packages cannot be installed', async () => {
    standIn('dpkg-query', 'exit 1');
    standIn('apt-get', 'echo "E: the mirror is away" >&2; exit 100');
    const { status, stderr } = await setup();
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^installing g\+\+ [^\n]*\nsetup: apt-get failed \(E: the mirror is away\); [^\n]*\n$/,
    );
  });

  it('asks for fresh package lists when the old ones do not do', async () => {
    standIn('dpkg-query', `[[ -e ${directory}/installed ]] && { ${ALL_INSTALLED}; }`);
    standIn(
      'apt-get',
      `case "$*" in *update) touch ${directory}/updated ;; *) [[ -e ${directory}/updated ]] || exit 100; touch ${directory}/installed ;; esac`,
    );
    standIn('npm', 'exit 1');
    assert.match((await setup()).stderr, /^installing [^\n]*\ninstalling node_modules\n/);
  });

  it('says why the node modules cannot be installed', async () => {
    standIn('dpkg-query', ALL_INSTALLED);
    standIn('npm', 'echo "npm error code ENOTFOUND"; exit 1');
    const { status, stderr } = await setup();
    assert.equal(status, 1);
    assert.match(stderr, /\nsetup: npm ci failed \(npm error code ENOTFOUND\); [^\n]*\n$/);
  });

  it('shows what the compiler said', async () => {
    standIn('dpkg-query', ALL_INSTALLED);
    standIn('npm', '[[ $1 == ci ]] || { echo "make: fine"; echo "x.cc:1: error: no"; exit 1; }');
    mkdirSync(join(directory, 'native'));
    writeFileSync(join(directory, 'binding.gyp'), '');
    const { status, stderr } = await setup();
    assert.equal(status, 1);
    assert.match(stderr, /\nx\.cc:1: error: no\nsetup: the addon cannot be built; [^\n]*\n$/);
  });
});
