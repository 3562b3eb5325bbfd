/** The word that a misspelled one most likely means, or null if none is near. */
export function nearest(word: string, words: readonly string[]): string | null {
  const [best] = words
    .map((known) => ({ known, edits: editsBetween(word.toLowerCase(), known.toLowerCase()) }))
    .filter(({ known, edits }) => edits <= Math.max(1, Math.floor(known.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  return best?.known ?? null;
}

/** More than any option has: a longer word is no misspelled one. */
const MOST_CHARACTERS = 40;

/** How many characters must be added, removed or replaced (Levenshtein distance). */
function editsBetween(one: string, other: string): number {
  if (one.length > MOST_CHARACTERS) return Infinity;
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at += 1) {
    const next = [at];
    for (let to = 1; to <= other.length; to += 1) {
      const replaced = (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? Infinity;
}
