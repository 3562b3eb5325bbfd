import { processRights } from '../values/process-rights.js';
import { textOf, type Files } from './ports.js';

export interface Process {
  readonly pid: number;
  /** Its arguments, the program's name first. */
  readonly args: readonly string[];
  /** Whether it is in our network namespace, or null if that cannot be read. */
  readonly here: boolean | null;
}

/** What the kernel must say of a process, whose name and arguments are whatever its user likes. */
type Rights = 'root' | 'NET_ADMIN';

/** The visible processes with these rights whose arguments match, by their numbers. */
export async function processes(
  files: Files,
  rights: Rights,
  wanted: (args: readonly string[]) => boolean,
): Promise<readonly Process[]> {
  const pids = (await files.list('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const own = await files.readLink('/proc/self/ns/net').catch(() => null);
  const found: Process[] = [];
  for (const pid of pids) {
    // A process that has ended meanwhile has none.
    const args = ((await textOf(files, `/proc/${pid}/cmdline`)) ?? '').split('\0').slice(0, -1);
    if (args.length === 0 || !wanted(args)) continue;
    const { isRoot, hasNetAdmin } = await processRights(files, pid);
    if (!(rights === 'root' ? isRoot : hasNetAdmin)) continue;
    const namespace = await files.readLink(`/proc/${pid}/ns/net`).catch(() => null);
    found.push({ pid, args, here: own === null || namespace === null ? null : own === namespace });
  }
  return found.sort((one, other) => one.pid - other.pid);
}

/** The processes that keep a virtual server, without this process and without those of other network namespaces. */
export async function careProcesses(files: Files, self: number): Promise<readonly Process[]> {
  const found = await processes(files, 'NET_ADMIN', (args) => careCommand(args) !== null);
  return found.filter(({ pid, here }) => pid !== self && here !== false);
}

/** The arguments after `care` of an lvscare, or null for another program. */
export function careArguments(args: readonly string[]): readonly string[] | null {
  const command = careCommand(args);
  return command !== null && args[command] === 'care' ? args.slice(command + 1) : null;
}

/** The index of the command in the arguments of lvscare, the Go lvscare, or sealctl, which has the same code; else null. */
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

/** The value of `--flag value` or `--flag=value`, or null if it is not given. The last one counts. */
export function flagValue(args: readonly string[], flag: string): string | null {
  for (let index = args.length - 1; index >= 0; index -= 1) {
    const arg = args[index] ?? '';
    if (arg.startsWith(`--${flag}=`)) return arg.slice(flag.length + 3);
    if (arg === `--${flag}`) return args[index + 1] ?? null;
  }
  return null;
}
