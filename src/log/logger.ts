import { pino, type Logger } from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import type { LogConfig } from '../config/care-config.js';

/** What the lines are written to. */
interface Output {
  /** Standard output is one: that is where `auto` gives text. */
  readonly terminal: boolean;
  /** Text may have colours. */
  readonly colours: boolean;
}

/**
 * The program's logger, on standard output. Lines are written at once: none is lost when the program ends. Each has an `event`, by
 * which it can be found: `note` if it has no other.
 */
// ts-unused-exports:disable-next-line
export async function createLogger(
  { level, format }: LogConfig,
  { terminal, colours }: Output,
): Promise<Logger> {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => ({ event: 'note' }),
    serializers: { err: plainError },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const text = format === 'text' || (format === 'auto' && terminal);
  if (!text) {
    const output = pino.destination({ dest: 1, sync: true });
    // A disk that is full is no reason to leave the apiservers to themselves.
    output.on('error', () => undefined);
    return pino(options, output);
  }
  const { build: pretty } = await import('pino-pretty');
  return pino(options, pretty(forPeople(colours)));
}

/** What it was and why. Where in the program is of interest only for its own faults, which tell their `stack`. */
function plainError(error: Error): object {
  const causes: string[] = [];
  let code: unknown;
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    causes.push(each.message);
    code ??= (each as NodeJS.ErrnoException).code;
  }
  return { type: error.name, message: causes.join(': '), ...(typeof code === 'string' ? { code } : {}) };
}

function forPeople(colour: boolean): PrettyOptions {
  return {
    colorize: colour,
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    // The message says it all; the fields are for machines.
    hideObject: true,
    ignore: 'pid,hostname',
  };
}
