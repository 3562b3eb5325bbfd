/** The lines of a hosts file: an address, and its names. */
export function hostsEntries(
  text: string,
): readonly { readonly address: string; readonly names: readonly string[] }[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .flatMap(([address = '', ...names]) => (names.length === 0 ? [] : [{ address, names }]));
}
