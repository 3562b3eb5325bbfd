/** Other programs, run to their end. */
import { execFile, type ExecFileException } from 'node:child_process';
import { constants } from 'node:os';
import { timeLimit } from './time-limit.js';

/** What became of a program. */
export interface Result {
  /** Its exit status; 128 + N if signal N ended it, as a shell would tell. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What it reads on stdin. Default nothing. */
  readonly input?: string;
  /** After how long it is killed, in ms on a machine of the usual speed. Default 60 000. */
  readonly timeoutMs?: number;
  /** Its environment. Default ours. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Runs a program to its end, whatever that is. Rejects only if it cannot be started. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const { input = '', timeoutMs = 60_000, env = toolEnvironment(), cwd } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        encoding: 'utf8',
        timeout: timeLimit(timeoutMs),
        killSignal: 'SIGKILL',
        maxBuffer: 64 << 20,
        env,
        cwd,
      },
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code === 'string')
          reject(new Error(error.message, { cause: error }));
        else resolve({ status: statusOf(error), stdout, stderr });
      },
    );
    // It may end without having read anything.
    child.stdin?.on('error', () => undefined).end(input);
  });
}

/** Runs a program that has to succeed, and returns its stdout. */
export async function must(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { status, stdout, stderr } = await run(command, args, options);
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')}: status ${status}: ${stderr || stdout}`);
  return stdout;
}

/** The environment for tools that are none of ours: without a sanitizer preloaded, with the places root's tools are in. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  const { LD_PRELOAD: _, ...env } = process.env;
  return { ...env, PATH: `${env['PATH'] ?? ''}:/usr/sbin:/sbin` };
}

function statusOf(error: ExecFileException | null): number {
  if (error === null) return 0;
  if (typeof error.code === 'number') return error.code;
  return 128 + (error.signal ? constants.signals[error.signal] : 0);
}
