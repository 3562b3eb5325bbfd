/** What was measured of one peer at one size. */
export interface ScaleSample {
  readonly peer: string;
  readonly virtualServers: number;
  readonly realServers: number;
  /** How many processes of the program that took. */
  readonly processes: number;
  /** From the start until all were in rotation; null if they were not within the limit. */
  readonly startMs: number | null;
  /** Seconds a minute. */
  readonly cpuS: number;
  readonly rssKiB: number;
  /** From the close of one port until it was out of rotation; null likewise. */
  readonly noticeMs: readonly (number | null)[];
  /** Each pass, as lvscare logs it at level debug, in a run of its own. */
  readonly reconcileMs: readonly number[];
  /** How late timers were in that run. */
  readonly loopDelayMs: { readonly median: number; readonly p99: number; readonly max: number } | null;
}
