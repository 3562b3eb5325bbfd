// scripts/with-ipvs, from outside: what goes in, what comes out, what is left. On both kinds of kernel that are quick;
// host stands for its plumbing, which works where the kernel has no IPVS as well. What is the same code for both is
// tried on it alone: a guest takes seconds to boot.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LabProcess, type StartOptions } from '../../lab/process.js';
import { run, toolEnvironment, type Result, type RunOptions } from '../../lab/run.js';
import { until } from '../../lab/until.js';

const SCRIPTS = fileURLToPath(new URL('../../../scripts', import.meta.url));
const WITH_IPVS = join(SCRIPTS, 'with-ipvs');

/** What tells a guest's own directory: the arguments of its kernel, or of its first process. */
const TELL_RUN =
  'cat /proc/cmdline /proc/1/cmdline | tr "\\0" " " | grep -o "/tmp/with-ipvs[.][A-Za-z0-9]*" | head -n 1';

const environment = { ...toolEnvironment(), WITH_IPVS_NO_PROBE: '1' };

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'with-ipvs-test-'));
});
after(() => {
  rmSync(directory, { recursive: true });
});

/** Those of our processes that still name the guest's directory. */
function processesOf(runDirectory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(runDirectory);
    } catch {
      return false;
    }
  });
}

/** The signals that end it, and its exit status then. */
const ENDINGS = {
  host: [
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGKILL', 137],
  ],
  guest: [
    ['SIGTERM', 143],
    ['SIGKILL', 137],
  ],
} as const;

/** The kind of guest that works here. */
const GUEST = await guestKernel();

async function guestKernel(): Promise<string> {
  const { stdout } = await run(WITH_IPVS, ['printenv', 'WITH_IPVS'], {
    env: toolEnvironment(),
    timeoutMs: 300_000,
  });
  return stdout.trim() === 'host' ? 'uml' : stdout.trim();
}

