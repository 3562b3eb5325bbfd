import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { DaemonConfig } from '../config/care-config.js';
import { UsageError } from '../config/usage-error.js';
import type { Clock } from '../control-loop/ports.js';
import type { ReloadResult } from '../metrics/metrics.js';

/** Reads the configuration. Rejects with a UsageError for a wrong one. */
export type ReadConfig = () => Promise<DaemonConfig>;

interface ReloaderParts {
  readonly log: Logger;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly readConfig: ReadConfig;
  /** Brings the virtual servers to a configuration. Never rejects. */
  readonly apply: (config: DaemonConfig) => Promise<void>;
  /** Another text when the file is another one or was written to; null if there is no file. */
  readonly fingerprint?: (path: string) => Promise<string | null>;
}

/** How often the file is looked at. */
const CHECK_MS = 1000;
/** For how long it must be the same before it is read: an editor or a copy may be at work. */
const SETTLED_MS = 200;

/**
 * Reads the file of the configuration again when it changes or when it is asked to, and applies it as a whole or not at all. It looks at
 * what the path leads to, so that a file that is renamed there, and links that are swapped (a ConfigMap), count as well.
 */
export class Reloader {
  readonly #path: string;
  readonly #parts: ReloaderParts;
  readonly #fingerprint: (path: string) => Promise<string | null>;
  #config: DaemonConfig;
  /** The last text that was read and was good. */
  #text: string;
  #result: ReloadResult;
  #isAsked = false;
  #alarm = new AbortController();

  constructor(config: DaemonConfig, { path, text }: { path: string; text: string }, parts: ReloaderParts) {
    this.#config = config;
    this.#path = path;
    this.#text = text;
    this.#parts = parts;
    this.#fingerprint = parts.fingerprint ?? fingerprint;
    this.#result = { successful: true, successMs: parts.wallClock() };
  }

  /** What became of the last reload. */
  get result(): ReloadResult {
    return this.#result;
  }

  /** Asks for a reload now, also if the file has not changed. */
  request(): void {
    this.#isAsked = true;
    this.#alarm.abort();
  }

  /** Watches the file until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = (): boolean => signal.aborted;
    const onAbort = (): void => {
      this.#alarm.abort();
    };
    signal.addEventListener('abort', onAbort);
    // What was written while the first configuration was applied is read, too.
    let seen: string | null = null;
    while (!ended()) {
      const asked = this.#takeRequest();
      const found: string | null = asked
        ? await this.#fingerprint(this.#path)
        : await this.#settled(seen, ended);
      if (asked || (found !== seen && !this.#isAsked)) {
        await this.#reload(asked);
        seen = found;
      }
      await this.#sleep(CHECK_MS, ended);
    }
    signal.removeEventListener('abort', onAbort);
  }

  #takeRequest(): boolean {
    const asked = this.#isAsked;
    this.#isAsked = false;
    return asked;
  }

  /** The fingerprint as soon as it has been the same for a while, if it is another one than before. */
  async #settled(seen: string | null, ended: () => boolean): Promise<string | null> {
    let last = seen;
    let found = await this.#fingerprint(this.#path);
    while (found !== last && !this.#isAsked && !ended()) {
      last = found;
      await this.#sleep(SETTLED_MS, ended);
      found = await this.#fingerprint(this.#path);
    }
    return found;
  }

  async #sleep(ms: number, ended: () => boolean): Promise<void> {
    if (this.#isAsked || ended()) return;
    this.#alarm = new AbortController();
    await this.#parts.clock.sleep(ms, this.#alarm.signal);
  }

  async #reload(asked: boolean): Promise<void> {
    const { log, readConfig, apply, wallClock } = this.#parts;
    let config: DaemonConfig;
    try {
      config = await readConfig();
    } catch (error) {
      const why = error instanceof UsageError ? error.message.replaceAll('\n', '; ') : String(error);
      this.#result = { ...this.#result, successful: false };
      log.error(
        { event: 'reload-failed', config: this.#path },
        `${this.#path} is wrong, and the configuration before it goes on: ${why}`,
      );
      return;
    }
    const text = config.file?.text ?? '';
    if (text === this.#text && this.#result.successful && !asked) return;
    this.#text = text;
    const before = this.#config;
    this.#config = config;
    log.level = config.log.level;
    for (const note of config.notes)
      if (!before.notes.some((known) => known.text === note.text)) log.warn(note.text);
    for (const option of needRestart(before, config))
      log.warn(
        { event: 'restart-needed', option },
        `${option} has changed in ${this.#path}: it takes a restart of lvscare`,
      );
    await apply(config);
    this.#result = { successful: true, successMs: wallClock() };
    const sha256 = createHash('sha256').update(text).digest('hex');
    log.info(
      { event: 'reloaded', config: this.#path, sha256 },
      `${this.#path} was read again and is in force: ${counted(config.virtualServers.length)}`,
    );
  }
}

/** Options of the process that a reload does not change. */
function needRestart(before: DaemonConfig, after: DaemonConfig): readonly string[] {
  const values = ({
    metricsAddress,
    log,
    task,
    dryRun,
  }: DaemonConfig): Readonly<Record<string, unknown>> => ({
    'metrics-addr': metricsAddress?.text ?? 'off',
    'log-format': log.format,
    'run-once or clean': task,
    'dry-run': dryRun,
  });
  const [old, now] = [values(before), values(after)];
  return Object.keys(old).filter((option) => old[option] !== now[option]);
}

function counted(virtualServers: number): string {
  return virtualServers === 1 ? '1 virtual server' : `${virtualServers} virtual servers`;
}

async function fingerprint(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found === null ? null : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
}
