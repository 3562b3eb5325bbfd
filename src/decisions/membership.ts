/**
 * Which servers are candidates of a virtual server when the cluster itself lists its apiservers: a list adds at once and removes slowly. The
 * table of decisions is in docs/decisions.md.
 */
import type { Endpoint } from '../values/endpoint.js';
import type { HealthState } from './health.js';

/** Where a candidate is from: `--rs`; the cluster's list; the list that an earlier start saved. */
export type MemberSource = 'seed' | 'discovered' | 'last good';

/** A candidate: it is probed, and serves while it is up. Times are of the monotonic clock. */
export interface Member {
  readonly server: Endpoint;
  readonly source: MemberSource;
  /** A list had it since the start. */
  readonly listed: boolean;
  /** Since when the cluster's lists lack it, in milliseconds; null if they have it, or if too few are known. */
  readonly missingSinceMs: number | null;
  /** Since when it is missing and either answers or does not, in milliseconds; null if it is not missing. */
  readonly aging: { readonly answers: boolean; readonly sinceMs: number } | null;
}

/** The last list of one apiserver. */
interface Reading {
  /** The apiserver that gave it, and the servers in it, by their text. */
  readonly from: string;
  readonly servers: ReadonlySet<string>;
  readonly atMs: number;
}

/** Immutable: each function below returns the next. */
export interface Membership {
  readonly members: readonly Member[];
  /** One for each apiserver that gave a list. */
  readonly readings: readonly Reading[];
  /** Those of `--rs`: a list adds no server with another one. They outlive the seeds, which may be forgotten. */
  readonly ports: ReadonlySet<number>;
}

export interface MembershipPolicy {
  /** How long a server must be missing and not up before it is forgotten, in milliseconds. */
  readonly forgetAfterMs: number;
  /** Whether servers of `--rs` stay though the cluster's lists lack them. */
  readonly keepSeeds: boolean;
}

type StateOf = (server: Endpoint) => HealthState;

/** What a list may add. */
export interface MembershipScope {
  readonly family: Endpoint['family'];
  /** Whether this is a virtual server of this node. */
  readonly isVirtualServer: (server: Endpoint) => boolean;
}

/** For how long the list of an apiserver counts, in milliseconds. */
export const READING_MS = 20 * 60_000;
/** How long a server that the cluster does not list any more and that answers stays, in milliseconds. */
const ANSWERING_MS = 10 * 60_000;
/** A cluster has no more apiservers; each costs every node a connection. */
export const MOST_MEMBERS = 64;

/** What is known at the start: the seeds, then those of the saved ones that a list could add. */
export function initialMembership(
  seeds: readonly Endpoint[],
  lastGood: readonly Endpoint[],
  scope: MembershipScope,
): Membership {
  const known = new Set(seeds.map(({ text }) => text));
  const ports = portsOf(seeds);
  const others = lastGood
    .filter((server) => !known.has(server.text) && refusal(server, ports, scope) === null)
    .slice(0, Math.max(0, MOST_MEMBERS - seeds.length));
  return {
    members: [
      ...seeds.map((server) => newMember(server, 'seed')),
      ...others.map((server) => newMember(server, 'last good')),
    ],
    readings: [],
    ports,
  };
}

/** The same with other seeds: one that is no seed any more goes, unless the cluster lists it. One that was forgotten does not come back. */
export function withSeeds(
  { members, readings }: Membership,
  seedsBefore: readonly Endpoint[],
  seeds: readonly Endpoint[],
): Membership {
  const texts = new Set(seeds.map(({ text }) => text));
  const before = new Map(members.map((member) => [member.server.text, member]));
  const forgotten = new Set(seedsBefore.map(({ text }) => text).filter((text) => !before.has(text)));
  const others = members.flatMap((member): Member[] => {
    if (texts.has(member.server.text)) return [];
    if (member.source !== 'seed') return [member];
    return member.listed && member.missingSinceMs === null ? [{ ...member, source: 'discovered' }] : [];
  });
  return {
    members: [
      ...seeds.flatMap((server): Member[] => {
        if (forgotten.has(server.text)) return [];
        const known = before.get(server.text);
        return [known === undefined ? newMember(server, 'seed') : { ...known, source: 'seed' }];
      }),
      ...others,
    ],
    readings,
    ports: portsOf(seeds),
  };
}

