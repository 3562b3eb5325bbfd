import { isScalar, isSeq, type Scalar } from 'yaml';
import type { Option } from '../config/option.js';
import { lvscareContainer } from './set-image.js';
import { unexpanded } from './pod.js';
import { scalar } from './yaml-scalar.js';

/** A change of the arguments of `lvscare care` in a manifest. */
export type Edit =
  /** Replaces every value of the option. */
  | { readonly kind: 'set'; readonly option: Option; readonly value: string }
  /** One element of the list; `is` recognizes it however it is spelled. */
  | { readonly kind: 'add'; readonly option: Option; readonly value: string }
  | { readonly kind: 'remove'; readonly option: Option; readonly is: (element: string) => boolean };

/** An option among the arguments. */
interface GivenOption {
  readonly flag: string;
  readonly value: string;
  /** The arguments that give it, the first and the last: two for `--rs X`. */
  readonly first: number;
  readonly last: number;
  /** What precedes the value in the last one: `--rs=`. */
  readonly before: string;
}

/** The options of `lvscare care` in a manifest's text. Throws an Error for a text that is not a pod with an lvscare container. */
export function optionsIn(text: string, options: readonly Option[]): readonly GivenOption[] {
  const args = argumentsIn(text).map(({ value }) => value);
  const found: GivenOption[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const [, name = null, inline] = /^--?([A-Za-z][\w-]*)(?:=([^]*))?$/.exec(args[index] ?? '') ?? [];
    const option = options.find(
      ({ flag, aliases = [] }) => flag === name || aliases.some((alias) => alias === name),
    );
    if (name === null || option === undefined) continue;
    const argument = args[index] ?? '';
    const first = index;
    if (inline === undefined && option.kind !== 'switch') index += 1;
    const before = inline === undefined ? '' : argument.slice(0, argument.length - inline.length);
    const value = inline ?? (option.kind === 'switch' ? 'true' : (args[index] ?? ''));
    found.push({ flag: option.flag, value: value.replaceAll('$$', '$'), first, last: index, before });
  }
  return found;
}

/**
 * A manifest with changed arguments in its lvscare container, and every other line unchanged. Throws an Error for a text that is not a
 * pod with such a container, or whose arguments are not on lines of their own.
 *
 * @param text YAML.
 * @param options All of `lvscare care`.
 */
export function withEdit(text: string, edit: Edit, options: readonly Option[]): string {
  const { option } = edit;
  const given = optionsIn(text, options).filter(({ flag }) => flag === option.flag);
  const last = given.at(-1);
  switch (edit.kind) {
    case 'add':
      return insertAfter(
        text,
        last?.last ?? argumentsIn(text).length - 1,
        `--${option.flag}=${unexpanded(edit.value)}`,
      );
    case 'set': {
      if (last === undefined)
        return insertAfter(text, argumentsIn(text).length - 1, `--${option.flag}=${unexpanded(edit.value)}`);
      const isOne = given.length === 1 || option.kind !== 'list';
      if (isOne && last.value === edit.value) return text;
      const changed = replaceValue(text, last, edit.value, option);
      // From the last to the first, so that the places of those before stay.
      const others = option.kind === 'list' ? given.slice(0, -1).toReversed() : [];
      return others.reduce(removeOption, changed);
    }
    case 'remove':
      return given.toReversed().reduce((before, one) => {
        const elements = one.value.split(',').map((element) => element.trim());
        const rest = elements.filter((element) => !edit.is(element));
        if (rest.length === elements.length) return before;
        return rest.length === 0
          ? removeOption(before, one)
          : replaceValue(before, one, rest.join(','), option);
      }, text);
  }
}

function argumentsIn(text: string): readonly Scalar<string>[] {
  const list = lvscareContainer(text).get('args');
  if (!isSeq(list) || list.items.length === 0) throw new Error('its lvscare container has no arguments');
  return list.items.map((item) => {
    if (!isScalar<string>(item) || typeof item.value !== 'string')
      throw new Error('an argument of its lvscare container is not text');
    return item;
  });
}

interface Place {
  readonly lineStart: number;
  /** Where the value begins, and ends. */
  readonly start: number;
  readonly end: number;
  /** After the line end. */
  readonly lineEnd: number;
}

/** Where an argument is, alone on its line. */
function placeOf(text: string, index: number): Place {
  const item = argumentsIn(text)[index];
  const [start, end] = item?.range ?? [0, 0];
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const newline = text.indexOf('\n', end);
  const place = { lineStart, start, end, lineEnd: newline === -1 ? text.length : newline + 1 };
  const isAlone =
    item?.anchor === undefined &&
    /^ *- +$/.test(text.slice(lineStart, start)) &&
    !text.slice(start, end).includes('\n') &&
    /^[ \t]*(#.*)?\r?\n?$/.test(text.slice(end, place.lineEnd));
  if (!isAlone)
    throw new Error('its arguments are not each on a line of its own, so they cannot be changed in place');
  return place;
}

function insertAfter(text: string, index: number, argument: string): string {
  const { lineStart, start, lineEnd } = placeOf(text, index);
  const line = text.slice(lineStart, start) + scalar(argument);
  const before = text.slice(0, lineEnd);
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  return before.endsWith('\n')
    ? before + line + newline + text.slice(lineEnd)
    : before + newline + line + text.slice(lineEnd);
}

function replaceValue(
  text: string,
  { first, last, before }: GivenOption,
  value: string,
  option: Option,
): string {
  const { start, end } = placeOf(text, last);
  const prefix = first === last && before === '' && option.kind === 'switch' ? `--${option.flag}=` : before;
  return text.slice(0, start) + scalar(prefix + unexpanded(value)) + text.slice(end);
}

function removeOption(text: string, { first, last }: GivenOption): string {
  const [from, to] = [placeOf(text, first).lineStart, placeOf(text, last).lineEnd];
  return text.slice(0, from) + text.slice(to);
}
