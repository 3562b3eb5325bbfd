// The npm package, installed from its tarball as a user installs it, without a network.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { must, run } from '../../lab/run.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

describe('the npm package', () => {
  let directory = '';
  let installed = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-package-'));
    const tarball = (
      await must('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory], {
        cwd: ROOT,
      })
    ).trim();
    const offline = ['--offline', '--cache', join(directory, 'empty'), '--ignore-scripts'];
    await must('npm', ['install', '--global', '--prefix', directory, ...offline, join(directory, tarball)]);
    installed = join(directory, 'lib/node_modules/lvscare');
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('installs one package beside lvscare, whose headers build the addon', async () => {
    assert.deepEqual(await readdir(join(directory, 'lib/node_modules')), ['lvscare']);
    assert.deepEqual(await readdir(join(installed, 'node_modules')), ['node-addon-api']);
  });

  it('contains all sources of the addon', async () => {
    const ofProject = (await readdir(join(ROOT, 'native'))).filter((name) => /\.(cc|h)$/.test(name));
    assert.deepEqual((await readdir(join(installed, 'native'))).sort(), ofProject.sort());
    assert.equal(
      await readFile(join(installed, 'binding.gyp'), 'utf8'),
      await readFile(join(ROOT, 'binding.gyp'), 'utf8'),
    );
  });

  it('runs, and loads the addon where it is built', async () => {
    const program = join(directory, 'bin/lvscare');
    assert.match(await must(program, ['version', '--short']), /^v\d+\.\d+\.\d+\n$/);
    const status = ['status', '--vs', '10.103.97.2:6443'];
    const without = await run(program, status);
    assert.equal(without.status, 1);
    assert.match(without.stderr, /the native addon is not built/);
    await cp(join(ROOT, 'build/Release/netlink.node'), join(installed, 'build/Release/netlink.node'));
    assert.match((await run(program, status)).stdout, /^TCP {2}10\.103\.97\.2:6443 /m);
  });
});
