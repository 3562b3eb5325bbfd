/** Who has the name of a virtual server, of which there is one in each network namespace: the kernel's word, not theirs. */
export interface Holder {
  /** null for a process outside of our container, which has no number here. */
  readonly pid: number | null;
  readonly uid: number;
}

/**
 * What a holder is to us, who run as `uid`: another lvscare, or a squatter who only has the name. Anybody can take a
 * name, and who has no rights over us is not to keep us from our work.
 */
export function judgeHolder(holder: Holder, uid: number): 'lvscare' | 'squatter' {
  return holder.uid === 0 || holder.uid === uid ? 'lvscare' : 'squatter';
}
