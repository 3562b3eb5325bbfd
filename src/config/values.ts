import { validateHeaderName, validateHeaderValue } from 'node:http';
import { FEWEST_PORTS, type SourcePortChoice } from '../values/source-ports.js';
import { milliseconds } from './duration.js';
import { UsageError, type Parser } from './usage-error.js';

export function integerParser(least: number, most: number): Parser<number> {
  return (text, option) => {
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!(value >= least && value <= most)) {
      throw new UsageError(option, `a whole number from ${least} to ${most}`, text);
    }
    return value;
  };
}

export function choiceParser<Choice extends string>(choices: readonly Choice[]): Parser<Choice> {
  return (text, option) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new UsageError(option, `one of ${choices.join(', ')}`, text);
    return found;
  };
}

/** As Go's strconv.ParseBool. */
export const parseBoolean: Parser<boolean> = (text, option) => {
  if (['1', 't', 'T', 'true', 'True', 'TRUE'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'False', 'FALSE'].includes(text)) return false;
  throw new UsageError(option, 'true or false', text);
};

/** In hours: the kernel counts to 2^31 ticks, of which there are at most 1000 a second. */
const LONGEST_TIMEOUT_H = 596;

/** The TCP timeout of IPVS in seconds, or null for 0. */
export const parseTcpTimeout: Parser<number | null> = (text, option) => {
  const seconds = (milliseconds(text) ?? NaN) / 1000;
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > LONGEST_TIMEOUT_H * 3600) {
    const expected = `whole seconds such as 7500 or 2h5m, from 1s to ${LONGEST_TIMEOUT_H}h, or 0 to leave it as it is`;
    throw new UsageError(option, expected, text);
  }
  return seconds === 0 ? null : seconds;
};

/** An option and its value; whether there is such an option, and takes such a value, is not checked here. */
export const parseAssignment: Parser<{ readonly name: string; readonly value: string }> = (text, option) => {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0)).replace(/^--?/, '');
  if (name === '') throw new UsageError(option, 'NAME=VALUE, such as fall=3', text);
  return { name, value: text.slice(equals + 1) };
};

/** The name of a scheduler, which is the kernel's to know: `ip_vs_NAME` is its module. */
export const parseScheduler: Parser<string> = (text, option) => {
  if (!/^[a-z0-9_]{1,15}$/.test(text)) {
    throw new UsageError(option, 'an IPVS scheduler such as rr, wrr, lc, wlc, sh or mh', text);
  }
  return text;
};

const LEVELS = {
  DEBG: 'debug',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  WARNING: 'warn',
  ERROR: 'error',
  ERRO: 'error',
} as const;
export type LogLevel = (typeof LEVELS)[keyof typeof LEVELS];

/** A log level in the Go program's spelling or in the usual one, in any case. */
export const parseLogLevel: Parser<LogLevel> = (text, option) => {
  const level = (LEVELS as Readonly<Record<string, LogLevel | undefined>>)[text.toUpperCase()];
  if (level === undefined) throw new UsageError(option, 'one of DEBUG, INFO, WARN, ERROR', text);
  return level;
};

export const parseSourcePorts: Parser<SourcePortChoice> = (text, option) => {
  if (text === 'auto' || text === 'kernel') return text;
  const [first = NaN, last = NaN] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).slice(1).map(Number);
  if (!(first >= 1024 && last <= 65535 && last - first + 1 >= FEWEST_PORTS))
    throw new UsageError(
      option,
      `auto, kernel or FIRST-LAST, at least ${FEWEST_PORTS} ports from 1024 to 65535`,
      text,
    );
  return { first, last };
};

/** A path with an optional query, which stays as it is. A missing leading slash is added. */
export const parsePath: Parser<string> = (text, option) => {
  if (!/^[\x21-\x7e]*$/.test(text) || text.includes('#')) {
    throw new UsageError(option, 'a path with an optional query, percent-encoded', text);
  }
  return text.startsWith('/') ? text : `/${text}`;
};

/** An HTTP method, in upper case. */
export const parseMethod: Parser<string> = (text, option) => {
  if (!/^[A-Za-z]{1,20}$/.test(text) || text.toUpperCase() === 'CONNECT') {
    throw new UsageError(option, 'an HTTP method such as GET or HEAD', text);
  }
  return text.toUpperCase();
};

/** Headers that belong to the connection and the framing of a message: HTTP's own business, and no setting. */
const OF_THE_TRANSPORT = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Takes `name=value,name2=value2` apart as the Go program does: a text with one `=` is one header, whatever commas are in
 * its value; among several, one whose value has commas is in double quotes: `"a=1,2",b=3`.
 */
export function splitHeaders(text: string): readonly string[] {
  if (text.split('=').length <= 2) return [text.replace(/^"(.*)"$/s, '$1')];
  const fields = text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"(?=,|$)|([^,]*))/g);
  return [...fields].map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain);
}

/** `name=value`, one header. Its name is given in lower case, so that one name has one value. */
export const parseHeader: Parser<readonly [string, string]> = (text, option) => {
  const at = text.indexOf('=');
  const [name, value] = [text.slice(0, at).toLowerCase(), text.slice(at + 1)];
  try {
    if (at < 1) throw new TypeError('no name');
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw new UsageError(option, 'headers as name=value,name2=value2', withoutValue(text));
  }
  if (OF_THE_TRANSPORT.has(name)) {
    throw new UsageError(option, 'headers other than those that HTTP sets by itself', text);
  }
  return [name, value];
};

/** A header for a message: its value may be a secret. */
function withoutValue(text: string): string {
  const [name = ''] = /^[^=:\s]*/.exec(text) ?? [];
  return name === text ? text : `${name}=...`;
}
