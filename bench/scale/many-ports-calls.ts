/** What a run and its stand-ins for many apiservers say to each other. */

export interface ManyPortsOptions {
  readonly ports: readonly number[];
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface ManyPortsCalls {
  /** Resolves when all ports listen. */
  listen(): Promise<void>;
  /** Closes a port with all its connections, as the end of a process would. The moment, in ms of the run's clock. */
  close(port: number): number;
  /** Begins to note how long ports are without a request. */
  watchRequests(): void;
  /** The longest time since then that one of these ports was without a request, in ms. */
  longestPause(ports: readonly number[]): number;
  /** Listens there again. */
  reopen(port: number): Promise<void>;
}
