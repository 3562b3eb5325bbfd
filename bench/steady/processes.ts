/** What processes use, as /proc tells it. */
import { readFile } from 'node:fs/promises';

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
  let sum = NO_USAGE;
  for (const root of pids) {
    for (const pid of [root, ...(await descendants(root))]) {
      const texts = await Promise.all([
        readFile(`/proc/${pid}/stat`, 'utf8'),
        readFile(`/proc/${pid}/status`, 'utf8'),
      ]).catch(unlessGone(pid === root));
      if (texts === null) continue;
      const [stat, status] = texts;
      const { rssKiB, anonymousKiB } = parseStatus(status);
      sum = {
        cpuS: sum.cpuS + parseCpuS(stat),
        rssKiB: sum.rssKiB + rssKiB,
        anonymousKiB: sum.anonymousKiB + anonymousKiB,
      };
    }
  }
  return sum;
}

/** `PID (name) STATE ...`: the name may hold anything. Fields 14 to 17 are utime, stime, cutime, cstime. */
export function parseCpuS(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks / TICKS_PER_SECOND;
}

export function parseStatus(status: string): Pick<Usage, 'rssKiB' | 'anonymousKiB'> {
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
  return { rssKiB: kib('VmRSS'), anonymousKiB: kib('RssAnon') };
}

async function descendants(pid: number, isRoot = true): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(unlessGone(isRoot));
  const children = text?.trim() ?? '';
  if (children === '') return [];
  const own = children.split(' ').map(Number);
  return [...own, ...(await Promise.all(own.map((child) => descendants(child, false)))).flat()];
}

/** A child may end while it is looked at: what it used is its parent's then. A process that is measured may not. */
function unlessGone(isRoot: boolean): (error: NodeJS.ErrnoException) => null {
  return (error) => {
    if (!isRoot && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null;
    throw error;
  };
}