interface Listed {
  readonly membership: Membership;
  /** What of the list was ignored, and why, in words. */
  readonly ignored: readonly string[];
  /** Why nothing of the list can be used, in words, which are the last of `ignored`; else null. */
  readonly unusable: string | null;
}

/**
 * The membership after a list. One without a usable server changes nothing, and neither does that of an apiserver which the cluster itself
 * lists no more.
 */
export function withList(
  membership: Membership,
  { servers, from }: { readonly servers: readonly Endpoint[]; readonly from: Endpoint },
  stateOf: StateOf,
  nowMs: number,
  scope: MembershipScope,
): Listed {
  const giver = membership.members.find(({ server }) => server.text === from.text);
  if (giver?.missingSinceMs !== null && hasListed(membership.members, stateOf))
    return { membership, ignored: ['the cluster does not list the apiserver that gave it'], unusable: null };
  const known = new Set(membership.members.map(({ server }) => server.text));
  const listed = new Set(servers.map(({ text }) => text));
  const replaceable = membership.members.filter(
    (member) => !listed.has(member.server.text) && isReplaceable(member, stateOf),
  );
  const room = MOST_MEMBERS - membership.members.length + replaceable.length;
  const ignored: string[] = [];
  const usable = new Map<string, Endpoint>();
  const added: Endpoint[] = [];
  for (const server of servers) {
    const why = refusal(server, membership.ports, scope);
    if (why !== null) ignored.push(`${server.text}: ${why}`);
    else if (usable.has(server.text)) continue;
    else if (known.has(server.text)) usable.set(server.text, server);
    else if (added.length >= room)
      ignored.push(`${server.text}: there are ${MOST_MEMBERS} real servers already`);
    else {
      usable.set(server.text, server);
      added.push(server);
    }
  }
  if (usable.size === 0) {
    const why = servers.length === 0 ? 'the list is empty' : 'the list has no server that can be used';
    return { membership, ignored: [...ignored, why], unusable: why };
  }
  const excess = Math.max(0, membership.members.length + added.length - MOST_MEMBERS);
  const replaced = new Set(replaceable.slice(0, excess));
  const members = membership.members
    .filter((member) => !replaced.has(member))
    .map((member): Member =>
      usable.has(member.server.text)
        ? { ...member, listed: true, source: member.source === 'seed' ? 'seed' : 'discovered' }
        : member,
    );
  return {
    membership: {
      members: [...members, ...added.map((server) => ({ ...newMember(server, 'discovered'), listed: true }))],
      readings: [
        ...membership.readings.filter((reading) => reading.from !== from.text),
        { from: from.text, servers: new Set(usable.keys()), atMs: nowMs },
      ].slice(-MOST_MEMBERS),
      ports: membership.ports,
    },
    ignored,
    unusable: null,
  };
}

/** Whether a new server may take its place when there is no other. */
function isReplaceable({ server, source, missingSinceMs }: Member, stateOf: StateOf): boolean {
  return source !== 'seed' && missingSinceMs !== null && stateOf(server) !== 'up';
}

interface Aged {
  readonly membership: Membership;
  /** Those that are no candidates any more, and why, in words. */
  readonly forgotten: readonly { readonly server: Endpoint; readonly why: string }[];
}

/** The membership as time passes: which servers are missing, and which of them have been for long enough. */
export function age(membership: Membership, stateOf: StateOf, nowMs: number, policy: MembershipPolicy): Aged {
  const readings = membership.readings.filter(({ atMs }) => nowMs - atMs < READING_MS);
  const up = membership.members.filter(({ server }) => stateOf(server) === 'up').map(({ server }) => server);
  const aged = membership.members.map((member): Member => {
    if (!isMissing(member.server, readings, up)) return { ...member, missingSinceMs: null, aging: null };
    const answers = stateOf(member.server) === 'up';
    return {
      ...member,
      missingSinceMs: member.missingSinceMs ?? nowMs,
      aging: member.aging?.answers === answers ? member.aging : { answers, sinceMs: nowMs },
    };
  });
  const forgotten = !hasListed(aged, stateOf)
    ? []
    : aged.flatMap(({ server, source, aging }) => {
        if (aging === null || (source === 'seed' && policy.keepSeeds)) return [];
        const limitMs = aging.answers ? ANSWERING_MS : policy.forgetAfterMs;
        if (nowMs - aging.sinceMs < limitMs) return [];
        const state = aging.answers ? 'although it answers' : 'and it is not up';
        return [{ server, why: `the cluster does not list it, ${state}` }];
      });
  const gone = new Set(forgotten.map(({ server }) => server.text));
  return {
    membership: { ...membership, members: aged.filter(({ server }) => !gone.has(server.text)), readings },
    forgotten,
  };
}

