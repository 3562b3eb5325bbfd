// Completion as bash has it: what the script offers for a command line, without a start of lvscare.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { must } from '../../lab/run.js';
import { readCommandLine } from '../../src/cli/command-line.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { CARE_OPTIONS } from '../../src/config/options.js';

const ONE = ['10.103.97.200:6443', '10.103.97.201:6443'];
const SIX = '[fd00:0010:0103:0097:0000:0000:0000:00c8]:6443';

/** As the kernel shows it: two virtual servers of lvscare, and one of kube-proxy. */
const TABLE = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A676102:192B rr${' '}
  -> 0A6761C9:192B      Masq    1      0          0${' '.repeat(9)}
  -> 0A6761C8:192B      Masq    1      0          0${' '.repeat(9)}
TCP  0A600001:01BB rr${' '}
  -> 0A000009:01BB      Masq    1      0          0${' '.repeat(9)}
TCP  [fd00:0010:0103:0097:0000:0000:0000:0002]:192B rr${' '}
  -> ${SIX.replace('6443', '192B')}      Masq    1      0          0${' '.repeat(9)}
UDP  0A60000A:0035 rr${' '}
  -> 0A000008:0035      Masq    1      0          0${' '.repeat(9)}
`;

async function scriptFor(...words: readonly string[]): Promise<string> {
  const command = await readCommandLine(['completion', ...words], 80);
  assert.ok(command.kind === 'print');
  return command.text;
}

describe('completion', () => {
  it('is for bash unless zsh is asked for', async () => {
    assert.equal(await scriptFor(), await scriptFor('bash'));
    assert.match(await scriptFor('bash'), /^complete .* -F _lvscare lvscare$/m);
    assert.match(await scriptFor('zsh'), /^#compdef lvscare\n/);
  });

  describe('in bash', () => {
    let directory = '';
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'lvscare-completion-'));
      const namespace = /\d+/.exec(await readlink('/proc/self/ns/net'))?.[0] ?? '';
      const run = join(directory, 'run', namespace);
      await mkdir(run, { recursive: true });
      for (const name of [
        '10.103.97.2:6443.sock',
        '10.103.97.2:6443.json',
        '[fd00:10:103:97::2]:6443.json',
        '$(false).json',
        'net.ipv4.vs.conntrack.sysctl',
      ])
        await writeFile(join(run, name), '');
      const drained = { drained: { [ONE[0] ?? '']: 1_700_000_000_000 }, boot: 'a1:2' };
      await writeFile(join(run, '10.103.97.2:6443.drained'), `${JSON.stringify(drained)}\n`);
      await writeFile(join(directory, 'ip_vs'), TABLE);
      const program = join(directory, 'lvscare');
      await writeFile(program, `#!/bin/sh\ntouch ${directory}/started\n`);
      await chmod(program, 0o755);
      const script = (await scriptFor('bash'))
        .replaceAll('/run/lvscare', join(directory, 'run'))
        .replaceAll('/proc/net/ip_vs', join(directory, 'ip_vs'));
      await writeFile(join(directory, 'completion.bash'), script);
    });
    after(() => rm(directory, { recursive: true }));

    /** What bash offers in place of the last word of a line, with its own word breaks. */
    async function completed(line: string): Promise<string[]> {
      const script =
        'set -u; source "$0"; COMP_LINE=$1; COMP_POINT=${#1}; COMPREPLY=()\n' +
        '[[ $(complete -p lvscare) =~ -F\\ ([^\\ ]+) ]]; "${BASH_REMATCH[1]}"; printf "%s\\n" "${COMPREPLY[@]}"';
      const said = await must('bash', ['-c', script, join(directory, 'completion.bash'), `lvscare ${line}`], {
        env: { ...process.env, PATH: `${directory}:${process.env['PATH'] ?? ''}` },
      });
      assert.ok(!existsSync(join(directory, 'started')), 'lvscare was started');
      return said.trim().split('\n');
    }

    it('offers the commands', async () => {
      assert.deepEqual(await completed(''), [...COMMANDS.map(({ name }) => name), 'help']);
      assert.deepEqual(await completed('ca'), ['care']);
    });

    it('offers every option of care that is of use, and those of a command only there', async () => {
      const options = await completed('care --');
      for (const { flag, hidden } of CARE_OPTIONS)
        assert.equal(options.includes(`--${flag}`), hidden !== true, flag);
      assert.deepEqual((await completed('care --health-req-')).toSorted(), [
        '--health-req-body',
        '--health-req-headers',
        '--health-req-method',
      ]);
      assert.deepEqual(await completed('drain --'), ['--vs', '--force', '--help']);
    });

    it('offers the values of an option that has few, in both spellings', async () => {
      for (const { flag, choices } of CARE_OPTIONS)
        if (choices !== undefined) assert.deepEqual(await completed(`care --${flag} `), choices, flag);
      assert.deepEqual(await completed('care --mode=lo'), ['local']);
      assert.deepEqual(await completed('care --health-scheme http'), ['https', 'http']);
      assert.deepEqual(await completed('care --config '), [''], 'files, by the shell itself');
    });

    it('offers the real servers that the kernel has in virtual servers of lvscare', async () => {
      assert.deepEqual(await completed('drain '), [...ONE, SIX]);
      assert.deepEqual(await completed('drain 10.103.97.201'), [ONE[1]]);
      assert.deepEqual(await completed('probe --rs '), [...ONE, SIX]);
    });

    it('offers what bash puts behind the last colon of what was typed', async () => {
      assert.deepEqual(await completed('drain 10.103.97.201:64'), ['6443']);
    });

    it('offers the virtual servers of lvscare, and of the real servers to undrain those that are drained', async () => {
      assert.deepEqual(await completed('status --vs '), ['10.103.97.2:6443', '[fd00:10:103:97::2]:6443']);
      assert.deepEqual(await completed('undrain '), [ONE[0]]);
    });
  });
});
