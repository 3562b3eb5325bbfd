/** What was measured of one peer at one size. */
export interface ScaleSample {
  readonly peer: string;
  readonly virtualServers: number;
  readonly realServers: number;
  /** From the start until all were in rotation; null if they were not within the limit. */
  readonly startMs: number | null;
  /** Seconds a minute. */
  readonly cpuS: number;
  readonly rssKiB: number;
  /** From the close of one port until it was out of rotation; null likewise. */
  readonly noticeMs: readonly (number | null)[];
  /** From a reload that removes one real server until it gets no new connections; null if it did not within the limit. */
  readonly reloadMs: readonly (number | null)[];
  /** The longest time around these reloads in which a server that they did not change was not probed. */
  readonly longestPauseMs: number;
  /** Each pass, as lvscare logs it at level debug, in a run of its own. */
  readonly reconcileMs: readonly number[];
  /** How late timers were in that run. */
  readonly loopDelayMs: { readonly median: number; readonly p99: number; readonly max: number } | null;
}
