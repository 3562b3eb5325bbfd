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
