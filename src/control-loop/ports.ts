/** What the control loop needs of the world. Adapters in src/ipvs, src/host, src/state and src/probe provide it; tests provide fakes. */
import type { Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import type { Exchange } from '../values/exchange.js';
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
  readonly kind: 'inconclusive';
  readonly detail: string;
}

export interface ProbeManner {
  /** Over a fresh connection, even if there is a kept one. */
  readonly fresh: boolean;
  /** When an answer is late, ask again over further connections, and believe whichever answers. */
  readonly hedged: boolean;
  /**
   * Probes another server before the same one is probed again, and resolves soon: to whether it answered. The silence that
   * follows is witnessed then. Absent: no other server is probed. Never rejects.
   */
  readonly askWitness?: () => Promise<boolean>;
  /** When it aborts, an answer that is missing is late. Otherwise it is late after a part of the time limit. */
  readonly late?: AbortSignal;
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
   * The first probe opens the connection. `onLost` is called when the kept connection is lost while no probe uses
   * it, with what that alone proves: null if nothing, since servers close idle connections, too. `onExchange` is called after each attempt
   * of a probe, with its result; a probe may make several.
   */
  keepConnection(
    server: Endpoint,
    onLost: (evidence: Evidence | null) => void,
    onExchange?: (exchange: Exchange) => void,
  ): KeptConnection;
}

/**
 * Probes the virtual server as a client on this node does, once, over a connection of its own. Bounded in time by itself; ends early when
 * the signal aborts.
 */
export type VirtualServerProbe = (signal: AbortSignal) => Promise<Evidence | InconclusiveProbe>;

export interface ActionResult {
  readonly action: Action;
  /** `raced`: another program changed the table after it was read, so the action did not apply. It is no failure. */
  readonly outcome: 'ok' | 'dry-run' | 'raced' | 'failed';
  /** Why it was not carried out, or null. */
  readonly error: Error | null;
}

/** Our virtual server in the kernel's table, and nothing else of that table. */
export interface VirtualServerTable extends Work {
  read(): Promise<ObservedTable>;
  /** The virtual server itself, null if there is none, with how many connections it has had. Reads no destinations, so it costs the same however many there are. */
  readService(): Promise<(ServiceSettings & { readonly connections: bigint }) | null>;
  /** Carries out every action in order, going on after one that failed. */
  apply(actions: readonly Action[]): Promise<readonly ActionResult[]>;
}

/** The connections of this node's own clients through the virtual server. */
export interface ClientConnections {
  /**
   * Finds those to servers whose destinations are to go. To be called before the destinations are removed: the kernel may forget the connections with them.
   * Rejects when they cannot be found.
   */
  find(servers: readonly Endpoint[]): Promise<FoundConnections>;
}

export interface FoundConnections {
  /**
   * Ends those to servers whose destinations are gone: none of their packets can pass any more, and a client that only waits would
   * not learn of it. Resolves to how many it ended. Rejects when they cannot be ended.
   */
  end(servers: readonly Endpoint[]): Promise<number>;
}

/** A TCP socket of this node's clients that waits, of a connection to a virtual server. */
export interface ClientSocket {
  /** No other socket has it. */
  readonly id: string;
  /** The text of the client's own endpoint. */
  readonly client: string;
  /** Its text. */
  readonly virtualServer: string;
  /** For what it waits: for the connection, for the first answer, or for the acknowledgment of what it sent repeatedly. */
  readonly waitsFor: 'connection' | 'answer' | 'acknowledgment';
  /** For how long already, in milliseconds; null if the kernel does not say. */
  readonly waitedMs: number | null;
}

/** The sockets of this node's own clients: those of its network namespace, not of pods with their own. Reads only. */
export interface ClientSockets {
  /** All that wait for one of these virtual servers. Rejects when they cannot be listed. */
  waiting(virtualServers: readonly Endpoint[]): Promise<readonly ClientSocket[]>;
  /** To which server each client's connection was given, by the client's text. Rejects when that cannot be read. */
  servers(virtualServer: Endpoint): Promise<ReadonlyMap<string, Endpoint>>;
}

/** Something of ours that can be removed again. */
export interface Work {
  /** What {@link remove} would remove, in words, or null. Changes nothing. */
  find(): Promise<string | null>;
  /** Removes what we made, however long ago. Resolves to what it removed, in words, or to null. */
  remove(): Promise<string | null>;
}

/** Something on the host that must exist, or must not, beside the table: a route, a sysctl. */
export interface HostResource extends Work {
  /** What it is, for the log: `local route`. */
  readonly name: string;
  /** Whether notifications report that it drifted: then it is verified without the others, which may hang. */
  readonly isNotified?: boolean;
  /** Whether {@link repair} removes it: the log says so, and it counts as no repair. */
  readonly isRemoval?: boolean;
  /** Whether the virtual server works without it on most nodes: `--run-once` succeeds if it cannot be created. */
  readonly isOptional?: boolean;
  /** How it differs from what it must be, in words, or null if it does not. Changes nothing. */
  verify(): Promise<string | null>;
  /** Repairs what {@link verify} found. */
  repair(): Promise<void>;
}

/** What was removed and what was not, each thing in words. */
export interface Removal {
  readonly taken: readonly string[];
  /** What was there and was left, with the reason. */
  readonly left: readonly string[];
  readonly failures: readonly Error[];
}

/** What another program left in the kernel, in many parts: a failure is reported, stops nothing, and is never thrown. */
export interface Leftovers {
  /** What {@link remove} would do. Changes nothing. */
  find(): Promise<Removal>;
  remove(): Promise<Removal>;
}

/** Yields when something changed in the kernel that a {@link HostResource} may depend on; the text says what. */
export type KernelChanges = (signal: AbortSignal) => AsyncIterable<string>;

/** The apiservers of a cluster, as one of them listed them. */
export interface ClusterList {
  /** In the order of the list. */
  readonly servers: readonly Endpoint[];
  /** The apiserver that gave the list. */
  readonly from: Endpoint;
  /** How: a watch of EndpointSlices, or the Endpoints object, polled. */
  readonly by: 'watch' | 'poll';
}

export type DiscoveryResult =
  | { readonly kind: 'list'; readonly list: ClusterList }
  /** A request failed; `from` is the apiserver that was asked, or null if none could be (credentials, no candidate). */
  | { readonly kind: 'failed'; readonly from: Endpoint | null; readonly error: Error };

export interface Discovery {
  /**
   * What distinguishes the cluster from others: the SHA-256 of each of its CA certificates, in hex, separated by spaces. Rejects when the
   * kubeconfig cannot be read.
   */
  cluster(): Promise<string>;
  /**
   * Reads the list again and again, by itself, until the signal aborts; yields each reading, also when it is the same, and each failure. Never rejects.
   * `candidates` is called before each request: the apiservers to ask, best first (those that are up). It asks another one in turn, so that no single apiserver is believed alone.
   */
  lists(candidates: () => readonly Endpoint[], signal: AbortSignal): AsyncIterable<DiscoveryResult>;
}

/** The cluster's list that an earlier start of lvscare saved. */
export interface LastGoodList {
  /**
   * null if there is none. Rejects with an error in words for one that cannot be used, such as that of another cluster.
   *
   * @param cluster null takes that of any cluster.
   */
  read(
    cluster: string | null,
  ): Promise<{ readonly servers: readonly Endpoint[]; readonly savedAtMs: number } | null>;
  /** Rejects with the error of the file system. */
  write(cluster: string, servers: readonly Endpoint[]): Promise<void>;
}
