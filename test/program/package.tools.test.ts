// What users install: the npm package from its tarball, without a network, and both packages on a Debian without a compiler.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { arch, homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { must, run, type Result } from '../../lab/run.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const STATUS = ['lvscare', 'status', '--vs', '10.103.97.2:6443'];
const SHOWN = /^TCP {2}10\.103\.97\.2:6443 /m;

/** For this kind of machine. Resolves to the files: Debian's, npm's. */
async function makePackages(output: string): Promise<string[]> {
  const options = ['--arch', arch(), '--compression', 'none', '--output', output];
  const made = await must('scripts/package', options, { cwd: ROOT, timeoutMs: 300_000 });
  return made.trim().split('\n');
}

/**
 * A root file system of this machine's Debian release, with the packages downloaded that lvscare's needs. It is kept with what else was
 * downloaded, so that a later run needs no mirror.
 */
async function minimalDebian(): Promise<string> {
  const release = /^VERSION_CODENAME=(.*)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? '';
  const cache = join(process.env['LVSCARE_CACHE'] ?? join(homedir(), '.cache/lvscare'), 'debian');
  const archive = join(cache, `${release}.tar`);
  if (existsSync(archive)) return archive;
  const format = '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)';
  const sources = await must('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const mirror = /^Debian Debian main (\S+)$/m.exec(sources)?.[1] ?? '';
  await mkdir(cache, { recursive: true });
  const download =
    'chroot "$1" apt-get install --download-only -y --no-install-recommends libnl-3-200 libnl-genl-3-200';
  const options = [
    '--quiet',
    '--mode=root',
    '--variant=apt',
    '--skip=cleanup/apt',
    `--customize-hook=${download}`,
  ];
  const unfinished = `${archive}.${process.pid}.tar`;
  await must('mmdebstrap', [...options, release, unfinished, mirror], { timeoutMs: 300_000 });
  await rename(unfinished, archive);
  return archive;
}

describe('the packages', () => {
  let directory = '';
  let tarball = '';
  let deb = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-package-'));
    [deb = '', tarball = ''] = await makePackages(directory);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  describe('of npm', () => {
    let installed = '';
    before(async () => {
      const offline = ['--offline', '--cache', join(directory, 'empty'), '--ignore-scripts'];
      await must('npm', ['install', '--global', '--prefix', directory, ...offline, tarball]);
      installed = join(directory, 'lib/node_modules/lvscare');
    });

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
      await rm(join(installed, 'prebuilds'), { recursive: true });
      const program = join(directory, 'bin/lvscare');
      assert.match(await must(program, ['version', '--short']), /^v\d+\.\d+\.\d+\n$/);
      const without = await run(program, STATUS.slice(1));
      assert.equal(without.status, 1);
      assert.match(without.stderr, /the native addon is not built: apt-get install .*g\+\+/);
      await cp(join(ROOT, 'build/Release/netlink.node'), join(installed, 'build/Release/netlink.node'));
      assert.match((await run(program, STATUS.slice(1))).stdout, SHOWN);
    });
  });

  it('are the same when they are made again', async () => {
    const again = join(directory, 'again');
    await makePackages(again);
    for (const file of [deb, tarball])
      assert.ok((await readFile(join(again, basename(file)))).equals(await readFile(file)), file);
  });

  describe('on a Debian without a compiler', () => {
    let debian = '';
    const inDebian = (...command: string[]): Promise<Result> =>
      run('unshare', [
        ...['--mount', '--', 'sh', '-c'],
        'root=$1; shift; mount -t proc proc "$root/proc" && exec chroot "$root" "$@"',
        ...[
          'sh',
          debian,
          'env',
          '-i',
          'PATH=/usr/local/bin:/usr/sbin:/usr/bin',
          'DEBIAN_FRONTEND=noninteractive',
        ],
        ...command,
      ]);
    const done = async (...command: string[]): Promise<string> => {
      const { status, stdout, stderr } = await inDebian(...command);
      assert.equal(status, 0, stderr);
      return stdout;
    };
    const has = (path: string): boolean => existsSync(join(debian, path));

    before(async () => {
      debian = join(directory, 'debian');
      await mkdir(debian);
      await must('tar', ['-C', debian, '-xf', await minimalDebian()]);
      await cp(deb, join(debian, 'lvscare.deb'));
      await cp(tarball, join(debian, 'lvscare.tgz'));
      await writeFile(join(debian, 'care.json'), '{"vs": "10.103.97.2:6443", "rs": ["10.0.0.1:6443"]}');
    });

    it('has neither a compiler nor libnl', async () => {
      for (const tool of ['cc', 'g++', 'make', 'python3', 'pkg-config', 'node'])
        assert.equal((await inDebian('sh', '-c', `command -v ${tool}`)).stdout, '', tool);
      assert.doesNotMatch(await done('dpkg-query', '--show'), /^libnl-/m);
    });

    it('npm installs its package, and the addon in it loads', async () => {
      const local = join(debian, 'usr/local');
      await mkdir(join(local, 'lib/node_modules'), { recursive: true });
      const npm = join((await must('npm', ['root', '--global'])).trim(), 'npm');
      await cp(process.execPath, join(local, 'bin/node'));
      await cp(npm, join(local, 'lib/node_modules/npm'), { recursive: true });
      await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
      await done('npm', 'install', '--global', '--offline', '--no-update-notifier', '/lvscare.tgz');
      assert.match(await done('lvscare', 'version', '--short'), /^v\d+\.\d+\.\d+\n$/);
      assert.match(await done('lvscare', 'config', '/care.json'), /^ {2}- vs: '10\.103\.97\.2:6443'/m);
      assert.match((await inDebian(...STATUS)).stdout, SHOWN);
      assert.ok(!has('usr/local/lib/node_modules/lvscare/build'));
    });

    it('npm says what to install where no addon loads and none can be built', async () => {
      await done('npm', 'uninstall', '--global', 'lvscare');
      const options = ['--global', '--offline', '--no-update-notifier', '--build-from-source'];
      const { status, stderr } = await inDebian('npm', 'install', ...options, '/lvscare.tgz');
      assert.notEqual(status, 0);
      assert.match(stderr, /cannot be built here\..*as root:\n.* {2}apt-get install -y g\+\+ make python3/);
      await rm(join(debian, 'usr/local/bin/node'));
    });

    it("apt installs Debian's package, which has its own Node.js", async () => {
      const said = await done('apt-get', 'install', '-y', '-q', '--no-install-recommends', '/lvscare.deb');
      assert.match(said, /Next: lvscare doctor/);
      assert.match(await done('lvscare', 'version', '--short'), /^v\d+\.\d+\.\d+\n$/);
      assert.match(await done('lvscare', 'config', '/care.json'), /^ {2}- vs: '10\.103\.97\.2:6443'/m);
      assert.match((await inDebian(...STATUS)).stdout, SHOWN);
      assert.equal(await done('dpkg', '--verify', 'lvscare'), '');
    });

    it("Debian's package has the unit that this program prints, completion, and a page for each command", async () => {
      const options = ['--systemd', '--config', '/etc/lvscare/care.json'];
      assert.equal(
        await done('lvscare', 'manifest', ...options),
        await readFile(join(debian, 'usr/lib/systemd/system/lvscare.service'), 'utf8'),
      );
      assert.ok(has('usr/share/bash-completion/completions/lvscare'));
      // The minimal Debian leaves man pages out when it installs.
      const contents = await must('dpkg-deb', ['--contents', deb]);
      const pages = contents.match(/(?<=\/man8\/)lvscare-\w+(?=\.8\.gz$)/gm) ?? [];
      const commands = (await done('lvscare', '--help')).match(/(?<=^ {2}lvscare )\w+/gm) ?? [];
      assert.deepEqual(new Set(pages), new Set(commands.map((name) => `lvscare-${name}`)));
    });

    it('an upgrade and a purge leave what the administrator wrote', async () => {
      const file = join(debian, 'etc/lvscare/care.json');
      await writeFile(file, '{}');
      await done('dpkg', '--install', '/lvscare.deb');
      assert.equal(await readFile(file, 'utf8'), '{}');
      await done('apt-get', 'purge', '-y', '-q', 'lvscare');
      assert.equal(await readFile(file, 'utf8'), '{}');
      assert.deepEqual([has('usr/bin/lvscare'), has('usr/lib/lvscare')], [false, false]);
    });
  });
});
