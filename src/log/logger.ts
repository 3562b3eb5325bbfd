import { pino, type Logger } from 'pino';
import type { LogConfig } from '../config/care-config.js';
import { standardOutput } from './output.js';

/** What the lines are written to. */
interface Display {
  /** Standard output is one: that is where `auto` gives text. */
  readonly terminal: boolean;
  /** Text may have colours. */
  readonly colours: boolean;
}

interface Log {
  readonly log: Logger;
  /** To be called at the end: writes the lines that wait. */
  flush(): void;
}

/**
 * The program's logger, on standard output. Lines are written at once, unless their reader is slow. Each has an `event`, by
 * which it can be found: `note` if it has no other.
 */
// ts-unused-exports:disable-next-line
export async function createLogger(
  { level, format }: LogConfig,
  { terminal, colours }: Display,
): Promise<Log> {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => ({ event: 'note' }),
    serializers: { err: plainError },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const text = format === 'text' || (format === 'auto' && terminal);
  const render = text ? await rendererForPeople(colours) : (line: string): string => line;
  const output = standardOutput((dropped) => {
    log.warn(
      { event: 'log-dropped', dropped },
      `${dropped} lines of the log are lost: their reader was too slow`,
    );
  });
  const log = pino(options, {
    write: (line: string) => {
      output.write(render(line));
    },
  });
  return {
    log,
    flush: () => {
      output.flush();
    },
  };
}

/** An error without its stack: only bugs are logged with theirs, as the field `stack`. */
function plainError(error: Error): object {
  const causes: string[] = [];
  let code: unknown;
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    causes.push(each.message);
    code ??= (each as NodeJS.ErrnoException).code;
  }
  return { type: error.name, message: causes.join(': '), ...(typeof code === 'string' ? { code } : {}) };
}

async function rendererForPeople(colours: boolean): Promise<(line: string) => string> {
  const { default: pretty } = await import('pino-pretty');
  return pretty.prettyFactory({
    colorize: colours,
    // With date and zone: a terminal keeps lines for days, and the other nodes may be elsewhere.
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l o',
    // The message says it all; the fields are for machines.
    hideObject: true,
    ignore: 'pid,hostname',
  });
}
