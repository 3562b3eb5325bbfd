import type { Health } from '../decisions/health.js';
import type { SuspicionEnd } from '../decisions/suspicion.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import type { Exchange } from '../values/exchange.js';
import type { PortRange } from '../values/source-ports.js';
import type { ActionResult, ClusterList } from './ports.js';

/** Why a pass of the reconciler runs. */
export type Cause = 'start' | 'verdict' | 'timer' | 'notification' | 'drift' | 'retry' | 'configuration';

/** How many sockets of this node's clients wait for a server for unusually long, and for what the one that waited longest does. */
export interface LateClients {
  readonly count: number;
  readonly waitsFor: 'connection' | 'answer' | 'acknowledgment';
  readonly waitedMs: number;
}

/** What happened to one server. */
type ServerEvent =
  /** A probe yielded evidence; `durationMs` since the probe began. */
  | { readonly kind: 'probe'; readonly evidence: Evidence; readonly durationMs: number }
  /** A probe failed for a reason of this node's own, and proves nothing about the server. */
  | { readonly kind: 'probe-inconclusive'; readonly detail: string; readonly durationMs: number }
  /** A request was sent and answered, or failed: how long each phase took, and what the TLS session was. */
  | { readonly kind: 'exchange'; readonly exchange: Exchange }
  | { readonly kind: 'transition'; readonly before: Health; readonly after: Health }
  /** A server that was down failed again, maybe for another reason. */
  | { readonly kind: 'still-down'; readonly health: Health }
  /** A flapping server answers again, and is held out for `forMs` milliseconds. */
  | { readonly kind: 'held'; readonly health: Health; readonly forMs: number }
  /** The kept connection was lost while no probe used it. What that proves, if anything, is a `probe` after it. */
  | { readonly kind: 'connection-lost' }
  /** Clients of this node wait for the server, it does not answer a probe soon, and another server does: it gets no new connections. */
  | { readonly kind: 'suspected'; readonly clients: LateClients }
  | { readonly kind: 'suspicion-ended'; readonly why: SuspicionEnd; readonly durationMs: number }
  /** How many clients of this node wait for it for unusually long, when that number changes. */
  | { readonly kind: 'late-clients'; readonly count: number }
  /**
   * An operator drained the server, or undrained it: `sinceMs` in milliseconds since 1970, or null if it is drained no longer.
   * `restored`: an earlier start knew of the drain.
   */
  | { readonly kind: 'drained'; readonly sinceMs: number | null; readonly restored: boolean }
  /** With `--discover`: the list of this apiserver has the server, which is a real server from now on. */
  | { readonly kind: 'discovered'; readonly from: Endpoint }
  /** The cluster's lists lack it, or with `missing: false` have it again: it stays a real server for now. */
  | { readonly kind: 'missing'; readonly missing: boolean }
  /** It is no real server any more, because of `why`: its row is drained. */
  | { readonly kind: 'forgotten'; readonly why: string };

/** What happened to the virtual server in the kernel's table. */
type TableEvent =
  /** What the kernel had of the virtual server at the start; null for nothing. */
  | {
      readonly kind: 'adopted';
      readonly found: {
        readonly scheduler: string;
        readonly destinations: readonly { readonly server: Endpoint; readonly weight: number }[];
      } | null;
    }
  /** A pass read the table, and changed it or found it right. */
  | {
      readonly kind: 'pass';
      readonly causes: readonly Cause[];
      readonly results: readonly ActionResult[];
      /** The table was as wanted before, and another program changed it since. */
      readonly drift: boolean;
      readonly durationMs: number;
    }
  /** No real server is up, and those most likely to answer serve; or at least one is up again. */
  | { readonly kind: 'fail-open'; readonly active: boolean; readonly anyDrained: boolean }
  /**
   * With `--prefer-local`: these servers, which run on this node, get all new connections now, and the others none. Empty: all that are up
   * get them.
   */
  | { readonly kind: 'local-preferred'; readonly servers: readonly Endpoint[] }
  /** Another program keeps deleting the virtual server, or it has stopped. */
  | { readonly kind: 'deleted-repeatedly'; readonly active: boolean }
  | { readonly kind: 'table-unreadable'; readonly error: Error; readonly retryInMs: number }
  /** `count` connections of this node's clients to removed servers were ended. */
  | { readonly kind: 'connections-ended'; readonly servers: readonly Endpoint[]; readonly count: number }
  /** Clients on this node reach no apiserver through the virtual server, because of `reason`; with null they do. */
  | { readonly kind: 'reachability'; readonly reason: string | null }
  | { readonly kind: 'connections-left'; readonly servers: readonly Endpoint[]; readonly error: Error };

/** What happened to a host resource: a route, a sysctl, the masquerade table. */
type ResourceEvent =
  /** It is as it should be. */
  | { readonly kind: 'resource-ok' }
  /** It had not been as it should be since the start, and was made so. */
  | { readonly kind: 'resource-created'; readonly drift: string }
  /** Another program had changed it. */
  | { readonly kind: 'resource-repaired'; readonly drift: string }
  /** It was removed, since the virtual server does not need it any more. */
  | { readonly kind: 'resource-removed'; readonly drift: string }
  /** In a dry run: it would be created, repaired or removed. */
  | {
      readonly kind: 'resource-drifted';
      readonly change: 'create' | 'repair' | 'remove';
      readonly drift: string;
    }
  /** It could not be verified, or not be repaired. */
  | { readonly kind: 'resource-failed'; readonly error: Error };

