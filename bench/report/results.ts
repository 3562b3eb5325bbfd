/** All that a run has measured, as the JSON file has it. */
import type { EventName } from '../failover/events.js';
import type { EventSample } from '../failover/sample.js';
import type { SteadySample } from '../steady/steady.js';
import type { ScaleSample } from '../scale/scale-sample.js';

export interface Results {
  /** What was typed. */
  readonly command: string;
  readonly startedAt: string;
  /** null as long as it goes on. */
  finishedAt: string | null;
  readonly machine: {
    readonly kernel: string;
    /** What scripts/with-ipvs calls it: `host`, `test`, `uml` or `qemu`. */
    readonly guest: string;
    readonly cpus: number;
    readonly versions: Readonly<Record<string, string>>;
  };
  /** Of each peer, how it was set. */
  readonly recipes: Readonly<Record<string, string>>;
  /** How long an event was waited for. */
  readonly limitsMs: { readonly out: number; readonly back: number };
  readonly failover: Record<string, Partial<Record<EventName, EventSample[]>>>;
  readonly steady: Record<string, SteadySample>;
  readonly scale: ScaleSample[];
  /** What went wrong: a run with any has failed. */
  readonly errors: string[];
}
