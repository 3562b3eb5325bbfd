import type { Clock } from '../control-loop/ports.js';

interface SignsOfLife {
  /** Whether anybody may be at work on it. */
  readonly isHeld: () => Promise<boolean>;
  /** What is another one each time that its record was written, as every lvscare does at its start. */
  readonly stamp: () => Promise<string | null>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Longer than it takes to restart or upgrade an lvscare. */
const AFTER_MS = 60_000;

/**
 * Whether nobody will be at work on a virtual server any more: nobody has been for a minute, nor at any time since we
 * began to look. One whose lvscare came back, or came later than we did, has a life of its own beside us, however long it is
 * down after that: we did not take its place.
 *
 * @param stampBefore Its record's, from when we began to look.
 */
export function abandoned(
  stampBefore: string | null,
  { isHeld, stamp, clock }: SignsOfLife,
): () => Promise<boolean> {
  const sinceMs = clock.now();
  let alive = false;
  return async () => {
    alive ||= (await isHeld()) || (await stamp()) !== stampBefore;
    return !alive && clock.now() - sinceMs >= AFTER_MS;
  };
}
