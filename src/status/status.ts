/**
 * What `lvscare status` shows, as plain values for JSON: what the lvscare of each virtual server knows, beside what the kernel
 * has. Times are milliseconds since 1970, durations milliseconds.
 */
import type { CountedTable } from '../values/counters.js';
import type { Report, VirtualServerReport } from '../report/report.js';

export interface Status {
  readonly atMs: number;
  /** One for each virtual server of --vs, or for each that lvscare manages in this network namespace. */
  readonly virtualServers: readonly VirtualServerStatus[];
}

export interface VirtualServerStatus {
  /** `10.103.97.2:6443` */
  readonly virtualServer: string;
  /** Whether an lvscare manages it, and whether that answers. */
  readonly lvscare: 'answers' | 'silent' | 'none';
  /** Its process, as it reports itself; null unless it answers. */
  readonly program: Report['program'] | null;
  /** What it knows; null unless it answers. */
  readonly care: VirtualServerReport | null;
  /** What the kernel has; null if it has no such virtual server, or cannot be read. */
  readonly kernel: CountedTable | null;
  /** The real servers that are drained by hand. */
  readonly drained: readonly DrainedServer[];
  /** What is not known, and why, in words. */
  readonly notes: readonly string[];
}

export interface DrainedServer {
  readonly server: string;
  readonly sinceMs: number;
}

/** When each server was drained by hand, as values for JSON. */
export function drainedStatus(drained: ReadonlyMap<string, number>): readonly DrainedServer[] {
  return [...drained].map(([server, sinceMs]) => ({ server, sinceMs }));
}
