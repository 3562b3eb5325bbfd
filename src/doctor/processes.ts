import { textOf, type Files } from './ports.js';

export interface Process {
  readonly pid: number;
  /** Arguments, its own name first. */
  readonly args: readonly string[];
  /** Whether it is in our network namespace; null when that cannot be told. */
  readonly here: boolean | null;
}

/** The processes that can be seen from here which have arguments that are wanted. */
export async function processes(
  files: Files,
  wanted: (args: readonly string[]) => boolean,
): Promise<readonly Process[]> {
  const pids = (await files.list('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const own = await files.readLink('/proc/self/ns/net').catch(() => null);
  const found: Process[] = [];
  for (const pid of pids) {
    // One that has ended since has none.
    const args = ((await textOf(files, `/proc/${pid}/cmdline`)) ?? '').split('\0').slice(0, -1);
    if (args.length === 0 || !wanted(args)) continue;
    const namespace = await files.readLink(`/proc/${pid}/ns/net`).catch(() => null);
    found.push({ pid, args, here: own === null || namespace === null ? null : own === namespace });
  }
  return found.sort((one, other) => one.pid - other.pid);
}

/** Those that take care of a virtual server, but this one; those of another network namespace are none of ours. */
export async function careProcesses(files: Files, self: number): Promise<readonly Process[]> {
  const found = await processes(files, (args) => careCommand(args) !== null);
  return found.filter(({ pid, here }) => pid !== self && here !== false);
}

/** What follows on `care` where lvscare itself takes care; null of other programs. */
export function careArguments(args: readonly string[]): readonly string[] | null {
  const command = careCommand(args);
  return command !== null && args[command] === 'care' ? args.slice(command + 1) : null;
}

/** Where the command is of lvscare itself, the Go program of the name, and sealctl, which has the same code. */
function careCommand(args: readonly string[]): number | null {
  const command = args.findIndex((arg, index) => index < 4 && (arg === 'care' || arg === 'ipvs'));
  const before = args.slice(0, Math.max(command, 0)).map(baseName);
  const program = before.at(-1) ?? '';
  const named =
    args[command] === 'care' ? program === 'lvscare' || program === 'main.js' : program === 'sealctl';
  const ends = args.some((arg) => /^(--dry-run|--run-once|--clean|-C)(=t|=T|=1|$)/.test(arg));
  return command > 0 && named && !ends ? command : null;
}

/** `/usr/bin/kube-proxy` is named `kube-proxy`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The value of `--flag value` or `--flag=value`; null when it is not given. The last one counts. */
export function flagValue(args: readonly string[], flag: string): string | null {
  for (let index = args.length - 1; index >= 0; index -= 1) {
    const arg = args[index] ?? '';
    if (arg.startsWith(`--${flag}=`)) return arg.slice(flag.length + 3);
    if (arg === `--${flag}`) return args[index + 1] ?? null;
  }
  return null;
}
