/**
 * What lvscare knows, as plain values that JSON can say: what `lvscare status`, the status page and the metrics show. Times
 * are milliseconds since 1970, durations milliseconds.
 */
import type { CountedTable } from '../values/counters.js';
import type { EvidenceKind } from '../values/evidence.js';
import type { HealthState } from '../decisions/health.js';
import type { MemberSource } from '../decisions/membership.js';

/** A report with what the kernel counts: what /report.json and the status page have. */
export interface CountedReport extends Report {
  /** One for each virtual server, in their order. */
  readonly kernel: readonly KernelReport[];
}

/** What the kernel's table has of one virtual server. */
export interface KernelReport {
  /** `10.103.97.2:6443` */
  readonly virtualServer: string;
  /** Why the table could not be read, or null. */
  readonly error: string | null;
  /** null if the virtual server is not there, or the table could not be read. */
  readonly table: CountedTable | null;
}

export interface Report {
  readonly atMs: number;
  readonly program: ProgramReport;
  readonly virtualServers: readonly VirtualServerReport[];
}

interface ProgramReport {
  readonly version: string;
  readonly commit: string;
  readonly pid: number;
  /** The node's host name. */
  readonly host: string;
  readonly startedAtMs: number;
  readonly dryRun: boolean;
}

export interface VirtualServerReport {
  /** `10.103.97.2:6443` */
  readonly virtualServer: string;
  readonly scheduler: string;
  readonly mode: string;
  readonly masquerade: boolean;
  /** NODE_IP; null while it is not known, or not needed. */
  readonly nodeAddress: string | null;
  readonly intervalMs: number;
  /** No real server is up that is not drained by hand, and those most likely to answer serve. */
  readonly failOpen: boolean;
  /** Another program keeps deleting the virtual server. */
  readonly deletedRepeatedly: boolean;
  /** Whether this node's clients reach an apiserver through it; null while that is not known. */
  readonly reachability: ReachabilityReport | null;
  /** With `--discover`; else null. */
  readonly discovery: DiscoveryReport | null;
  /** The last pass of the reconciler; null before the first. */
  readonly lastPass: PassReport | null;
  /** What is wrong and could not be repaired, or not even be checked. */
  readonly troubles: readonly TroubleReport[];
  /** How often each kind of thing that another program had changed was repaired. */
  readonly repairs: Readonly<Record<string, number>>;
  /** The configured ones in their order. */
  readonly servers: readonly ServerReport[];
  /** The last hundred at most, the newest last. Empty in a report without history. */
  readonly transitions: readonly TransitionReport[];
}

export interface ReachabilityReport {
  /** Why they do not, or null if they do. */
  readonly reason: string | null;
  /** Since when they do, or do not. */
  readonly sinceMs: number;
}

export interface DiscoveryReport {
  /** The last list of the cluster's apiservers; null before the first. */
  readonly lastList: {
    readonly atMs: number;
    /** The apiserver that gave it. */
    readonly from: string;
    readonly by: 'watch' | 'poll';
    /** How many it had. */
    readonly servers: number;
  } | null;
  /** Why no list was read, and since when; null if the last attempt was good. */
  readonly failure: { readonly sinceMs: number; readonly message: string } | null;
}

export interface PassReport {
  readonly atMs: number;
  readonly durationMs: number;
  /** Why the kernel is not as it should be after it, or null. */
  readonly error: string | null;
}

export interface TroubleReport {
  /** `local route` */
  readonly what: string;
  readonly message: string;
  readonly sinceMs: number;
}

export interface ServerReport {
  readonly server: string;
  readonly state: HealthState;
  /** Since when it is in this state. */
  readonly sinceMs: number;
  /** Since when it is drained by hand; null if it is not. */
  readonly drained: { readonly sinceMs: number } | null;
  /** Up, and gets no new connections, because a real server that runs on this node is preferred. */
  readonly standby: boolean;
  /** With `--discover`; else null. */
  readonly membership: {
    readonly source: MemberSource;
    /** Whether the cluster lists it; null while that is not known. */
    readonly listed: boolean | null;
    /** Since when it does not; null otherwise. */
    readonly missingSinceMs: number | null;
  } | null;
  /** Since when it is suspect, because clients of this node wait for it and it does not answer; null if it is not. */
  readonly suspect: { readonly sinceMs: number } | null;
  /** How many clients of this node wait for it for unusually long. */
  readonly lateClients: number;
  /** What the last evidence was; null before the first. */
  readonly evidence: {
    readonly kind: EvidenceKind;
    readonly detail: string;
    /** Of kind `status`: which one it was. */
    readonly status?: number;
  } | null;
  /** Until when one that flaps is held out although it answers; null if it is not. */
  readonly heldUntilMs: number | null;
  /** How often in a row it fell soon after it had come back. */
  readonly relapses: number;
  /** When it last answered a question, and how long that took. */
  readonly lastOk: { readonly atMs: number; readonly durationMs: number } | null;
  /** How often it was asked, and how often in vain. */
  readonly probes: number;
  readonly failures: number;
  /** How long it was sick or dead since the start, until now. */
  readonly downMs: number;
  /** When it was last asked, whatever came of it. */
  readonly lastProbeMs: number | null;
  /** Until when its own certificate is valid; null while that is not known. */
  readonly certificateNotAfterMs: number | null;
  /** The last 60 answers' times at most, the newest last. Empty in a report without history. */
  readonly recentMs: readonly number[];
  /** The last hour, one for each minute in which it was probed, the newest last. Empty in a report without history. */
  readonly history: readonly MinuteReport[];
}

/** The probes of one minute. */
export interface MinuteReport {
  /** When it began. */
  readonly atMs: number;
  readonly ok: number;
  readonly failed: number;
  /** What the failures were, each kind once. */
  readonly kinds: readonly EvidenceKind[];
  /** The mean time of its answers; null when there was none. */
  readonly meanMs: number | null;
}

export interface TransitionReport {
  readonly atMs: number;
  readonly server: string;
  readonly from: HealthState;
  readonly to: HealthState;
  readonly evidence: EvidenceKind | null;
  readonly why: string;
}
