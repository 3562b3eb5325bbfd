/** The tools that judge the addon: ipvsadm, ip and whatever else this machine has, run without its sanitizers. */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Socket } from 'node:net';

const env = { ...process.env };
delete env['LD_PRELOAD'];
// A tool found on the PATH of a login shell is found here as well.
env['PATH'] = `${env['PATH'] ?? ''}:/usr/sbin:/sbin`;

export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly status: number;
  readonly stderr: string;

  constructor(script: string, status: number, stderr: string) {
    super(`${script.trim()}: status ${status}: ${stderr}`);
    this.status = status;
    this.stderr = stderr;
  }
}

/**
 * Runs a script in bash, to its end, off the event loop, and gives its stdout. One bash lives on and starts the tools:
 * in a User-Mode Linux it does so in a third of the time that node takes.
 */
export function shell(script: string): Promise<string> {
  const result = last.then(() => converse(script));
  last = result.catch(() => undefined);
  return result;
}

let last: Promise<unknown> = Promise.resolve();
let bash: ChildProcessWithoutNullStreams | null = null;

function converse(script: string): Promise<string> {
  const child = (bash ??= spawn('bash', ['-u'], { env, stdio: 'pipe' }));
  const streams = [child.stdin, child.stdout, child.stderr] as unknown as Socket[];
  for (const each of [child, ...streams]) each.ref();
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    const onErrors = (chunk: Buffer): void => {
      errors += chunk.toString();
    };
    const onOutput = (chunk: Buffer): void => {
      output += chunk.toString();
      // What bash answers ends with NUL, status, NUL.
      const [text, status, rest] = output.split('\0');
      if (text === undefined || status === undefined || rest === undefined) return;
      child.stdout.off('data', onOutput);
      child.stderr.off('data', onErrors);
      // Between conversations it keeps nobody alive; it ends with its stdin, that is with this process.
      for (const each of [child, ...streams]) each.unref();
      if (status === '0') resolve(text);
      else reject(new ToolError(script, Number(status), errors));
    };
    child.stderr.on('data', onErrors);
    child.stdout.on('data', onOutput);
    child.stdin.write(`(set -e\n${script}\n) </dev/null\nprintf '\\0%d\\0' $?\n`);
  });
}

/** Like {@link shell}, while the event loop stands still. */
export function shellSync(script: string): string {
  return execFileSync('bash', ['-eu'], { env, encoding: 'utf8', input: script, stdio: 'pipe' });
}

export function startTool(name: string, ...args: string[]): ChildProcessWithoutNullStreams {
  return spawn(name, args, { env, stdio: 'pipe' });
}

/** `ipvsadm` with the arguments as one would type them. */
export function ipvsadm(commandLine: string): Promise<string> {
  return shell(`ipvsadm ${commandLine.replaceAll(/[[\]]/g, String.raw`\$&`)}`);
}

/** `ipvsadm -Sn`: the table as commands, one per line. */
export async function savedTable(): Promise<string[]> {
  return lines(await ipvsadm('-S -n'));
}

/** `ip` with the arguments as one would type them. */
export function ip(commandLine: string): Promise<string> {
  return shell(`ip ${commandLine}`);
}

/** `ip` with one command per line. */
export function ipBatch(commands: readonly string[]): Promise<string> {
  return shell(`ip -batch - <<'COMMANDS'\n${commands.join('\n')}\nCOMMANDS`);
}

/** `ip -j`: the objects that it prints. */
export async function ipJson(commandLine: string): Promise<Record<string, unknown>[]> {
  const text = (await ip(`-j ${commandLine}`)).trim();
  if (text === '') return [];
  const objects = JSON.parse(text) as Record<string, unknown>[];
  // `ip -j link show type dummy` prints {} for each link of another type.
  return objects.filter((object) => Object.keys(object).length > 0);
}

export function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
