import type { Arguments } from '../config/settings.js';

/** An option of `lvscare care`, as far as it matters here. */
interface CareOption {
  readonly flag: string;
  readonly kind: 'text' | 'list' | 'switch';
  readonly hidden?: true;
}

/**
 * The arguments of `lvscare care` for what was given: `--flag=value`, each element of a list in one of its own, in the order
 * of `options`. What has no effect is left out.
 */
export function careArguments(given: Arguments, options: readonly CareOption[]): string[] {
  return options
    .filter(({ hidden }) => hidden !== true)
    .flatMap(({ flag, kind }) => {
      const texts = [given[flag] ?? []].flat();
      const values = kind === 'list' ? texts.flatMap((text) => elements(flag, text)) : texts.slice(-1);
      return values.map((value) => `--${flag}=${value}`);
    });
}

/** Headers stay together: their commas have rules of their own. */
function elements(flag: string, text: string): string[] {
  if (flag === 'health-req-headers') return [text];
  return text
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
}
