/** What processes use, as /proc tells it. */
import { readdir, readFile } from 'node:fs/promises';

/** In User-Mode Linux, and nearly everywhere. `getconf CLK_TCK` */
const TICKS_PER_SECOND = 100;

/** Of a process and its descendants. */
export interface Usage {
  /** User and system, with that of children that have ended. */
  readonly cpuS: number;
  readonly rssKiB: number;
  /** Resident memory that is in no file: what the process wrote itself. */
  readonly anonymousKiB: number;
}

const NO_USAGE: Usage = { cpuS: 0, rssKiB: 0, anonymousKiB: 0 };

export async function usageOf(pids: readonly number[]): Promise<Usage> {
  const parents = await allParents();
  let sum = NO_USAGE;
  for (const pid of [...pids, ...descendants(pids, parents)]) {
    const texts = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]).catch(unlessGone(pids.includes(pid)));
    if (texts === null) continue;
    const [stat, status] = texts;
    const { rssKiB, anonymousKiB } = parseStatus(status);
    sum = {
      cpuS: sum.cpuS + parseCpuS(stat),
      rssKiB: sum.rssKiB + rssKiB,
      anonymousKiB: sum.anonymousKiB + anonymousKiB,
    };
  }
  return sum;
}

/** Fields 14 to 17 are utime, stime, cutime, cstime. */
export function parseCpuS(stat: string): number {
  const ticks = fieldsFromState(stat)
    .slice(11, 15)
    .reduce((sum, field) => sum + Number(field), 0);
  return ticks / TICKS_PER_SECOND;
}

/** `PID (name) STATE PARENT ...`: the name may hold anything. */
function fieldsFromState(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

export function parseStatus(status: string): Pick<Usage, 'rssKiB' | 'anonymousKiB'> {
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
  return { rssKiB: kib('VmRSS'), anonymousKiB: kib('RssAnon') };
}

/** The parent of each process. Not every kernel has /proc/PID/task/PID/children. */
async function allParents(): Promise<Map<number, number>> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(unlessGone(false));
    if (stat !== null) parents.set(Number(name), Number(fieldsFromState(stat)[1]));
  }
  return parents;
}

export function descendants(pids: readonly number[], parents: ReadonlyMap<number, number>): number[] {
  const children = [...parents].filter(([, parent]) => pids.includes(parent)).map(([child]) => child);
  return children.length === 0 ? [] : [...children, ...descendants(children, parents)];
}

/** A child may end while it is looked at: what it used is its parent's then. A process that is measured may not. */
function unlessGone(isRoot: boolean): (error: NodeJS.ErrnoException) => null {
  return (error) => {
    if (!isRoot && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null;
    throw error;
  };
}
