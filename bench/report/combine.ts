/** Several runs as one: each may have measured some of the peers, or one scenario. Pure. */
import type { Results } from './results.js';

/** What is reported of a run, or of several. */
export type Measured = Pick<Results, 'recipes' | 'limitsMs' | 'failover' | 'steady' | 'scale'>;

/** `peers` is the order of the report. Where two runs have measured the same, the later one counts. */
export function combine(runs: readonly Results[], peers: readonly string[]): Measured {
  const byPeer = <T>(of: (run: Results) => Readonly<Record<string, T>>): Record<string, T> => {
    const all = Object.assign({}, ...runs.map(of)) as Record<string, T>;
    return Object.fromEntries(
      Object.entries(all).toSorted(([one], [other]) => peers.indexOf(one) - peers.indexOf(other)),
    );
  };
  return {
    recipes: byPeer((run) => run.recipes),
    limitsMs: runs.at(-1)?.limitsMs ?? { out: NaN, back: NaN },
    failover: byPeer((run) => run.failover),
    steady: byPeer((run) => run.steady),
    scale: runs
      .flatMap((run) => run.scale)
      .toSorted((one, other) => peers.indexOf(one.peer) - peers.indexOf(other.peer)),
  };
}
