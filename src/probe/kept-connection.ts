import type { Socket } from 'node:net';
import type { ProbeManner, InconclusiveProbe, KeptConnection } from '../control-loop/ports.js';
import { endpoint, type Endpoint } from '../values/endpoint.js';
import { answered, type Evidence } from '../values/evidence.js';
import type { Exchange, TlsSession } from '../values/exchange.js';
import { AsyncQueue } from '../async/queue.js';
import { classifyFailure, isSilence, LocalFault, type Phase } from './failure.js';
import type { CurrentCredentials } from '../tls/credentials.js';
import { failedChecks } from './failed-checks.js';
import { HttpConnection, Unanswered, type HttpAnswer } from './http.js';
import { stallAwareTimeout } from '../async/stall-aware-timeout.js';
import type { ProberParts, ProbeRequest } from './request.js';
import { secure } from './secure.js';
import type { SourcePorts } from './preferred-ports.js';
import { connectTcp, endConnection } from './tcp.js';

interface KeptConnectionParts extends ProberParts {
  readonly sourcePorts: SourcePorts;
}

/** The result of one attempt. */
type Outcome =
  | Evidence
  | InconclusiveProbe
  /** The kept connection was closed before the request reached the server. */
  | { readonly kind: 'gone' }
  /** A new connection was reset before the server accepted it. */
  | { readonly kind: 'cut short'; readonly evidence: Evidence | InconclusiveProbe };

/** How far an attempt came, by which its failure is classified. */
interface Attempt {
  phase: Phase;
  connection: HttpConnection | null;
  late: boolean;
  /** It waits for the credentials of lvscare. */
  local: boolean;
  /** Connected, and not yet part of `connection`. */
  tcp: Socket | null;
  /** When it began, and when each phase ended, in milliseconds of the monotonic clock; null if it has not. */
  readonly startMs: number;
  connectedMs: number | null;
  securedMs: number | null;
  headMs: number | null;
  status: number | null;
  dateMs: number | null;
  session: TlsSession | null;
}

/** How many connections a probe uses at most; each is late after such a part of the time limit. */
const MOST_ATTEMPTS = 3;
/** After this part of the time limit, and after so long at most, the kernel gives up a connection without answers. */
const GUARD_PART = 2 / 3;
const LONGEST_GUARD_MS = 1900;

/** Probes one server by HTTP, over a connection that it keeps as long as it can. */
export class HttpKeptConnection implements KeptConnection {
  readonly #server: Endpoint;
  readonly #onExchange: ((exchange: Exchange) => void) | undefined;
  readonly #request: ProbeRequest;
  readonly #parts: KeptConnectionParts;
  readonly #onLost: (evidence: Evidence | null) => void;
  #kept: HttpConnection | null = null;
  /** A kept connection was lost, and the server has not answered since. */
  #lost = false;

  constructor(
    server: Endpoint,
    request: ProbeRequest,
    parts: KeptConnectionParts,
    onLost: (evidence: Evidence | null) => void,
    onExchange?: (exchange: Exchange) => void,
  ) {
    this.#server = endpoint(server.family, server.address, request.port ?? server.port);
    this.#onExchange = onExchange;
    this.#request = request;
    this.#parts = parts;
    this.#onLost = onLost;
  }

