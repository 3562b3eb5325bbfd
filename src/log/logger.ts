import { pino, type Logger } from 'pino';
import { build as pinoPretty, type PrettyOptions } from 'pino-pretty';
import type { LogConfig } from '../config/care-config.js';

/**
 * The program's logger, on standard output. Lines are written at once: none is lost when the program ends.
 *
 * @param terminal Whether standard output is one: that is where `auto` gives text, with colours.
 */
export function createLogger({ level, format }: LogConfig, terminal: boolean): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const text = format === 'text' || (format === 'auto' && terminal);
  return text
    ? pino(options, pinoPretty(forPeople(terminal)))
    : pino(options, pino.destination({ dest: 1, sync: true }));
}

function forPeople(colour: boolean): PrettyOptions {
  return {
    colorize: colour,
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    // The message says it all; the fields are for machines.
    hideObject: true,
  };
}
