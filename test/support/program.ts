/** The built program, run on this machine: for commands that take no kernel. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { PROGRAM } from '../../lab/program.js';

/** Run by another command, if one is given; without variables that the program reads. */
export function startProgram(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  wrapper: readonly string[] = [],
): ChildProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('CARE_') && name !== 'NO_COLOR' && name !== 'FORCE_COLOR',
  );
  const [command = '', ...rest] = [...wrapper, process.execPath, PROGRAM, ...args];
  return spawn(command, rest, {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** To its end. */
export async function runProgram(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  wrapper: readonly string[] = [],
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  const child = startProgram(args, env, wrapper);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status: status ?? -1, stdout, stderr };
}
