import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { timeLimit } from '../../lab/time-limit.js';
import { readCommandLine } from '../../src/cli/command-line.js';
import { CARE_OPTIONS } from '../../src/config/options.js';

const commandLineModule = new URL('../../src/cli/command-line.js', import.meta.url).href;

/** What yargs offers after the given words, as its script asks for it. */
async function offered(...words: string[]): Promise<string[]> {
  const command = await readCommandLine(['--get-yargs-completions', 'lvscare', ...words], 80);
  assert.equal(command.kind, 'print');
  return command.text.split('\n');
}

describe('completion', () => {
  it('offers the commands', async () => {
    const commands = await offered('');
    for (const command of ['care', 'version', 'completion']) assert.ok(commands.includes(command));
  });

  it('offers every option of care that is of use', async () => {
    const options = await offered('care', '--');
    for (const { flag, hidden } of CARE_OPTIONS) {
      assert.equal(options.includes(`--${flag}`), hidden !== true, flag);
    }
  });

  it('offers the values of an option that has few', async () => {
    for (const { flag, choices } of CARE_OPTIONS) {
      if (choices !== undefined) assert.deepEqual(await offered('care', `--${flag}`, ''), choices);
    }
  });

  it('is for bash unless zsh is asked for', async () => {
    const script = async (...words: string[]): Promise<string> => {
      const command = await readCommandLine(['completion', ...words], 80);
      assert.equal(command.kind, 'print');
      return command.text;
    };
    assert.equal(await script(), await script('bash'));
    assert.match(await script('bash'), /^complete .* -F _lvscare lvscare$/m);
    assert.match(await script('zsh'), /^#compdef lvscare\n/);
  });

  describe('in bash', () => {
    let directory = '';
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'lvscare-completion-'));
      const program =
        `#!${process.execPath}\n` +
        `import(${JSON.stringify(commandLineModule)}).then(async ({ readCommandLine }) => {\n` +
        '  console.log((await readCommandLine(process.argv.slice(2), 80)).text);\n' +
        '});\n';
      await writeFile(join(directory, 'lvscare'), program, { mode: 0o755 });
      const command = await readCommandLine(['completion', 'bash'], 80);
      assert.equal(command.kind, 'print');
      await writeFile(join(directory, 'completion.bash'), command.text);
    });
    after(() => rm(directory, { recursive: true }));

    /** What bash makes of the words, the last of which is being typed. */
    async function completed(...words: string[]): Promise<string[]> {
      const script =
        'set -eu; source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()\n' +
        // The function that the script registers, whatever its name.
        '[[ $(complete -p lvscare) =~ -F\\ ([^\\ ]+) ]]; "${BASH_REMATCH[1]}"; printf "%s\\n" "${COMPREPLY[@]}"';
      const { stdout } = await promisify(execFile)(
        'bash',
        ['-c', script, join(directory, 'completion.bash'), 'lvscare', ...words],
        {
          // Whatever shell it is that the user has otherwise.
          env: {
            ...process.env,
            SHELL: '/bin/zsh',
            PATH: `${directory}${delimiter}${process.env['PATH'] ?? ''}`,
          },
          timeout: timeLimit(20_000),
        },
      );
      return stdout.trim().split('\n');
    }

    it('completes a command, an option and a value', async () => {
      const [command, option, value] = await Promise.all([
        completed('ca'),
        completed('care', '--health-req-'),
        completed('care', '--mode', 'lo'),
      ]);
      assert.deepEqual(command, ['care']);
      assert.deepEqual(option.toSorted(), [
        '--health-req-body',
        '--health-req-headers',
        '--health-req-method',
      ]);
      assert.deepEqual(value, ['local']);
    });
  });
});
