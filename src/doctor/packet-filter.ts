/** What the rules of a firewall do with a packet, as far as they can be read. */

/** A packet whose fate is asked for; null is unknown. */
export interface Packet {
  readonly state: 'invalid' | 'untracked' | 'established';
  readonly source: string | null;
  readonly destination: string | null;
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  readonly inInterface: string | null;
  readonly outInterface: string | null;
}

/** Whether a packet meets a condition. `maybe`: the condition is about what is not known here. */
export type Match = 'yes' | 'no' | 'maybe';

export type Target =
  | { readonly kind: 'accept' | 'return' | 'none' }
  /** By what, in words. */
  | { readonly kind: 'drop'; readonly words: string }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

export interface Rule {
  readonly matches: (packet: Packet) => Match;
  readonly target: Target;
}

type Chains = ReadonlyMap<string, readonly Rule[]>;

/** What may become of a packet. */
export interface Fate {
  readonly accepted: boolean;
  /** The rules and policies that may drop it, in words. */
  readonly drops: readonly string[];
}

/** @param policy What becomes of a packet that no rule decides about. */
export function fateIn(chains: Chains, base: string, policy: Target, packet: Packet): Fate {
  const drops = new Set<string>();
  let accepted = false;
  // A chain may be jumped to from many others, and by each of their rules: it is walked once.
  const walked = new Map<string, boolean>();
  const end = (target: Target): void => {
    if (target.kind === 'drop') drops.add(target.words);
    else accepted = true;
  };
  /** Returns whether the packet may reach the end of a chain. */
  const walk = (name: string): boolean => {
    const before = walked.get(name);
    if (before !== undefined) return before;
    // For a circle, which the kernel does not have.
    walked.set(name, true);
    const comesBack = walkRules(name);
    walked.set(name, comesBack);
    return comesBack;
  };
  const walkRules = (name: string): boolean => {
    for (const { matches, target } of chains.get(name) ?? []) {
      const match = matches(packet);
      if (match === 'no' || target.kind === 'none') continue;
      const isSure = match === 'yes';
      switch (target.kind) {
        case 'accept':
        case 'drop':
          end(target);
          if (isSure) return false;
          break;
        case 'return':
          if (isSure) return true;
          break;
        case 'goto':
        case 'jump': {
          const comesBack = walk(target.chain);
          if (isSure && target.kind === 'goto') return comesBack;
          if (isSure && !comesBack) return false;
          break;
        }
      }
    }
    return true;
  };
  if (walk(base)) end(policy);
  return { accepted, drops: [...drops] };
}

/** Whether all of several conditions are met. */
export function allOf(matches: readonly Match[]): Match {
  if (matches.includes('no')) return 'no';
  return matches.includes('maybe') ? 'maybe' : 'yes';
}

export function anyOf(matches: readonly Match[]): Match {
  if (matches.includes('yes')) return 'yes';
  return matches.includes('maybe') ? 'maybe' : 'no';
}

export function negated(match: Match): Match {
  return match === 'maybe' ? match : match === 'yes' ? 'no' : 'yes';
}

export function matchOf(isMet: boolean): Match {
  return isMet ? 'yes' : 'no';
}

/** Whether a number is in a range, both ends included. null is a port of a client: one of the kernel's own range. */
export function inRange(port: number | null, from: number, to: number): Match {
  if (port !== null) return matchOf(from <= port && port <= to);
  const [low, high] = CLIENT_PORTS;
  if (from <= low && high <= to) return 'yes';
  return to < low || high < from ? 'no' : 'maybe';
}

/** `net.ipv4.ip_local_port_range` by default. */
const CLIENT_PORTS = [32768, 60999] as const;
