import { durationParser } from './duration.js';
import type { Parser } from './usage-error.js';
import { choiceParser, integerParser, parseBoolean } from './values.js';

/** An option of a command. The table of all of them is in options.ts. */
export interface Option {
  /** Without the dashes. */
  readonly flag: string;
  /** Further spellings. A single letter is a short option. */
  readonly aliases?: readonly string[];
  /** `list`: may be repeated and comma-joined. `switch`: needs no value. */
  readonly kind: 'text' | 'list' | 'switch';
  /** The values that it takes, in words, with their unit and range. */
  readonly takes: string;
  /** Of a list: parses one element. */
  readonly parse: Parser<unknown>;
  /** Of a list: splits a text into elements. Default: at commas. */
  readonly split?: (text: string) => readonly string[];
  /** The default, as the user would write it. An option without a default is null when it is not given. */
  readonly default?: string;
  /** What holds without the option if there is no fixed default, in words. */
  readonly otherwise?: string;
  /** Values that the shell completes. */
  readonly choices?: readonly string[];
  readonly help: string;
  /** The heading in the help, with a colon. */
  readonly group: string;
  /** Accepted without effect, for arguments that were written for another command or program. Not in the help. */
  readonly hidden?: true;
}

/** An option of `lvscare care`. */
export interface CareOption extends Option {
  readonly appliesTo: 'process' | 'virtual server' | 'real server';
  /** Whether a reload of the configuration may change it, without a restart. */
  readonly reloadable: boolean;
  /** The first version that has it. */
  readonly since: string;
}

/** What an option takes. */
interface Taken<Kind extends Option['kind'], Value> {
  readonly kind: Kind;
  readonly takes: string;
  readonly parse: Parser<Value>;
}

export function text<Value>(takes: string, parse: Parser<Value>): Taken<'text', Value> {
  return { kind: 'text', takes, parse };
}

export function list<Value>(takes: string, parse: Parser<Value>): Taken<'list', Value> {
  return { kind: 'list', takes, parse };
}

/** A time, in milliseconds. */
export function time(least: string, most: string): Taken<'text', number> {
  return text(`time, ${least} to ${most}`, durationParser(least, most));
}

export function integer(least: number, most: number): Taken<'text', number> {
  return text(`${least} to ${most}`, integerParser(least, most));
}

export function choice<const Choice extends string>(
  ...choices: readonly Choice[]
): Taken<'text', Choice> & Pick<Option, 'choices'> {
  return { ...text(choices.join(', '), choiceParser(choices)), choices };
}

export const asGiven: Parser<string> = (given) => given;

/** The path of a file, which is not opened yet. */
export const FILE = text('file', asGiven);

export const SWITCH = { kind: 'switch', takes: 'true or false', parse: parseBoolean } as const;

/** A switch that is off unless it is given. */
export const OFF = { ...SWITCH, default: 'false' } as const;

/** A parser that takes the empty text for `otherwise`. */
export function orEmpty<Value, const Otherwise>(
  otherwise: Otherwise,
  parse: Parser<Value>,
): Parser<Value | Otherwise> {
  return (given, option) => (given === '' ? otherwise : parse(given, option));
}
