import type { Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import {
  heldUntilMs,
  onEdge,
  probeDelayMs,
  step,
  unknownHealth,
  type Health,
  type HealthPolicy,
} from '../decisions/health.js';
import {
  endSuspicion,
  lateAfterMs,
  LONGEST_SUSPICION_MS,
  maySuspect,
  questionLateAfterMs,
  suspect,
  UNSUSPECTED,
  type Suspicion,
  type SuspicionEnd,
} from '../decisions/suspicion.js';
import type { Semaphore } from '../async/semaphore.js';
import { answered } from '../values/evidence.js';
import type { Emit, LateClients } from './events.js';
import type { Clock, ProbeManner, Prober, KeptConnection } from './ports.js';

export interface MonitorPolicy extends HealthPolicy {
  /** Between probes, in milliseconds. */
  readonly intervalMs: number;
  /** Between probes while one more may change the verdict, in milliseconds. */
  readonly fastIntervalMs: number;
  /** Between probes that make a fresh connection although one is kept, in milliseconds. */
  readonly handshakeIntervalMs: number;
}

export interface MonitorParts {
  readonly prober: Prober;
  readonly clock: Clock;
  readonly emit: Emit;
  /** 0 to 1, evenly: keeps a thousand nodes from probing in step. */
  readonly random: () => number;
}

/** A monitor as the others use it. */
export type PeerMonitor = Pick<Monitor, 'health' | 'probing' | 'askedMs' | 'probeNow' | 'askAgain'>;

/** The monitors of the other servers, as one monitor sees them. */
export interface Peers {
  /** Lets the first probes of all servers through, a few at a time. */
  readonly firstProbes: Semaphore;
  /** When another server first answered since this one fell silent, in milliseconds, or null if none did. */
  witnessedMs(silent: PeerMonitor): number | null;
  /** Probes another server. Resolves when any other one answers that was probed later than this; null if there is none to probe. */
  askWitness(late: PeerMonitor): Promise<void> | null;
  judged(monitor: PeerMonitor, before: Health, after: Health): void;
  /** The server is suspect, or no longer. */
  suspected(): void;
}

/** By how much an interval is varied, to either side. */
const JITTER = 0.1;

function isDown({ state }: Health): boolean {
  return state === 'sick' || state === 'dead';
}

/** How long a server that fell silent is not probed, so that another one may answer before, in milliseconds. */
const WITNESS_WAIT_MS = 100;

/** How many kept connections may be lost in a row with a probe at once after each. One token returns in an interval. */
const MOST_LOSS_TOKENS = 4;

/** How many of the last answers over new connections show how long one takes. */
const FRESH_ANSWERS = 8;
/** How many of the last answers show how long one usually takes. */
const LAST_ANSWERS = 5;

/** For how long a first probe keeps others waiting at most. */
const FIRST_TURN_MS = 1000;

/** What a monitor knows of its server: one that takes its place goes on with it. */
export interface Knowledge {
  readonly health: Health;
  readonly suspicion: Suspicion;
  /** How long the last answers over new connections took, in milliseconds. */
  readonly freshMs: readonly number[];
  /** The same of the last answers over whatever connection. */
  readonly answersMs: readonly number[];
}

/** Monitors one real server: probes it, judges it, and emits what it found. */
export class Monitor {
  readonly server: Endpoint;
  readonly #policy: MonitorPolicy;
  readonly #parts: MonitorParts;
  readonly #peers: Peers;
  #health: Health;
  /** Ends a rest. */
  #alarm = new AbortController();
  /** When the next probe is due at the latest, whatever the pace says; null for no such time. */
  #dueMs: number | null = null;
  #handshakeDueMs = 0;
  /** How many lost connections may be followed by a probe at once; below 0 for one that waited. */
  #lossTokens = MOST_LOSS_TOKENS;
  #lossTokensAtMs = 0;
  #rested = false;
  #probing = false;
  /** The next probe is for another server's silence. */
  #isWitness = false;
  #freshMs: readonly number[];
  #answersMs: readonly number[];
  #suspicion: Suspicion;
  /** The last suspicion that {@link LONGEST_SUSPICION_MS} were over for. */
  #overdue: Suspicion | null = null;
  /** The clients for which the probe under way, or the next one, is to answer soon; null without any. */
  #question: LateClients | null = null;
  /** Makes the answer to the probe under way late. */
  #late = new AbortController();
  #askedMs = 0;
  #running: AbortSignal = AbortSignal.abort();

  /** @param known By default nothing. */
  constructor(
    server: Endpoint,
    policy: MonitorPolicy,
    parts: MonitorParts,
    peers: Peers,
    known: Knowledge | null = null,
  ) {
    this.server = server;
    this.#policy = policy;
    this.#parts = parts;
    this.#peers = peers;
    this.#health = known?.health ?? unknownHealth(parts.clock.now());
    this.#suspicion = known?.suspicion ?? UNSUSPECTED;
    this.#freshMs = known?.freshMs ?? [];
    this.#answersMs = known?.answersMs ?? [];
  }

  get known(): Knowledge {
    return {
      health: this.#health,
      suspicion: this.#suspicion,
      freshMs: this.#freshMs,
      answersMs: this.#answersMs,
    };
  }

  get health(): Health {
    return this.#health;
  }

  get probing(): boolean {
    return this.#probing;
  }

  /** When the probe under way began, or the last one, in milliseconds. */
  get askedMs(): number {
    return this.#askedMs;
  }

  get suspicion(): Suspicion {
    return this.#suspicion;
  }

  /** After how long a client of this server is late, in milliseconds. */
  get lateAfterMs(): number {
    return lateAfterMs(this.#freshMs, this.#answersMs);
  }

  /** Clients of this server are late. Probes it at once; if it does not answer soon, and another server does, it is suspect. */
  question(clients: LateClients): void {
    const nowMs = this.#parts.clock.now();
    if (this.#question !== null || this.#health.state !== 'up' || !maySuspect(this.#suspicion, nowMs)) return;
    this.#question = clients;
    if (this.#probing) this.#expectSoon(this.#running);
    else this.#wakeAt(nowMs);
  }

  /** Probes until the signal aborts, one probe at a time. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, prober, random, emit } = this.#parts;
    const { server } = this;
    this.#running = signal;
    this.#limitSuspicion(signal);
    const connection = prober.keepConnection(
      server,
      (evidence) => {
        this.#lost(evidence);
      },
      (exchange) => {
        emit({ kind: 'exchange', server, exchange });
      },
    );
    const onAbort = (): void => {
      this.#alarm.abort();
    };
    signal.addEventListener('abort', onAbort);
    const ended = (): boolean => signal.aborted;
    try {
      await clock.sleep(random() * this.#policy.fastIntervalMs, signal);
      await this.#probeFirst(connection, signal);
      while (!ended()) {
        await this.#rest(signal);
        if (!ended()) await this.#probe(connection, signal);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      connection.close();
    }
  }

  /** Asks for a probe now rather than at its time. One that is under way will do. */
  probeNow(): void {
    if (this.#probing) return;
    this.#isWitness = true;
    this.#wakeAt(this.#parts.clock.now());
  }

  /** The same, but if a probe is under way, another one follows it: its answer may be lost already. */
  askAgain(): void {
    this.#wakeAt(this.#parts.clock.now());
  }

  /** In its turn: were a thousand servers asked at once, we would be too busy to hear any of them in time. */
  async #probeFirst(connection: KeptConnection, signal: AbortSignal): Promise<void> {
    const release = await this.#peers.firstProbes.acquire();
    const answered = new AbortController();
    // Those that do not answer delay no other.
    void this.#parts.clock.sleep(FIRST_TURN_MS, answered.signal).then(release);
    if (!signal.aborted) await this.#probe(connection, signal);
    answered.abort();
  }

  async #probe(connection: KeptConnection, signal: AbortSignal): Promise<void> {
    const { clock, emit } = this.#parts;
    const startMs = clock.now();
    const manner = this.#manner(startMs, signal);
    this.#dueMs = null;
    this.#probing = true;
    this.#askedMs = startMs;
    if (this.#question !== null) this.#expectSoon(signal);
    try {
      for await (const outcome of connection.probe(manner, signal)) {
        if (signal.aborted) return;
        const about = { server: this.server, durationMs: clock.now() - startMs };
        if (outcome.kind === 'inconclusive') {
          emit({ kind: 'probe-inconclusive', ...about, detail: outcome.detail });
          continue;
        }
        emit({ kind: 'probe', ...about, evidence: outcome });
        if (outcome.kind === 'ok') this.#learn(about.durationMs, manner.fresh);
        this.#judge(outcome, startMs);
        // The verdict is in: nothing that is still on its way would change it.
        if (!onEdge(this.#health)) break;
      }
    } catch (error) {
      // A prober answers for every failure of the server; what it throws is its own, and must not stop the watch.
      if (!signal.aborted)
        emit({ kind: 'fault', where: `probe of ${this.server.text}`, error: error as Error });
    } finally {
      this.#probing = false;
      this.#isWitness = false;
      this.#question = null;
      this.#endOverdueSuspicion();
    }
  }

  #learn(durationMs: number, fresh: boolean): void {
    if (fresh) this.#freshMs = [durationMs, ...this.#freshMs].slice(0, FRESH_ANSWERS);
    this.#answersMs = [durationMs, ...this.#answersMs].slice(0, LAST_ANSWERS);
  }

  /** The probe under way is late soon. */
  #expectSoon(signal: AbortSignal): void {
    const { clock } = this.#parts;
    const late = this.#late;
    void clock.sleep(this.#askedMs + questionLateAfterMs(this.#answersMs) - clock.now(), signal).then(() => {
      if (!signal.aborted) late.abort();
    });
  }

  #manner(nowMs: number, signal: AbortSignal): ProbeManner {
    const { state, lastEvidence, silence } = this.#health;
    // A working connection does not prove that clients can open new ones.
    const fresh = lastEvidence?.kind !== 'ok' || nowMs >= this.#handshakeDueMs;
    if (fresh) this.#handshakeDueMs = nowMs + this.#jittered(this.#policy.handshakeIntervalMs);
    // A late request to a server that is down is repeated only if the answer decides whether its connections are reset.
    const hedged = state === 'up' || state === 'unknown' || silence?.witnessed === false;
    // A probe made as a witness asks no further witness: where all are late, that would never end.
    const askWitness =
      hedged && !this.#isWitness ? (): Promise<boolean> => this.#askWitness(signal) : undefined;
    this.#late = new AbortController();
    return { fresh, hedged, ...(askWitness && { askWitness }), late: this.#late.signal };
  }

  async #askWitness(signal: AbortSignal): Promise<boolean> {
    const another = this.#peers.askWitness(this);
    if (another === null) return false;
    const waiting = new AbortController();
    const stop = (): void => {
      waiting.abort();
    };
    signal.addEventListener('abort', stop);
    const { clock } = this.#parts;
    const waitMs = Math.min(WITNESS_WAIT_MS, this.#policy.fastIntervalMs);
    const answered = await Promise.race([
      another.then(() => true),
      clock.sleep(waitMs, waiting.signal).then(() => false),
    ]);
    stop();
    signal.removeEventListener('abort', stop);
    if (answered && !signal.aborted) this.#suspect(signal);
    return answered;
  }

  /** The probe that a question started has no answer yet, and another server has answered. */
  #suspect(signal: AbortSignal): void {
    const { clock, emit } = this.#parts;
    const clients = this.#question;
    if (clients === null || this.#suspicion.sinceMs !== null || this.#health.state !== 'up') return;
    this.#suspicion = suspect(this.#suspicion, clock.now());
    emit({ kind: 'suspected', server: this.server, clients });
    this.#peers.suspected();
    this.#limitSuspicion(signal);
  }

  #limitSuspicion(signal: AbortSignal): void {
    const suspicion = this.#suspicion;
    const { clock } = this.#parts;
    if (suspicion.sinceMs === null) return;
    void clock.sleep(suspicion.sinceMs + LONGEST_SUSPICION_MS - clock.now(), signal).then(() => {
      if (signal.aborted) return;
      this.#overdue = suspicion;
      this.#endOverdueSuspicion();
    });
  }

  /** A probe that is under way may yet bring the verdict. */
  #endOverdueSuspicion(): void {
    if (this.#overdue === this.#suspicion && !this.#probing) this.#endSuspicion('no verdict');
  }

  #endSuspicion(why: SuspicionEnd): void {
    const { sinceMs } = this.#suspicion;
    if (sinceMs === null) return;
    const nowMs = this.#parts.clock.now();
    this.#suspicion = endSuspicion(this.#suspicion, nowMs, why);
    this.#parts.emit({ kind: 'suspicion-ended', server: this.server, why, durationMs: nowMs - sinceMs });
    this.#peers.suspected();
  }

  #judge(evidence: Evidence, askedMs: number | null): void {
    const { clock, emit } = this.#parts;
    const nowMs = clock.now();
    const before = this.#health;
    const witnessedMs = this.#peers.witnessedMs(this);
    const after = step(before, evidence, nowMs, this.#policy, { askedMs, witnessedMs });
    this.#health = after;
    const { server } = this;
    if (after.state !== 'up') this.#endSuspicion('down');
    else if (answered(evidence.kind)) this.#endSuspicion('answered');
    if (before.state !== after.state) emit({ kind: 'transition', server, before, after });
    else if (isDown(after) && evidence.kind !== 'ok') emit({ kind: 'still-down', server, health: after });
    const untilMs = heldUntilMs(after, this.#policy);
    if (untilMs !== null && before.okSinceMs === null)
      emit({ kind: 'held', server, health: after, forMs: untilMs - nowMs });
    this.#peers.judged(this, before, after);
  }

  #lost(evidence: Evidence | null): void {
    const nowMs = this.#parts.clock.now();
    const { server } = this;
    this.#parts.emit({ kind: 'connection-lost', server });
    if (evidence !== null) {
      this.#parts.emit({ kind: 'probe', server, evidence, durationMs: 0 });
      this.#judge(evidence, null);
    }
    // A probe before another server answered proves nothing, so that one goes first, if it is quick.
    const waitMs = evidence === null ? 0 : WITNESS_WAIT_MS;
    const { intervalMs } = this.#policy;
    this.#wakeAt(nowMs + Math.min(Math.max(this.#delayAfterLossMs(nowMs), waitMs), intervalMs));
  }

  /**
   * How long to wait with the probe after a loss: by a token bucket, so that a server which is killed again and again is probed
   * at once each time, and one which closes connection after connection only once an interval in the long run.
   */
  #delayAfterLossMs(nowMs: number): number {
    const { intervalMs } = this.#policy;
    const regained = (nowMs - this.#lossTokensAtMs) / intervalMs;
    this.#lossTokens = Math.max(-1, Math.min(MOST_LOSS_TOKENS, this.#lossTokens + regained) - 1);
    this.#lossTokensAtMs = nowMs;
    return Math.max(0, -this.#lossTokens * intervalMs);
  }

  #wakeAt(timeMs: number): void {
    this.#dueMs = Math.min(this.#dueMs ?? timeMs, timeMs);
    this.#alarm.abort();
  }

  /** Until it is time for the next probe. */
  async #rest(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    const startMs = clock.now();
    const health = this.#health;
    let delayMs = this.#jittered(probeDelayMs(health, startMs, this.#policy));
    if (!this.#rested && !onEdge(health)) {
      // Servers that were all judged at the start are not asked in step from then on.
      this.#rested = true;
      delayMs *= random();
    }
    for (;;) {
      const untilMs = Math.min(startMs + delayMs, this.#dueMs ?? Infinity);
      const leftMs = untilMs - clock.now();
      if (signal.aborted || leftMs <= 0) return;
      this.#alarm = new AbortController();
      await clock.sleep(leftMs, this.#alarm.signal);
    }
  }

  #jittered(ms: number): number {
    return ms * (1 + JITTER * (2 * this.#parts.random() - 1));
  }
}