/** Candidates to ask for the list, the best first: those that are up, and of these the listed ones. All of them while none is up. */
export function bestFirst(members: readonly Member[], stateOf: StateOf): readonly Endpoint[] {
  const rank = ({ server, missingSinceMs }: Member): number => {
    const state = stateOf(server);
    return (state === 'up' ? 0 : state === 'unknown' ? 2 : 4) + (missingSinceMs === null ? 0 : 1);
  };
  const up = members.filter(({ server }) => stateOf(server) === 'up');
  return [...(up.length > 0 ? up : members)]
    .sort((one, other) => rank(one) - rank(other))
    .map(({ server }) => server);
}

/** What is worth saving for the next start: all that a list had, and has not been forgotten. */
export function worthSaving(members: readonly Member[]): readonly Endpoint[] {
  return members
    .filter(({ source, listed, missingSinceMs }) => source !== 'seed' || (listed && missingSinceMs === null))
    .map(({ server }) => server)
    .slice(0, MOST_MEMBERS);
}

/** Whether a server that the cluster lists is up: only then another one is given up. */
function hasListed(members: readonly Member[], stateOf: StateOf): boolean {
  return members.some(
    ({ server, listed, missingSinceMs }) => listed && missingSinceMs === null && stateOf(server) === 'up',
  );
}

/**
 * Two apiservers must lack it, or the only one that is up; and no other than itself may have it: a server that left the cluster may go on
 * with an etcd of its own.
 */
function isMissing({ text }: Endpoint, readings: readonly Reading[], up: readonly Endpoint[]): boolean {
  if (readings.some(({ from, servers }) => from !== text && servers.has(text))) return false;
  const lacking = readings.filter(({ servers }) => !servers.has(text));
  const [only, another] = up;
  if (only !== undefined && another === undefined && lacking.some(({ from }) => from === only.text))
    return true;
  return lacking.length >= 2;
}

function refusal(
  { family, address, port, text }: Endpoint,
  ports: ReadonlySet<number>,
  scope: MembershipScope,
): string | null {
  const server = { family, address, port, text };
  if (family !== scope.family)
    return `it is ${family === 'ipv4' ? 'IPv4' : 'IPv6'}, unlike the virtual server`;
  if (scope.isVirtualServer(server)) return 'it is a virtual server';
  const kind = family === 'ipv4' ? kindOfIPv4(address) : kindOfIPv6(address);
  if (kind !== null) return `it is ${kind}`;
  if (!ports.has(port)) return `no server of --rs has port ${port}`;
  return null;
}

function kindOfIPv4(address: string): string | null {
  const [first = NaN, second = NaN] = address.split('.').map(Number);
  if (first === 0) return 'an unspecified address';
  if (first === 127) return 'a loopback address';
  if (first === 169 && second === 254) return 'a link-local address';
  return first >= 224 ? 'a multicast or reserved address' : null;
}

function kindOfIPv6(address: string): string | null {
  if (address === '::') return 'an unspecified address';
  if (address === '::1') return 'a loopback address';
  if (/^fe[89ab]/i.test(address)) return 'a link-local address';
  if (/^ff/i.test(address)) return 'a multicast address';
  return /^::ffff:/i.test(address) ? 'an IPv4 address written as IPv6' : null;
}

function portsOf(seeds: readonly Endpoint[]): ReadonlySet<number> {
  return new Set(seeds.map(({ port }) => port));
}

function newMember(server: Endpoint, source: MemberSource): Member {
  return { server, source, listed: false, missingSinceMs: null, aging: null };
}
