// The program itself on a terminal, where nothing of a virtual server is: what it says then is of no interest here.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { timeLimit } from '../../lab/time-limit.js';
import { PROGRAM } from '../../lab/program.js';

const TERMINAL = fileURLToPath(new URL('../../../test/support/terminal.py', import.meta.url));
/** Of TEST-NET-2: nobody's. */
const ARGS = ['status', '--vs', '198.51.100.77:6443', '--watch'];
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
// eslint-disable-next-line no-control-regex
const CODE = /\u001b\[[\d;?]*[A-Za-z]/g;
const HEADING = 'Prot LocalAddress:Port';

/** Runs it on a terminal until something was written so often, then types Ctrl-C. */
async function onTerminal(
  until: string,
  times: number,
  { columns = 80, rows = 24, env = {} }: { columns?: number; rows?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<{ readonly output: string; readonly status: number }> {
  const args = [
    TERMINAL,
    String(columns),
    String(rows),
    until,
    String(times),
    process.execPath,
    PROGRAM,
    ...ARGS,
  ];
  const { NO_COLOR: _, ...inherited } = process.env;
  const options = { timeout: timeLimit(60_000), env: { ...inherited, TERM: 'xterm', ...env } };
  const { stdout } = await promisify(execFile)('python3', args, options);
  return JSON.parse(stdout) as { output: string; status: number };
}

/** What was drawn on the terminal's other page. */
function drawn(output: string): string {
  const [, inside = ''] = output.split(ENTER);
  return inside.split(LEAVE)[0] ?? '';
}

describe('lvscare status --watch', () => {
  it('draws in place on a terminal, and gives that back at Ctrl-C', async () => {
    const { output, status } = await onTerminal(HEADING, 3);
    assert.equal(status, 0);
    assert.ok(output.endsWith(LEAVE), JSON.stringify(output));
    const frames = drawn(output).split('\u001b[H').slice(1);
    assert.ok(frames.length >= 3);
    for (const frame of frames) assert.ok(frame.startsWith(HEADING), JSON.stringify(frame));
    assert.ok(output.includes('\u001b[33m'), 'with colours');
  });

  it('has no colours when they are not wanted', async () => {
    const { output } = await onTerminal(HEADING, 1, { env: { NO_COLOR: '1' } });
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(drawn(output), /\u001b\[\d+m/);
  });

  it('draws no more than there is room for', async () => {
    const { output } = await onTerminal(HEADING.slice(0, 10), 1, { columns: 20, rows: 2 });
    const lines = drawn(output)
      .replaceAll(CODE, '')
      // What the terminal makes of the end of a line, and of Ctrl-C.
      .replace('^C', '')
      .split(/\r+\n/);
    assert.deepEqual(lines, ['Prot LocalAddress:Po', '... and 4 more lines']);
  });

  it('writes one after the other where the terminal can do no more', async () => {
    const { output, status } = await onTerminal(HEADING, 2, { env: { TERM: 'dumb' } });
    assert.equal(status, 0);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(output, /\u001b/);
  });

  it('writes JSON, one object a line, and ends quietly with its reader', async () => {
    const child = spawn(process.execPath, [PROGRAM, ...ARGS, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'exit');
    const complaints: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    for (let time = 0; time < 2; time += 1) {
      const status = JSON.parse(String((await lines.next()).value)) as { virtualServers: unknown[] };
      assert.equal(status.virtualServers.length, 1);
    }
    child.stdout.destroy();
    assert.deepEqual(await exited, [0, null]);
    assert.deepEqual(complaints, []);
  });
});
