import { execFile } from 'node:child_process';
import { KernelError } from '../values/errors.js';

/** The result of a program that ended. */
export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface CommandOptions {
  /** Its standard input. Default empty. */
  readonly input?: string;
  /** Time after which it is killed, in milliseconds. Default 30 000. */
  readonly timeoutMs?: number;
}

/**
 * Runs a program until it ends, with any status. Resolves to null if it is not installed. Rejects with a KernelError if it cannot
 * be started, does not end in time, or writes too much.
 */
export type Run = (
  command: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<Finished | null>;

/** Where to find a program: in PATH, then in the directories of root's tools, which the PATH of `su` lacks. */
const PLACES = ['', '/usr/sbin/', '/sbin/'] as const;
const TIMEOUT_MS = 30_000;
const MOST_OUTPUT = 64 << 20;

export const runCommand: Run = async (command, args, options = {}) => {
  for (const place of command.includes('/') ? [''] : PLACES) {
    const finished = await runOnce(place + command, args, options);
    if (finished !== null) return finished;
  }
  return null;
};

function runOnce(
  command: string,
  args: readonly string[],
  { input = '', timeoutMs = TIMEOUT_MS }: CommandOptions,
): Promise<Finished | null> {
  const options = {
    encoding: 'utf8',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: MOST_OUTPUT,
  } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ status: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ status: error.code, stdout, stderr });
      // ENOENT: there is no such program.
      else if (error.code === 'ENOENT') resolve(null);
      else reject(new KernelError(`${command}: ${whyUnfinished(error, timeoutMs)}`, error));
    });
    // It may end without reading its input.
    child.stdin?.on('error', () => undefined).end(input);
  });
}

function whyUnfinished(
  { code, signal, message }: { code?: unknown; signal?: NodeJS.Signals | null; message: string },
  timeoutMs: number,
): string {
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `it wrote more than ${MOST_OUTPUT} bytes`;
  if (code !== null && code !== undefined) return message;
  return signal === 'SIGKILL' ? `it did not end within ${timeoutMs} ms` : `${signal ?? message} ended it`;
}

/** The complaint of a program that failed, in one line. */
export function complaint(command: string, { status, stdout, stderr }: Finished): string {
  const [line = 'it printed nothing'] = (stderr || stdout).split('\n').filter((each) => each.trim() !== '');
  return `${command}: status ${status}: ${line.trim()}`;
}
