import type { HostResource, Work } from '../control-loop/ports.js';
import type { ReachMode } from './reach-mode.js';

/**
 * What an earlier start created for another mode. It is removed once, and only when the current mode is set up: so it is the
 * last of the host resources.
 *
 * @param earlier The earlier mode.
 * @param resources Of the earlier mode, in the order in which they are created.
 * @param isDue Whether the current mode is set up, and no other virtual server needs the earlier one. Asked each time.
 * @param onGone Called when all of it is gone.
 */
export function supersededMode(
  earlier: ReachMode,
  resources: readonly Work[],
  isDue: () => Promise<boolean>,
  onGone: () => Promise<void>,
): HostResource {
  let gone = false;
  const isGone = async (): Promise<void> => {
    await onGone();
    gone = true;
  };

  async function find(): Promise<string | null> {
    for (const resource of resources) {
      const found = await resource.find();
      if (found !== null) return found;
    }
    return null;
  }

  async function remove(): Promise<string | null> {
    const removed: string[] = [];
    for (const resource of resources.toReversed()) {
      const what = await resource.remove();
      if (what !== null) removed.push(what);
    }
    return removed.length === 0 ? null : removed.join(', ');
  }

  return {
    name: earlier.mode === 'link' ? `earlier interface ${earlier.iface}` : `earlier mode ${earlier.mode}`,
    isRemoval: true,
    async verify() {
      if (gone || !(await isDue())) return null;
      const found = await find();
      if (found !== null) return `${found}, from an earlier start`;
      await isGone();
      return null;
    },
    async repair() {
      await remove();
      await isGone();
    },
    find,
    remove,
  };
}
