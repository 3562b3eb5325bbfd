/** The short notation of the tables in docs/decisions.md, read into values. */
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import type { Evidence, EvidenceKind } from '../../src/values/evidence.js';
import { step, unknownHealth, type Health, type HealthState } from '../../src/decisions/health.js';
import type { Intent, JudgedServer, WantedDestination } from '../../src/decisions/desired.js';
import type { Action } from '../../src/decisions/reconcile.js';
import type { Destination } from '../../src/values/table.js';

export function evidence(kind: EvidenceKind): Evidence {
  return { kind, detail: `said by a test: ${kind}` };
}

/** `A` is 10.0.0.65:6443, and so on: a server for each letter. */
export function server(letter: string): Endpoint {
  return endpoint('ipv4', `10.0.0.${String(letter.charCodeAt(0))}`, 6443);
}

function letterOf(of: Endpoint): string {
  return String.fromCharCode(Number(of.address.split('.')[3]));
}

export function list(text: string): string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim());
}

/** A health in the given state, reached as a monitor would reach it. */
export function healthIn(state: HealthState): Health {
  const policy = { fall: 1, rise: 1, maxHoldMs: 0 };
  const fresh = unknownHealth(0);
  switch (state) {
    case 'unknown':
      return fresh;
    case 'up':
      return step(fresh, evidence('ok'), 0, policy);
    case 'sick':
      return { ...step(fresh, evidence('status'), 0, policy), sameClass: 9, failures: 9 };
    case 'dead':
      return { ...step(fresh, evidence('silent'), 0, policy), sameClass: 9, failures: 9 };
  }
}

/**
 * `A up(ok)`, `B unknown`, `C dead(silent?)`: silent, and no other server answered since; `D dead(silent once)`; `E
 * sick(status starting)`: not well yet since it last started; `E sick(slow starting)`: the same, and its TLS handshake hangs; `F up(ok) drained`: by hand;
 * `G up(ok) preferred`; `A up(ok) suspect 1`: since that time.
 */
export function judged(text: string): JudgedServer {
  const [, letter = '', state, kind, qualifier, alone, drained, preferred, suspect] =
    /^(\w) (\w+)(?:\((\w+?)( once| starting)?(\?)?\))?( drained)?( preferred)?(?: suspect (\d+))?$/.exec(
      text,
    ) ?? [];
  if (state === undefined) throw new Error(`not a judged server: ${text}`);
  const health = healthIn(state as HealthState);
  const starting = qualifier === ' starting';
  const lastEvidence =
    kind === undefined
      ? null
      : {
          ...evidence(kind as EvidenceKind),
          ...(starting && kind === 'slow' && { noHandshake: true as const }),
        };
  const silence =
    kind === 'silent'
      ? { sinceMs: 0, count: 9, sure: qualifier !== ' once', proofs: 0, witnessed: alone === undefined }
      : null;
  return {
    server: server(letter),
    health: {
      ...health,
      lastEvidence,
      silence,
      okSinceMs: kind === 'ok' ? 0 : null,
      start: starting ? 'pending' : 'done',
    },
    drained: drained !== undefined,
    preferred: preferred !== undefined,
    suspectSinceMs: suspect === undefined ? null : Number(suspect),
  };
}

interface FoundRow {
  readonly row: Destination;
  /** How long it has been drained, null when it is not. */
  readonly drainedMs: number | null;
}

/** `A=1`, `B=0+3~5s`, `C=1*`. */
export function foundRow(text: string): FoundRow {
  const [, letter = '', weight, odd, connections, seconds] =
    /^(\w)=(\d+)(\*)?(?:\+(\d+))?(?:~(\d+)s)?$/.exec(text) ?? [];
  if (weight === undefined) throw new Error(`not a row: ${text}`);
  return {
    row: {
      server: server(letter),
      weight: Number(weight),
      forwarding: odd === undefined ? 'masquerade' : 'direct',
      upperThreshold: 0,
      lowerThreshold: 0,
      active: Number(connections ?? 0),
      connections: Number(connections ?? 0),
    },
    drainedMs: seconds === undefined ? null : Number(seconds) * 1000,
  };
}

const intents: Readonly<Record<string, Intent>> = {
  serve: { kind: 'serve', weight: 1 },
  standby: { kind: 'standby' },
  keep: { kind: 'keep' },
  drain: { kind: 'drain', untilIdle: false },
  'drain!': { kind: 'drain', untilIdle: true },
  rest: { kind: 'rest' },
  remove: { kind: 'remove' },
};

/** `A serve`. */
export function wantedRow(text: string): WantedDestination {
  const [letter = '', kind = ''] = text.split(' ');
  const intent = intents[kind];
  if (intent === undefined) throw new Error(`not a wanted row: ${text}`);
  return { server: server(letter), intent };
}

export function sayWanted(row: WantedDestination): string {
  const untilIdle = row.intent.kind === 'drain' && row.intent.untilIdle;
  return `${letterOf(row.server)} ${row.intent.kind}${untilIdle ? '!' : ''}`;
}

/** As the table of actions writes it: `-A`, `-a C=1`, `-d A`. */
export function sayAction(action: Action): string {
  switch (action.kind) {
    case 'create-service':
      return '-A';
    case 'update-service':
      return '-E';
    case 'add-destination':
      return `-a ${letterOf(action.server)}=${action.weight}`;
    case 'update-destination':
      return `-e ${letterOf(action.server)}=${action.weight}`;
    case 'remove-destination':
      return `-d ${letterOf(action.server)}`;
  }
}
