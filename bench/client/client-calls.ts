/** What a run and its client process say to each other. All times are of the run's clock, in ms. */

export interface StreamOptions {
  readonly host: string;
  readonly port: number;
  /** A connection begins every so often, whatever became of those before. */
  readonly everyMs: number;
  /** How long one may take: connect, handshake, answer. */
  readonly timeoutMs: number;
}

interface Failure {
  readonly beganMs: number;
  /** `ECONNREFUSED`, `ECONNRESET`, `TIMEOUT`, ... */
  readonly code: string;
}

/** What became of the stream's connections. */
export interface StreamResult {
  readonly attempts: number;
  readonly failures: readonly Failure[];
}

export interface BusyOptions {
  readonly host: string;
  readonly port: number;
  /** Who has to be at the other end, as /whoami tells it. */
  readonly server: string;
  /** A request is written every so often, whether or not the one before was answered. */
  readonly everyMs: number;
}

/** What became of the kept connection. */
export interface BusyResult {
  /** When answers came. */
  readonly answersMs: readonly number[];
  /** How it ended, unless it was we who closed it. */
  readonly ending: { readonly atMs: number; readonly code: string } | null;
}

export interface BenchClientCalls {
  startStream(options: StreamOptions): void;
  /** No further connections; resolves when those under way have ended. */
  stopStream(): Promise<StreamResult>;
  /** Opens connections until one ends at the server that was asked for. Rejects if none does. */
  openBusy(options: BusyOptions): Promise<void>;
  /** So far. */
  busy(): BusyResult;
  closeBusy(): BusyResult;
}