for (const kernel of ['host', GUEST]) {
  const withIpvs = (args: readonly string[], options: RunOptions = {}): Promise<Result> =>
    run(WITH_IPVS, ['--kernel', kernel, ...args], { env: environment, timeoutMs: 120_000, ...options });
  const start = (args: readonly string[], options: StartOptions = {}): LabProcess =>
    new LabProcess(WITH_IPVS, ['--kernel', kernel, ...args], { env: environment, ...options });

  describe(`with-ipvs --kernel ${kernel}`, () => {
    it('passes the exit status', async () => {
      assert.equal((await withIpvs(['bash', '-c', 'exit 37'])).status, 37);
    });

    it('reports a signal as a shell does', async () => {
      assert.equal((await withIpvs(['bash', '-c', 'kill -KILL $$'])).status, 137);
    });

    it('keeps stdout and stderr apart, and every byte', async () => {
      const bytes = join(directory, 'bytes');
      writeFileSync(bytes, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
      const hex = 'od -An -v -tx1 | tr -d " \\n"';
      // Of the script's own output, by way of pipes that keep bytes.
      const both = `{ "$0" --kernel ${kernel} bash -c 'cat "$0"; cat "$0" "$0" >&2' ${bytes} 2>&3 | ${hex}; } 3>&1 1>&4 | ${hex}`;
      const result = await run('bash', ['-c', `{ ${both} >${directory}/err; } 4>&1`, WITH_IPVS], {
        env: environment,
        timeoutMs: 120_000,
      });
      const expected = readFileSync(bytes).toString('hex');
      assert.equal(result.stdout, expected);
      assert.equal(readFileSync(join(directory, 'err'), 'utf8'), expected.repeat(2));
    });

    it('loses nothing of much output', async () => {
      const bytes = join(directory, 'many-bytes');
      writeFileSync(bytes, randomBytes(8 << 20));
      const result = await run(
        'bash',
        ['-c', `"$0" --kernel ${kernel} cat ${bytes} | sha256sum`, WITH_IPVS],
        {
          env: environment,
          timeoutMs: 120_000,
        },
      );
      assert.equal(
        result.stdout.split(' ')[0],
        createHash('sha256').update(readFileSync(bytes)).digest('hex'),
      );
    });

    it('keeps arguments, environment and directory, and what the command writes there', async () => {
      const args = ['a b', '', '$HOME `id` "$(id)"', "it's", '*', 'two\nlines', '--kernel', 'ä', '\\n'];
      const show =
        'console.log(JSON.stringify([process.argv.slice(1), process.env["X_Y"], process.env["odd.name"], process.cwd()])); fs.writeFileSync("written", "here")';
      const result = await withIpvs([process.execPath, '-e', show, '--', ...args], {
        env: { ...environment, X_Y: ' two\nlines "quoted" ', 'odd.name': 'yes' },
        cwd: directory,
      });
      assert.deepEqual(JSON.parse(result.stdout), [args, ' two\nlines "quoted" ', 'yes', directory]);
      assert.equal(readFileSync(join(directory, 'written'), 'utf8'), 'here');
      rmSync(join(directory, 'written'));
    });

    it('gives root, a fresh network, a place for sockets, and nothing to read', async () => {
      const look =
        'id -u; ls /sys/class/net; cat /proc/net/dev | wc -l; touch /run/netns/x "$TMPDIR/x" && wc -c; ip netns add a && ip netns';
      const result = await withIpvs(['bash', '-c', look], { input: 'not this' });
      assert.deepEqual(result.stdout.split('\n').slice(0, 4), ['0', 'lo', '3', '0']);
      assert.match(result.stdout, /^a$/m);
      assert.ok(!existsSync('/run/netns/x') && !existsSync('/run/netns/a'));
    });

    it('lets output through as it is written', async () => {
      const guest = start(['bash', '-c', 'echo one; echo two >&2; exec sleep 1000']);
      await guest.waitForLine(/^one$/, { timeoutMs: 60_000 });
      await guest.waitForLine(/^two$/);
      assert.equal(await guest.stop(), 143);
    });

    if (kernel === 'host') {
      it('reports a command that does not exist', async () => {
        const missing = await withIpvs(['no-such-command']);
        assert.equal(missing.status, 127);
        assert.match(missing.stderr, /no-such-command/);
        assert.equal((await withIpvs(['/etc/passwd'])).status, 126);
      });

      it('ends the command when its time is over', async () => {
        const result = await withIpvs(['--timeout', '2', 'bash', '-c', `${TELL_RUN}; exec sleep 1000`]);
        assert.equal(result.status, 124);
        assert.match(result.stderr, /^with-ipvs: the command did not end in 2 s: bash [^\n]*\n$/);
        const runDirectory = result.stdout.trim();
        assert.match(runDirectory, /^\/tmp\/with-ipvs/);
        await until(() => processesOf(runDirectory).length === 0);
      });
    }

    for (const [signal, status] of ENDINGS[kernel === 'host' ? 'host' : 'guest']) {
      it(`leaves nothing behind after ${signal}`, async () => {
        const guest = start(['bash', '-c', `${TELL_RUN}; exec sleep 1000`]);
        const { text: runDirectory } = await guest.waitForLine(/^\/tmp/, { timeoutMs: 60_000 });
        assert.ok(existsSync(runDirectory));
        assert.notDeepEqual(processesOf(runDirectory), []);
        guest.signal(signal);
        assert.equal(await guest.exited, status);
        await until(() => processesOf(runDirectory).length === 0 && !existsSync(runDirectory));
      });
    }

    it('does not wait for what the command left running', async () => {
      const result = await withIpvs(['bash', '-c', 'echo out; sleep 1000 & exit 3']);
      assert.deepEqual(result, { status: 3, stdout: 'out\n', stderr: '' });
    });

    it('ends when its reader is gone', async () => {
      const piped = `"$0" --kernel ${kernel} yes | head -n 1; exit "\${PIPESTATUS[0]}"`;
      const result = await run('bash', ['-c', piped, WITH_IPVS], { env: environment, timeoutMs: 120_000 });
      assert.deepEqual([result.status, result.stdout], [141, 'y\n']);
    });

    it('gives the terminal to a command that has one', async () => {
      const look =
        'test -t 0 && test -t 1 && test -t 2 && : </dev/tty && set -m && { true & wait; } && stty size; exit 5';
      const command = `stty rows 33 cols 99; ${WITH_IPVS} --kernel ${kernel} bash -c '${look}'; echo status $?`;
      const result = await run('script', ['-qec', command, '/dev/null'], {
        env: environment,
        timeoutMs: 120_000,
      });
      // A shell with job control may also say that its job is done, when that was quick.
      assert.match(result.stdout, /33 99\r\n(\[1\]\+ .*\r\n)?status 5\r\n/);
    });
  });
}

describe('with-ipvs', () => {
  const withIpvs = (...args: string[]): Promise<Result> =>
    run(WITH_IPVS, args, { env: toolEnvironment(), timeoutMs: 120_000 });

  it('has IPVS, whichever kernel it takes', async () => {
    const result = await withIpvs('bash', '-c', 'ipvsadm -A -t 10.0.0.1:80 -s rr && ipvsadm -Sn');
    assert.deepEqual([result.status, result.stdout], [0, '-A -t 10.0.0.1:80 -s rr\n']);
  });

  it('can be without IPVS until it is loaded', async () => {
    const asked = 'genl ctrl get name IPVS >/dev/null 2>&1 && echo there || echo not there;';
    const story = `echo /bin/false >/proc/sys/kernel/modprobe; ${asked} modprobe ip_vs; ${asked}`;
    const result = await withIpvs('--kernel', GUEST, 'bash', '-c', story);
    assert.deepEqual(result, { status: 0, stdout: 'not there\nthere\n', stderr: '' });
  });

  it('distinguishes a dead kernel from a failed command', async () => {
    const result = await withIpvs('--kernel', GUEST, 'bash', '-c', 'echo c >/proc/sysrq-trigger; sleep 1000');
    assert.equal(result.status, 125);
    assert.match(result.stderr, /^with-ipvs: the guest's kernel \(\w+\) panicked: [^\n]*panic[^\n]*\n$/);
    const tiny = await withIpvs('--kernel', GUEST, '--memory', '16M', 'true');
    assert.equal(tiny.status, 125);
  });

  it('boots guests side by side', async () => {
    const both = await Promise.all(['one', 'two'].map((word) => withIpvs('--kernel', GUEST, 'echo', word)));
    assert.deepEqual(
      both.map((result) => result.stdout),
      ['one\n', 'two\n'],
    );
  });

  describe('where a kind of kernel does not work', () => {
    let cache: string;
    let bin: string;
    beforeEach(() => {
      cache = mkdtempSync(join(directory, 'cache-'));
      bin = join(cache, 'bin');
      mkdirSync(bin);
      // It is not the emulator that is tried here: what is asked of it is enough.
      standIn('qemu-system-x86_64', 'exit 1');
      // Without it there are no network namespaces, so this machine's own kernel does not do.
      standIn('unshare', 'exit 1');
      const stock = join(cache, 'qemu/this-release');
      mkdirSync(stock, { recursive: true });
      for (const name of ['vmlinuz', 'initramfs']) writeFileSync(join(stock, name), '');
      cpSync(join(SCRIPTS, 'lib/qemu-initramfs-init'), join(stock, 'init'));
    });

    const standIn = (name: string, script: string): void => {
      writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
    };
    const withoutUml = (env: NodeJS.ProcessEnv = {}): Promise<Result> => {
      const tools = toolEnvironment();
      const path = `${bin}:${tools['PATH'] ?? ''}`;
      return run(WITH_IPVS, ['true'], {
        env: { ...tools, PATH: path, LVSCARE_CACHE: cache, ...env },
        timeoutMs: 300_000,
      });
    };
    const QEMU = "with-ipvs: the guest's kernel (qemu) ended before the command did: it said nothing\n";

    it('tries one that panics once, remembers that for this CPU, and says in one line that another kind is next', async () => {
      const panic = 'Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b';
      mkdirSync(join(cache, 'uml/lib'), { recursive: true });
      writeFileSync(join(cache, 'uml/linux'), `#!/bin/sh\necho x >>${cache}/starts\necho '${panic}'\n`, {
        mode: 0o755,
      });
      for (let time = 0; time < 2; time += 1) {
        assert.deepEqual(await withoutUml(), {
          status: 125,
          stdout: '',
          stderr: `with-ipvs: no uml kernel: the guest's kernel (uml) panicked: ${panic}; trying the next kind\n${QEMU}`,
        });
      }
      assert.equal(readFileSync(join(cache, 'starts'), 'utf8'), 'x\n');
    });

    it('says so where there is no keyring to verify a download', async () => {
      assert.equal(
        (await withoutUml({ DEBIAN_KEYRING: '/nonexistent' })).stderr,
        `with-ipvs: no uml kernel: there is no /nonexistent (Debian package debian-archive-keyring); trying the next kind\n${QEMU}`,
      );
    });

    it('says so where the mirror has no such suite', async () => {
      standIn(
        'apt-get',
        'case "$*" in *SourceList*update) echo "E: no Release file" >&2; exit 100 ;; esac; PATH=${PATH#*:}; exec apt-get "$@"',
      );
      assert.equal(
        (await withoutUml()).stderr,
        `with-ipvs: no uml kernel: suite testing: E: no Release file; trying the next kind\n${QEMU}`,
      );
    });

    it('says so where a package is missing and cannot be installed', async () => {
      standIn('apt-get', 'echo "E: the mirror is away" >&2; exit 100');
      standIn(
        'dpkg-query',
        'for package; do [[ $package == patchelf ]] || printf " installed=%s " "$package"; done',
      );
      const { stderr } = await withoutUml();
      assert.match(
        stderr,
        /^with-ipvs: no uml kernel: [^\n]*apt-get failed \(E: the mirror is away\)[^\n]* install patchelf; trying the next kind\n/,
      );
      assert.ok(stderr.endsWith(QEMU));
    });
  });

  it('says in one line what is wrong with its arguments', async () => {
    for (const [args, what] of [
      [[], /what is the command/],
      [['--kernel', 'bsd', 'true'], /--kernel expects host, test, uml, qemu or qemu:SUITE, got 'bsd'/],
      [['--timeout', 'soon', 'true'], /--timeout expects whole seconds, got 'soon'/],
      [['--timeout'], /--timeout expects|what is the command/],
      [['--memory', '12', 'true'], /--memory expects a size such as 2G or 512M, got '12'/],
      [['--fast', 'true'], /unknown option --fast/],
    ] as const) {
      const result = await withIpvs(...args);
      assert.equal(result.status, 2);
      assert.match(result.stderr, what);
      assert.match(result.stderr, /^with-ipvs: [^\n]*\n$/);
    }
    assert.match((await withIpvs('--help')).stdout, /^usage: scripts\/with-ipvs/);
  });

  it('says in one line that it must be root', async () => {
    const copy = join(directory, 'scripts');
    cpSync(SCRIPTS, copy, { recursive: true });
    chmodSync(directory, 0o755);
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', join(copy, 'with-ipvs'), 'true'];
    const result = await run('setpriv', nobody);
    assert.equal(result.status, 1);
    assert.match(result.stderr, /^with-ipvs: must be root[^\n]*\n$/);
  });
});

describe('build-kernel', () => {
  const buildKernel = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<Result> =>
    run(join(SCRIPTS, 'build-kernel'), args, {
      env: { ...toolEnvironment(), LVSCARE_CACHE: join(directory, 'none'), ...env },
    });

  it('says in one line what is wrong with its arguments', async () => {
    const { status, stderr } = await buildKernel(['fast'], {});
    assert.equal(status, 2);
    assert.match(stderr, /^build-kernel: expects no arguments, got 'fast' [^\n]*\n$/);
  });

  it('says in one line why there is no source to build from, and takes nothing for built', async () => {
    const { status, stdout, stderr } = await buildKernel([], { DEBIAN_KEYRING: '/nonexistent' });
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^build-kernel: no source of a kernel: there is no \/nonexistent [^\n]*\n$/);
    const { stderr: tried } = await run(WITH_IPVS, ['--kernel', 'test', 'true'], {
      env: { ...toolEnvironment(), LVSCARE_CACHE: join(directory, 'none') },
    });
    assert.equal(tried, 'with-ipvs: no test kernel: it is not built; scripts/build-kernel builds it\n');
  });
});
