// What a terminal gets, made by script(1), and what a file gets.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LabProcess } from '../../lab/process.js';
import { until } from '../../lab/until.js';
import { closedPort } from '../probe/servers.js';
import { runProgram } from '../support/program.js';
import { PROGRAM } from '../../lab/program.js';

const TERMINAL = fileURLToPath(new URL('../../../test/support/terminal.py', import.meta.url));
const ESCAPE = String.fromCharCode(27);

interface Surroundings {
  readonly terminal: boolean;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What it says until the one real server, which is none, is judged. */
async function said({ terminal, args = [], env = {} }: Surroundings): Promise<string> {
  const { text: rs } = await closedPort();
  const command = [
    process.execPath,
    PROGRAM,
    'care',
    '--vs',
    '10.103.97.2:6443',
    '--rs',
    rs,
    '--dry-run',
    ...args,
  ];
  const variables = { PATH: process.env['PATH'], TERM: 'xterm-256color', ...env };
  const started = terminal
    ? new LabProcess('script', ['-qefc', command.join(' '), '/dev/null'], { env: variables })
    : new LabProcess(command[0] ?? '', command.slice(1), { env: variables });
  try {
    await started.waitForLine(/is dead/);
    return started.text('stdout');
  } finally {
    await started.stop();
    // The terminal is gone, after the shell on it.
    await until(async () => !(await isRunning(rs)), { timeoutMs: 30_000, what: 'lvscare ends' });
  }
}

/** Whether there is a process with this argument. */
async function isRunning(argument: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.some((line) => line.includes(argument));
}

describe('lvscare care by hand', { concurrency: 2 }, () => {
  it('a terminal gets text with colours, a line for each transition, also if NO_COLOR is empty', async () => {
    for (const env of [{}, { NO_COLOR: '' }]) {
      const text = await said({ terminal: true, env });
      assert.ok(text.includes(`${ESCAPE}[`));
      const plain = text.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), '');
      assert.match(
        plain,
        /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d{4}\] WARN: 127\.0\.0\.1:\d+ is dead \(was unknown\): refused/m,
      );
      assert.doesNotMatch(plain, /[{}]/);
    }
  });

  const plain: readonly (readonly [what: string, surroundings: Surroundings])[] = [
    ['a terminal whose user likes no colours (NO_COLOR)', { terminal: true, env: { NO_COLOR: '1' } }],
    ['a terminal that knows none (TERM=dumb)', { terminal: true, env: { TERM: 'dumb' } }],
    ['a file that is to have text', { terminal: false, args: ['--log-format', 'text'] }],
  ];
  for (const [what, surroundings] of plain) {
    it(`${what} gets text without colours`, async () => {
      const text = await said(surroundings);
      assert.ok(!text.includes(ESCAPE), text);
      assert.match(text, /WARN: 127\.0\.0\.1:\d+ is dead/);
    });
  }

  it('a file gets JSON without colours, a terminal too if it is asked for', async () => {
    for (const surroundings of [{ terminal: false }, { terminal: true, args: ['--log-format', 'json'] }]) {
      const text = await said(surroundings);
      assert.ok(!text.includes(ESCAPE), text);
      for (const line of text.trim().split(/\r?\n/)) assert.equal(typeof JSON.parse(line), 'object');
    }
  });
});

describe('lvscare care on a terminal', () => {
  /** Its exit status, or minus the number of the signal that ended it, after its terminal has been closed. */
  async function statusAfterClosing(): Promise<number> {
    const { text: rs } = await closedPort();
    const care = [process.execPath, PROGRAM, 'care', '--vs', '10.103.97.2:6443', '--rs', rs, '--dry-run'];
    const terminal = new LabProcess('python3', [TERMINAL, '--close', '80', '24', 'is dead', '1', ...care], {
      env: { PATH: process.env['PATH'], TERM: 'xterm' },
    });
    await terminal.exited;
    return (JSON.parse(terminal.text('stdout')) as { status: number }).status;
  }

  it('ends as by SIGTERM when the terminal closes', async () => {
    assert.equal(await statusAfterClosing(), 0);
  });
});

describe('lvscare probe by hand', () => {
  it('has colours on a terminal, unless NO_COLOR or a dumb one say that it has none', async () => {
    const refused = await closedPort();
    const command = ['probe', '--rs', refused.text, '--health-insecure-skip-verify'];
    // script(1) makes a terminal, and hands its output on.
    const onTerminal = async (env: NodeJS.ProcessEnv): Promise<string> => {
      const wrapper = ['bash', '-c', 'script -qec "$(printf "%q " "$@")" /dev/null', 'bash'];
      const { status, stdout } = await runProgram(command, { TERM: 'xterm', ...env }, wrapper);
      assert.equal(status, 1, stdout);
      assert.match(stdout, /refused: /);
      return stdout;
    };
    // eslint-disable-next-line no-control-regex
    const colour = /\u001b\[31mrefused: /;
    assert.match(await onTerminal({}), colour);
    assert.doesNotMatch(await onTerminal({ NO_COLOR: '1' }), colour);
    assert.doesNotMatch(await onTerminal({ TERM: 'dumb' }), colour);
    assert.match(await onTerminal({ NO_COLOR: '' }), colour, 'an empty one is none');
  });
});
