/** The tools that judge the addon: ipvsadm, ip and whatever else this machine has, run without its sanitizers. */
import { execFile, execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

const env = { ...process.env };
delete env['LD_PRELOAD'];
// A tool found on the PATH of a login shell is found here as well.
env['PATH'] = `${env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** Runs a tool to its end and returns its stdout; its stderr is in the error if it fails. */
export function tool(name: string, ...args: string[]): string {
  return execFileSync(name, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Like {@link tool}, off the event loop. */
export async function toolAsync(name: string, ...args: string[]): Promise<string> {
  const { stdout } = await execFileAsync(name, args, { env, encoding: 'utf8' });
  return stdout;
}

/** Runs a tool that may fail: did it succeed? */
export function toolSucceeds(name: string, ...args: string[]): boolean {
  try {
    tool(name, ...args);
    return true;
  } catch {
    return false;
  }
}

/** Feeds a script to bash, to run many commands for the price of one process more. */
export function shell(script: string): string {
  return execFileSync('bash', ['-eu'], { env, encoding: 'utf8', input: script, stdio: 'pipe' });
}

export function startTool(name: string, ...args: string[]): ChildProcessWithoutNullStreams {
  return spawn(name, args, { env, stdio: 'pipe' });
}

/** `ipvsadm` with the arguments as one would type them. */
export function ipvsadm(commandLine: string): string {
  return tool('ipvsadm', ...commandLine.split(' '));
}

/** `ipvsadm -Sn`: the table as commands, one per line. */
export function savedTable(): string[] {
  return lines(ipvsadm('-S -n'));
}

/** `ip` with the arguments as one would type them. */
export function ip(commandLine: string): string {
  return tool('ip', ...commandLine.split(' '));
}

/** `ip -j`: the objects that it prints. */
export function ipJson(commandLine: string): Record<string, unknown>[] {
  const text = ip(`-j ${commandLine}`).trim();
  if (text === '') return [];
  const objects = JSON.parse(text) as Record<string, unknown>[];
  // `ip -j link show type dummy` prints {} for each link of another type.
  return objects.filter((object) => Object.keys(object).length > 0);
}

export function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
