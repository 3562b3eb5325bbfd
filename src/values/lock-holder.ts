/** The process that has the name of an instance lock, as the kernel names it. */
export interface LockHolder {
  /** null for a process outside of our container, which has no number here. */
  readonly pid: number | null;
  readonly uid: number;
}

/** The instance lock of a virtual server, as the kernel sees it. */
export type LockState =
  | { readonly kind: 'free' }
  /** An lvscare holds it. `by` is that process, or null if the kernel does not say which one it is. */
  | { readonly kind: 'held'; readonly by: LockHolder | null }
  /** A process that is no lvscare has the name; `by` is null if the kernel does not say which one it is. */
  | { readonly kind: 'squatted'; readonly by: LockHolder | null }
  /** It may be held: why this cannot be known, a code. */
  | { readonly kind: 'unknown'; readonly why: string };

/**
 * What it means that a process has the name of a lock (or none has), and that a process with NET_ADMIN claims the lock. Every user can
 * take the name; only NET_ADMIN can claim.
 */
export function classifyLock(hasName: boolean, isClaimed: boolean): 'free' | 'held' | 'squatted' {
  if (isClaimed) return 'held';
  return hasName ? 'squatted' : 'free';
}
