import type { Upkeep, Work } from '../control-loop/ports.js';

/**
 * What an earlier start made and this one does not want. It is to be gone, but only once today's way is there: as the last
 * of the upkeeps it comes after that.
 *
 * @param isDue Whether what is wanted instead is there, and nobody is at work on this. Asked each time.
 * @param onGone Hears that all of it is gone.
 */
export function leftover(
  name: string,
  works: readonly Work[],
  isDue: () => Promise<boolean>,
  onGone: () => Promise<void>,
): Upkeep {
  let gone = false;

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
    isRemoval: true,
    async check() {
      if (gone || !(await isDue())) return null;
      const found = await find();
      if (found !== null) return `${found}, from an earlier start`;
      await onGone();
      gone = true;
      return null;
    },
    async mend() {
      await remove();
      await onGone();
      gone = true;
    },
    find,
    remove,
  };
}
