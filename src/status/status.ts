/**
 * What `lvscare status` shows, as plain values that JSON can say: what the lvscare of each virtual server knows, beside what the
 * kernel has. Times are milliseconds since 1970, durations milliseconds.
 */
import type { CountedTable } from '../values/counters.js';
import type { Report, VirtualServerReport } from '../report/report.js';

export interface Status {
  readonly atMs: number;
  /** One for each virtual server that was asked for, or that lvscare has to do with in this network namespace. */
  readonly virtualServers: readonly VirtualServerStatus[];
}

export interface VirtualServerStatus {
  /** `10.103.97.2:6443` */
  readonly virtualServer: string;
  /** Whether an lvscare takes care of it, and could be asked. */
  readonly lvscare: 'answers' | 'silent' | 'none';
  /** Its process, as it says itself; null unless it answers. */
  readonly program: Report['program'] | null;
  /** What it knows; null unless it answers. */
  readonly care: VirtualServerReport | null;
  /** What the kernel has; null when it has no such virtual server, or cannot be asked. */
  readonly kernel: CountedTable | null;
  /** The real servers that are drained by hand. */
  readonly drained: readonly DrainedServer[];
  /** What could not be told, and why, in words. */
  readonly notes: readonly string[];
}

export interface DrainedServer {
  readonly server: string;
  readonly sinceMs: number;
}

/** Since when each server is drained by hand, as JSON can say it. */
export function drainedStatus(drained: ReadonlyMap<string, number>): readonly DrainedServer[] {
  return [...drained].map(([server, sinceMs]) => ({ server, sinceMs }));
}
