/** The failover scenario in one table: what docs/benchmarks.md shows. Pure. */
import { EVENT_NAMES, type EventName } from '../failover/events.js';
import type { EventSample } from '../failover/sample.js';
import { summarize } from '../statistics.js';
import { seconds, table } from './format.js';
import type { Measured } from './combine.js';

/** Slow settings first, then quick ones. */
const ROWS: readonly (readonly [peer: string, title: string])[] = [
  ['lvscare', 'lvscare, its defaults'],
  ['keepalived-5s', 'keepalived, 5 s, 3 retries'],
  ['go-loop', 'the Go loop, 5 s (emulated)'],
  ['haproxy', 'HAProxy, its defaults'],
  ['keepalived-1s', 'keepalived, 1 s, no retry'],
  ['lvscare-tuned', 'lvscare, tuned'],
  ['keepalived-tuned', 'keepalived, tuned'],
  ['haproxy-tuned', 'HAProxy, tuned'],
  ['haproxy-observe', 'HAProxy, tuned, observing'],
];

export function headline({ failover, limitsMs }: Measured): string {
  const samples = (peer: string, event: EventName): EventSample[] => failover[peer]?.[event] ?? [];
  const rows = ROWS.filter(([peer]) => failover[peer] !== undefined).map(([peer, title]) => [
    title,
    ...EVENT_NAMES.map((event) => median(samples(peer, event), ({ outMs }) => outMs, limitsMs.out)),
    connection(samples(peer, 'cut')),
    EVENT_NAMES.map((event) => median(samples(peer, event), ({ backMs }) => backMs, limitsMs.back)).join(
      ', ',
    ),
  ]);
  const all = ROWS.flatMap(([peer]) => EVENT_NAMES.flatMap((event) => samples(peer, event)));
  const falsely = all.reduce((sum, sample) => sum + sample.falseVerdicts, 0);
  const repeats = Math.max(
    ...ROWS.flatMap(([peer]) => EVENT_NAMES.map((event) => samples(peer, event).length)),
  );
  return [
    table(
      [
        ...['out of rotation after', 'killed', 'hung', 'cut off', '500'],
        ...['busy connection to a server cut off', 'back after each of these'],
      ],
      rows,
    ),
    `Medians of ${repeats} events each. Healthy servers taken out in these ${all.length} events: ${falsely}.`,
  ].join('\n\n');
}

function median(
  samples: readonly EventSample[],
  of: (sample: EventSample) => number | null,
  limitMs: number,
): string {
  const summary = summarize(samples.map((sample) => of(sample) ?? Infinity));
  if (summary === null) return '-';
  return summary.median === Infinity ? `>${seconds(limitMs)}` : seconds(summary.median);
}

/** What becomes of a connection on which a client asks all the time. */
function connection(samples: readonly EventSample[]): string {
  const hang = summarize(samples.map(({ busy }) => (busy.untilBack ? Infinity : busy.hangMs)));
  if (hang === null) return '-';
  if (hang.median === Infinity) return 'hangs until the server is back';
  const ended = samples.every(({ busy }) => busy.ended !== null);
  return ended ? `ends after ${seconds(hang.median)}` : `hangs for ${seconds(hang.median)}`;
}
