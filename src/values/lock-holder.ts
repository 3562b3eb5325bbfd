/** The process that holds the instance lock of a virtual server, as the kernel names it. */
export interface LockHolder {
  /** null for a process outside of our container, which has no number here. */
  readonly pid: number | null;
  readonly uid: number;
}

/** The instance lock of a virtual server, as the kernel sees it. */
export type LockState =
  | { readonly kind: 'free' }
  | { readonly kind: 'held'; readonly by: LockHolder }
  /** It may be held, and the kernel does not say by which process: the code of its error. */
  | { readonly kind: 'unknown'; readonly why: string };

/**
 * What the holder of the lock is to an lvscare that runs as `uid`: another lvscare, or a squatter. Every user can take the lock, and
 * a user without rights over us must not keep us from running.
 */
export function classifyHolder(holder: LockHolder, uid: number): 'lvscare' | 'squatter' {
  return holder.uid === 0 || holder.uid === uid ? 'lvscare' : 'squatter';
}

/** The lvscare that runs for a virtual server, or null if there is none. A lock in an unknown state counts as held by an lvscare. */
export function runningLvscare(state: LockState, uid: number): LockHolder | null {
  if (state.kind === 'unknown') return { pid: null, uid };
  return isSurelyRunning(state, uid) ? state.by : null;
}

/** Whether an lvscare runs beyond doubt. */
export function isSurelyRunning(state: LockState, uid: number): state is LockState & { kind: 'held' } {
  return state.kind === 'held' && classifyHolder(state.by, uid) === 'lvscare';
}
