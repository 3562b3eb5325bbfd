/** What nft said of a masquerade table in every state, captured on Debian's kernel by captured/capture-nft. */
import { readFileSync } from 'node:fs';

const FILE = new URL('../../../test/host/captured/nft-1.0.6.txt', import.meta.url);

const captures = new Map(
  readFileSync(FILE, 'utf8')
    .split(/^== /m)
    .slice(1)
    .map((capture) => {
      const end = capture.indexOf('\n');
      return [capture.slice(0, end), capture.slice(end + 1)] as const;
    }),
);

export function captured(what: string): string {
  const capture = captures.get(what);
  if (capture === undefined) throw new Error(`nothing was captured of: ${what}`);
  return capture;
}
