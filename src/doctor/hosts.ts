import { textOf, type Files } from './ports.js';

/** The lines of /etc/hosts; none when there is no such file. */
export async function hostsEntries(
  files: Files,
): Promise<readonly { readonly address: string; readonly names: readonly string[] }[]> {
  const text = (await textOf(files, '/etc/hosts')) ?? '';
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .flatMap(([address = '', ...names]) => (names.length === 0 ? [] : [{ address, names }]));
}