/** What happened to the configuration of the virtual server. */
type ConfigurationEvent =
  /** lvscare takes care of it from now on. */
  | { readonly kind: 'started' }
  /** It could not be started: another lvscare has it, for example. lvscare tries again. */
  | { readonly kind: 'not-started'; readonly error: Error; readonly retryInMs: number }
  /** Its settings changed; `changes` says what, in words. */
  | { readonly kind: 'updated'; readonly changes: string }
  /** It is no longer configured: its rows are drained, then everything of it is removed. */
  | { readonly kind: 'retired' };

/** What happened with `--discover`. */
type DiscoveryEvent =
  /** An apiserver gave its list of the cluster's apiservers. */
  | { readonly kind: 'cluster-list'; readonly list: ClusterList }
  /** It did not, or no apiserver could be asked: then `from` is null. */
  | { readonly kind: 'cluster-list-failed'; readonly from: Endpoint | null; readonly error: Error }
  /** Something in a list was ignored, or all of it: `what` says what, and why, in words. */
  | { readonly kind: 'cluster-list-ignored'; readonly from: Endpoint; readonly what: string }
  /** The list that an earlier start saved was read: with `problem`, in words, it cannot be used. */
  | {
      readonly kind: 'last-good-list';
      readonly servers: readonly Endpoint[];
      /** In milliseconds since 1970; null with a problem. */
      readonly savedAtMs: number | null;
      readonly problem: string | null;
    };

/** What happened on the node. */
type NodeEvent =
  /**
   * NODE_IP is known, or is another one now; `from` says where it is from, in words. `gone`: what was to be NODE_IP, and why it is
   * not, or null.
   */
  | {
      readonly kind: 'node-address';
      readonly address: string;
      readonly from: string;
      readonly gone: { readonly address: string; readonly why: string } | null;
    }
  /** Mode `route` is given real servers that are on this node, which it cannot reach. */
  | { readonly kind: 'own-servers'; readonly servers: readonly Endpoint[] }
  /** The stream of the kernel's notifications ended; lvscare subscribes again, and checks everything then. */
  | { readonly kind: 'notifications-lost'; readonly error: Error; readonly retryInMs: number }
  /** Files with a certificate, key or token cannot be used; the last good ones still are. */
  | { readonly kind: 'credentials-failed'; readonly what: string; readonly error: Error }
  | { readonly kind: 'credentials-ok'; readonly what: string }
  /**
   * Answers to these ports of this node do not arrive, as a server shows that answers to others: probes of such servers come from ports that
   * the kernel chooses. With null, all answers arrive again.
   */
  | { readonly kind: 'ports-filtered'; readonly ports: PortRange; readonly shownBy: Endpoint | null }
  /** The kernel does not check kept connections, so only the next probe notices that a host vanished. */
  | { readonly kind: 'keepalive-failed'; readonly error: Error }
  /** `what` could not be written to the state directory. */
  | {
      readonly kind: 'state-not-saved';
      readonly what: 'drains' | 'ownership' | 'list';
      readonly error: Error;
    }
  /** The sockets of this node's clients cannot be read: no server is suspected. */
  | { readonly kind: 'client-sockets-unreadable'; readonly error: Error }
  /** They can be read again. */
  | { readonly kind: 'client-sockets-readable' }
  | { readonly kind: 'nft-missing'; readonly error: Error }
  /** `lvscare status` and `lvscare drain` cannot reach this process. */
  | { readonly kind: 'control-socket-failed'; readonly error: Error }
  /** Something failed that cannot fail: a bug. */
  | { readonly kind: 'fault'; readonly where: string; readonly error: Error };

/** What can happen to a virtual server. */
export type EventDetails =
  | (ServerEvent & { readonly server: Endpoint })
  | TableEvent
  | (ResourceEvent & { readonly resource: string })
  | ConfigurationEvent
  | DiscoveryEvent
  | NodeEvent;

/** An event with the virtual server that it is about. The log, the metrics and the recorder are functions of these. */
export type VirtualServerEvent = EventDetails & { readonly virtualServer: Endpoint };

/** Reports an event of one virtual server. Never throws. */
export type Emit = (event: EventDetails) => void;

/** Called with every event. */
export type Observer = (event: VirtualServerEvent) => void;

/**
 * Passes the events of one virtual server to each observer in turn. One that throws stops nothing: the first observer gets a
 * `fault` for it, once.
 */
export function emitter(virtualServer: Endpoint, observers: readonly [Observer, ...Observer[]]): Emit {
  const faulty = new Set<Observer>();
  return (details) => {
    const event = { virtualServer, ...details };
    for (const observer of observers)
      try {
        observer(event);
      } catch (error) {
        if (faulty.has(observer)) continue;
        faulty.add(observer);
        const [first] = observers;
        if (observer !== first)
          first({ virtualServer, kind: 'fault', where: 'an observer of events', error: error as Error });
      }
  };
}
