/** How busy the guest's CPU is. */
import { readFileSync } from 'node:fs';

/** Ticks since the boot. */
interface CpuTicks {
  readonly busy: number;
  readonly idle: number;
}

export function cpuTicks(): CpuTicks {
  return parseCpuTicks(readFileSync('/proc/stat', 'utf8'));
}

/** The line `cpu  USER NICE SYSTEM IDLE IOWAIT ...` of /proc/stat. */
export function parseCpuTicks(stat: string): CpuTicks {
  const [line = ''] = stat.split('\n');
  const ticks = line.trim().split(/ +/).slice(1).map(Number);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { idle, busy: ticks.reduce((sum, each) => sum + each, 0) - idle };
}

/** From 0 to 1, between two looks. */
export function loadBetween(before: CpuTicks, after: CpuTicks): number {
  const busy = after.busy - before.busy;
  const all = busy + after.idle - before.idle;
  return all === 0 ? 0 : busy / all;
}