  async *probe(manner: ProbeManner, signal: AbortSignal): AsyncGenerator<Evidence | InconclusiveProbe> {
    const { fresh, hedged, askWitness, late } = manner;
    const stopped = (): boolean => signal.aborted;
    if (stopped()) return;
    const ending = new AbortController();
    const end = (): void => {
      ending.abort();
    };
    signal.addEventListener('abort', end);
    const outcomes = new AsyncQueue<Outcome>();
    let waiting = 0;
    let askedAgain = false;
    const begin = (connection: HttpConnection | null, witnessed = false): void => {
      waiting += 1;
      void this.#ask(connection, hedged, ending.signal).then((outcome) => {
        outcomes.add(witnessed && outcome.kind === 'silent' ? { ...outcome, witnessed } : outcome);
      });
    };
    begin(fresh ? null : this.#kept);
    const cancel = hedged
      ? this.#whenLate(askWitness, late, (witnessed) => {
          begin(null, witnessed);
        })
      : (): void => undefined;
    try {
      while (waiting > 0) {
        let outcome = await outcomes.next();
        waiting -= 1;
        if (stopped()) return;
        if (outcome.kind === 'gone') {
          begin(null);
          continue;
        }
        if (outcome.kind === 'cut short') {
          if (this.#lost && !askedAgain) {
            // The server's process is ending, and has not closed its port yet.
            askedAgain = true;
            begin(null);
            continue;
          }
          outcome = outcome.evidence;
        }
        cancel();
        yield this.#weigh(outcome);
        if (outcome.kind === 'ok') return;
      }
    } finally {
      cancel();
      signal.removeEventListener('abort', end);
      end();
    }
  }

  close(): void {
    this.#parts.sourcePorts.close();
    this.#kept?.drop();
    this.#kept = null;
  }

  /** Calls back each time that an answer is late, as often as a probe may ask again; first it waits for another server. */
  #whenLate(
    askWitness: ProbeManner['askWitness'],
    late: AbortSignal | undefined,
    onLate: (witnessed: boolean) => void,
  ): () => void {
    let attempts = 1;
    let cancelled = false;
    const again = async (): Promise<void> => {
      attempts += 1;
      stopWaiting();
      if (attempts < MOST_ATTEMPTS) stopWaiting = wait();
      const witnessed = (await askWitness?.()) ?? false;
      if (!cancelled) onLate(witnessed);
    };
    const wait = (): (() => void) =>
      stallAwareTimeout(this.#request.timeoutMs / MOST_ATTEMPTS, () => void again());
    let stopWaiting = wait();
    const onAbort = (): void => {
      if (!cancelled && attempts < MOST_ATTEMPTS) void again();
    };
    if (late?.aborted === true) onAbort();
    else late?.addEventListener('abort', onAbort, { once: true });
    return () => {
      cancelled = true;
      stopWaiting();
      late?.removeEventListener('abort', onAbort);
    };
  }

  /** Adds what the kept connection proves. A refusal after the loss of a working connection is conclusive. */
  #weigh(outcome: Evidence | InconclusiveProbe): Evidence | InconclusiveProbe {
    if (outcome.kind === 'refused') return this.#lost ? { ...outcome, conclusive: true } : outcome;
    // If the host were gone, the kernel would have given up the idle connection: it only accepts no further ones.
    if (outcome.kind === 'silent' && this.#kept?.asking === false)
      return { kind: 'slow', detail: `${outcome.detail}, but the kept connection is open` };
    if (outcome.kind !== 'inconclusive' && answered(outcome.kind)) this.#lost = false;
    return outcome;
  }

  /** One attempt: over the kept connection, or over a new one, which is then kept if possible. Never rejects. */
  async #ask(kept: HttpConnection | null, hedged: boolean, ending: AbortSignal): Promise<Outcome> {
    const attempt: Attempt = {
      phase: kept === null ? 'connect' : 'answer',
      connection: kept,
      late: false,
      local: false,
      tcp: null,
      startMs: performance.now(),
      connectedMs: null,
      securedMs: null,
      headMs: null,
      status: null,
      dateMs: null,
      session: null,
    };
    const outcome = await this.#attempt(attempt, kept, hedged, ending);
    if (outcome.kind !== 'gone' && outcome !== STOPPED) {
      const result = outcome.kind === 'cut short' ? outcome.evidence : outcome;
      this.#onExchange?.(exchangeOf(attempt, kept === null, result));
    }
    return outcome;
  }

  async #attempt(
    attempt: Attempt,
    kept: HttpConnection | null,
    hedged: boolean,
    ending: AbortSignal,
  ): Promise<Outcome> {
    const { timeoutMs } = this.#request;
    const limit = new AbortController();
    const cancel = stallAwareTimeout(timeoutMs, () => {
      attempt.late = true;
      limit.abort();
    });
    const onEnding = (): void => {
      limit.abort();
    };
    ending.addEventListener('abort', onEnding);
    try {
      const answering = this.#exchange(attempt, hedged, limit.signal);
      const answer = await Promise.race([answering, rejectionOf(limit.signal)]);
      // If it was the kept connection and no longer is, another one has replaced it.
      const current = kept === null || kept === this.#kept;
      this.#settle(attempt.connection, answer.keep && current && !ending.aborted);
      return judge(answer, this.#request.acceptedStatuses);
    } catch (error) {
      this.#settle(attempt.connection, false);
      if (attempt.tcp !== null) endConnection(attempt.tcp, attempt.tcp);
      if (error instanceof Unanswered) {
        this.#lost = true;
        return { kind: 'gone' };
      }
      if (ending.aborted && !attempt.late) return STOPPED;
      if (attempt.late && attempt.local)
        return { kind: 'inconclusive', detail: 'the credentials of lvscare could not be read in time' };
      const evidence = classifyFailure(attempt.phase, error, attempt.late ? timeoutMs : null);
      if (attempt.phase === 'connect' && evidence.kind === 'silent')
        this.#parts.sourcePorts.silent(this.#server);
      const reset = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
      return reset && this.#wasNotAccepted(attempt, kept) ? { kind: 'cut short', evidence } : evidence;
    } finally {
      cancel();
      ending.removeEventListener('abort', onEnding);
    }
  }

  /** Whether the server had not accepted the connection, as far as is known: without TLS only an answer shows that. */
  #wasNotAccepted({ phase, headMs }: Attempt, kept: HttpConnection | null): boolean {
    return phase !== 'answer' || (kept === null && this.#request.scheme === 'http' && headMs === null);
  }

  async #exchange(attempt: Attempt, hedged: boolean, signal: AbortSignal): Promise<HttpAnswer> {
    const { credentials } = this.#parts;
    const onHead = (status: number, date: string | null): void => {
      const dateMs = Date.parse(date ?? '');
      attempt.headMs = performance.now();
      attempt.status = status;
      attempt.dateMs = Number.isNaN(dateMs) ? null : dateMs;
    };
    if (attempt.connection !== null && !credentials.withToken)
      return attempt.connection.ask(this.#request, null, signal, onHead);
    const reading = credentials.current().catch((error: unknown) => {
      throw new LocalFault(error as Error);
    });
    // A failure is handled once TCP is connected.
    reading.catch(() => undefined);
    const ready = async (): Promise<CurrentCredentials> => {
      attempt.local = true;
      const current = await reading;
      attempt.local = false;
      return current;
    };
    if (attempt.connection !== null)
      return attempt.connection.ask(this.#request, (await ready()).token, signal, onHead);
    const { scheme, connectTimeoutMs, timeoutMs, tls } = this.#request;
    const { guard, sourcePorts } = this.#parts;
    const how = { timeoutMs: connectTimeoutMs, hedged, sourcePorts: sourcePorts.range };
    const tcp = await connectTcp(this.#server, how, signal);
    sourcePorts.connected(this.#server);
    attempt.tcp = tcp;
    attempt.connectedMs = performance.now();
    const { secureContext, token } = await ready();
    signal.throwIfAborted();
    attempt.phase = scheme === 'http' ? 'answer' : 'handshake';
    // It was closed while the credentials were read.
    if (tcp.destroyed) throw tcp.errored ?? new Error('the connection was closed');
    guard(tcp, Math.min(timeoutMs * GUARD_PART, LONGEST_GUARD_MS));
    const onSession = (session: TlsSession): void => {
      attempt.securedMs = performance.now();
      attempt.session = session;
    };
    const socket =
      scheme === 'http' ? tcp : await secure(tcp, this.#server, tls, secureContext, signal, onSession);
    signal.throwIfAborted();
    const made = new HttpConnection(tcp, socket, `${scheme}://${this.#server.text}`);
    attempt.phase = 'answer';
    attempt.connection = made;
    attempt.tcp = null;
    return made.ask(this.#request, token, signal, onHead);
  }

  #settle(connection: HttpConnection | null, keep: boolean): void {
    if (connection === null) return;
    if (!keep) {
      connection.drop();
      if (connection === this.#kept) this.#kept = null;
    } else if (connection !== this.#kept) {
      // One with a request under way still gets its answer.
      if (this.#kept?.asking === false) this.#kept.drop();
      this.#kept = connection;
      connection.onLost((error) => {
        if (connection !== this.#kept) return;
        this.#kept = null;
        this.#lost = true;
        const proof = error !== null && isSilence(error);
        this.#onLost(proof ? { kind: 'silent', detail: `kept connection: ${error.message}` } : null);
      });
    }
  }
}

function exchangeOf(attempt: Attempt, fresh: boolean, result: Evidence | InconclusiveProbe): Exchange {
  const { startMs, connectedMs, securedMs, headMs, status, dateMs, session } = attempt;
  const since = (endMs: number | null, beginMs: number | null): number | null =>
    endMs === null || beginMs === null ? null : endMs - beginMs;
  return {
    evidence: result.kind === 'inconclusive' ? null : result,
    fresh,
    phases: {
      connectMs: since(connectedMs, startMs),
      handshakeMs: since(securedMs, connectedMs),
      firstByteMs: since(headMs, securedMs ?? connectedMs ?? startMs),
      totalMs: performance.now() - startMs,
    },
    status,
    dateMs,
    session,
  };
}

const STOPPED: InconclusiveProbe = { kind: 'inconclusive', detail: 'stopped' };

/**
 * Rejects when the signal aborts. Each step of a probe ends with the signal by itself; but if one did not, its monitor would
 * wait forever, and nothing would show that.
 */
function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

function judge({ status, body }: HttpAnswer, accepted: ReadonlySet<number>): Evidence {
  const detail = `status ${status}`;
  if (status < 400 || accepted.has(status)) return { kind: 'ok', detail };
  const failed = failedChecks(body);
  return { kind: 'status', status, detail: failed === '' ? detail : `${detail}: ${failed}` };
}
