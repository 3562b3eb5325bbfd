import type { Option } from '../config/option.js';
import type { Arguments } from '../config/settings.js';

/**
 * The given options as arguments of `lvscare care`, in the order of `options`: `--flag=value`, with an argument for each element
 * of a list. Options without an effect are left out.
 */
export function careArguments(given: Arguments, options: readonly Option[]): string[] {
  return options
    .filter(({ hidden }) => hidden !== true)
    .flatMap(({ flag, kind }) => {
      const texts = [given[flag] ?? []].flat();
      const values = kind === 'list' ? texts.flatMap((text) => elements(flag, text)) : texts.slice(-1);
      return values.map((value) => `--${flag}=${value}`);
    });
}

/** Headers stay together: commas in them have another meaning. */
function elements(flag: string, text: string): string[] {
  if (flag === 'health-req-headers') return [text];
  return text
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
}
