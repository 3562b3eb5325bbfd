import type { Upkeep, Work } from '../care/ports.js';

/**
 * What an earlier start made and this one does not want. It is to be gone, but only once today's way is there: as the last
 * of the upkeeps it comes after that.
 *
 * @param onGone Hears that all of it is gone.
 */
export function leftover(name: string, works: readonly Work[], onGone: () => Promise<void>): Upkeep {
  async function find(): Promise<string | null> {
    for (const work of works) {
      const found = await work.find();
      if (found !== null) return found;
    }
    return null;
  }

  async function remove(): Promise<string | null> {
    const taken: string[] = [];
    for (const work of works.toReversed()) {
      const what = await work.remove();
      if (what !== null) taken.push(what);
    }
    return taken.length === 0 ? null : taken.join(', ');
  }

  return {
    name,
    async check() {
      const found = await find();
      return found === null ? null : `${found} is left from an earlier start`;
    },
    async mend() {
      await remove();
      await onGone();
    },
    find,
    remove,
  };
}
