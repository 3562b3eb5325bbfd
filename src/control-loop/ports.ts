/** What the control loop needs of the world. Adapters in src/ipvs, src/host, src/state and src/probe provide it; tests provide fakes. */
import type { Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import type { Health } from '../decisions/health.js';
import type { Action } from '../decisions/reconcile.js';
import type { ObservedTable, ServiceSettings } from '../values/table.js';

export interface Clock {
  /** Monotonic, in milliseconds. */
  now(): number;
  /** Resolves after `ms` milliseconds, or as soon as the signal aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** A probe that failed for a reason of our own, and so says nothing about the server. */
export interface InconclusiveProbe {
  readonly kind: 'void';
  readonly detail: string;
}

export interface ProbeManner {
  /** Over a fresh connection, even if there is a kept one. */
  readonly fresh: boolean;
  /** When an answer is late, ask again over further connections, and believe whichever answers. */
  readonly hedged: boolean;
  /**
   * Asks another server before the same is asked again, and resolves soon: to whether it was heard. The silence that
   * follows is witnessed then. Absent: nobody is asked. Never rejects.
   */
  readonly hearAnother?: () => Promise<boolean>;
}

/** One real server as seen from here, with a connection to it that is kept between probes. */
export interface KeptConnection {
  /**
   * Asks how the server is. Yields evidence as it comes: one piece, or one for each connection that was asked over when
   * answers were late. Bounded in time by itself; ends early, yielding nothing, when the signal aborts.
   */
  probe(manner: ProbeManner, signal: AbortSignal): AsyncIterable<Evidence | InconclusiveProbe>;
  /** Ends the kept connection. */
  close(): void;
}

export interface Prober {
  /**
   * Makes no connection yet: the first probe does. `onLost` is called when the kept connection is lost while no probe uses
   * it, with what that alone proves: null if nothing, since servers close idle connections, too.
   */
  keepConnection(server: Endpoint, onLost: (evidence: Evidence | null) => void): KeptConnection;
}

export interface ActionResult {
  readonly action: Action;
  /** null when it was done. */
  readonly error: Error | null;
  /** The table was not as it had just been read: somebody changes it at the same time. */
  readonly raced: boolean;
}

/** Our virtual server in the kernel's table, and nothing else of that table. */
export interface VirtualServerTable extends Work {
  read(): Promise<ObservedTable>;
  /** Whether the virtual server is there, with these settings. Reads no rows, so it costs the same however many there are. */
  hasSettings(settings: ServiceSettings): Promise<boolean>;
  /** Carries out every action in order, going on after one that failed. */
  apply(actions: readonly Action[]): Promise<readonly ActionResult[]>;
}

/** The connections of this node's own clients through the virtual server. */
export interface ClientConnections {
  /**
   * Finds those to servers whose rows are to go. With its row the kernel may forget which they are, so it is asked before.
   * Rejects when they cannot be found.
   */
  find(servers: readonly Endpoint[]): Promise<FoundConnections>;
}

export interface FoundConnections {
  /**
   * Ends those to servers whose rows are gone: none of their packets can pass any more, and a client that only waits would
   * not learn of it. Resolves to how many it ended. Rejects when they cannot be ended.
   */
  end(servers: readonly Endpoint[]): Promise<number>;
}

/** Something of ours that can be taken away again. */
export interface Work {
  /** What {@link remove} would take away, in words, or null. Changes nothing. */
  find(): Promise<string | null>;
  /** Takes away what we made, however long ago. Resolves to what it took away, in words, or to null. */
  remove(): Promise<string | null>;
}

/** Something beside the table that has to be so: a route, a sysctl. */
export interface Upkeep extends Work {
  /** What it is, for the log: `local route`. */
  readonly name: string;
  /** Whether notifications tell when it may be amiss: then it is looked at without the others, which may hang. */
  readonly isTold?: boolean;
  /** Whether {@link mend} removes something that must not be there: then the log says so, and it counts as no repair. */
  readonly isRemoval?: boolean;
  /** What is amiss, in words, or null when all is well. Changes nothing. */
  check(): Promise<string | null>;
  /** Puts right what {@link check} found. */
  mend(): Promise<void>;
}

/** What became of what was to be taken away, each thing in words. */
export interface Removal {
  readonly taken: readonly string[];
  /** What was there and was left, with the reason. */
  readonly left: readonly string[];
  readonly failures: readonly Error[];
}

/** What another program left in the kernel, in many parts: what fails is told, stops nothing, and is never thrown. */
export interface Leftovers {
  /** What {@link remove} would do. Changes nothing. */
  find(): Promise<Removal>;
  remove(): Promise<Removal>;
}

/** Tells that something changed in the kernel which an {@link Upkeep} may care about; the text says what, for the log. */
export type KernelChanges = (signal: AbortSignal) => AsyncIterable<string>;

/** Why a pass of the reconciler runs. */
export type Cause = 'start' | 'verdict' | 'timer' | 'notification' | 'drift' | 'retry';

export interface Pass {
  readonly causes: readonly Cause[];
  readonly results: readonly ActionResult[];
  /** The table had been made so before, and somebody changed it since. */
  readonly drift: boolean;
  readonly lastResort: boolean;
  /** Something keeps deleting the virtual server. */
  readonly rival: boolean;
  readonly durationMs: number;
}

/** Hears of everything that happens: the log, and whatever else wants to know. Must not throw. */
export interface Reporter {
  probed(server: Endpoint, outcome: Evidence | InconclusiveProbe, durationMs: number): void;
  judged(server: Endpoint, before: Health, after: Health): void;
  /** A server that was down failed once more, maybe for another reason. */
  stillDown(server: Endpoint, health: Health): void;
  /** A server that flaps answers again, and is held out for this long, in milliseconds. */
  held(server: Endpoint, health: Health, forMs: number): void;
  /** The connection that is kept to a server was lost, which alone proves nothing. */
  watchLost(server: Endpoint): void;
  /** A pass that read the table, and changed it or found it right. */
  reconciled(pass: Pass): void;
  /** Clients' connections to servers whose rows are gone were ended, so many; or could not be, which is the error. */
  connectionsEnded(servers: readonly Endpoint[], count: number, error: Error | null): void;
  /** A pass that could not read the table; `retryInMs` until the next try. */
  tableUnreadable(error: Error, retryInMs: number): void;
  /** An upkeep had not been well since our start, and was made so. */
  made(upkeep: string, amiss: string): void;
  /** An upkeep that had been well was amiss, and was mended; or it could not be mended or made, which is the error. */
  mended(upkeep: string, amiss: string, error: Error | null): void;
  /** An upkeep that {@link Upkeep.isRemoval} removed this, in words. */
  removed(upkeep: string, what: string): void;
  /** An upkeep was checked, and all is well. */
  upheld(upkeep: string): void;
  /** An upkeep could not even be checked. */
  uncheckable(upkeep: string, error: Error): void;
  /** The stream of notifications broke off; the timer still finds what they would have told. */
  deaf(error: Error, retryInMs: number): void;
  /** Something failed that should not be able to: a fault of our own. */
  fault(where: string, error: Error): void;
}
