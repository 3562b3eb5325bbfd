/** Who has the name of a virtual server, of which there is one in each network namespace: the kernel's word, not theirs. */
export interface Holder {
  /** null for a process outside of our container, which has no number here. */
  readonly pid: number | null;
  readonly uid: number;
}

/** What comes of asking the kernel who has hold of a virtual server. */
export type HoldLook =
  | { readonly kind: 'free' }
  | { readonly kind: 'held'; readonly by: Holder }
  /** Somebody may have, and the kernel does not tell who: the code of its error. */
  | { readonly kind: 'unanswerable'; readonly why: string };

/**
 * What a holder is to us, who run as `uid`: another lvscare, or a squatter who only has the name. Anybody can take a
 * name, and who has no rights over us is not to keep us from our work.
 */
export function judgeHolder(holder: Holder, uid: number): 'lvscare' | 'squatter' {
  return holder.uid === 0 || holder.uid === uid ? 'lvscare' : 'squatter';
}

/**
 * Which lvscare is at work, as far as we who run as `uid` are concerned; null if none is. One that cannot be asked counts as one that
 * nobody can name.
 */
export function lvscareAtWork(look: HoldLook, uid: number): Holder | null {
  switch (look.kind) {
    case 'free':
      return null;
    case 'held':
      return judgeHolder(look.by, uid) === 'lvscare' ? look.by : null;
    case 'unanswerable':
      return { pid: null, uid };
  }
}

/** Whether an lvscare is at work beyond doubt: anybody may take a name and not answer. */
export function isSurelyAtWork(look: HoldLook, uid: number): boolean {
  return look.kind === 'held' && judgeHolder(look.by, uid) === 'lvscare';
}
