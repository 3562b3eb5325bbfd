import { createRequire } from 'node:module';
import { arch } from 'node:os';

import type { Addon } from './contract.js';

/** As package.json names it, wherever in the package this code runs: the addon that was built here. */
const BUILT = '#addon';
/** The one that the package contains for this kind of machine, with libnl beside it. */
const PREBUILT = `#prebuilt/linux-${arch()}/netlink.node`;
const TO_BUILD = 'apt-get install -y g++ make python3 pkg-config libnl-3-dev libnl-genl-3-dev';

/** The native addon. Throws one line that says what to do if there is none for this machine, or if it does not load. */
export function loadAddon(): Addon {
  try {
    // Node keeps loaded modules: only the first call in each thread loads.
    return loadOne(BUILT) ?? loadOne(PREBUILT) ?? missing();
  } catch (error) {
    throw error instanceof MissingAddon ? error : new Error(explain(error), { cause: error });
  }
}

/** null if the package does not have it. */
function loadOne(name: string): Addon | null {
  try {
    return createRequire(import.meta.url)(name) as Addon;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

class MissingAddon extends Error {}

function missing(): never {
  throw new MissingAddon(
    `netlink-ts: the native addon is not built: ${TO_BUILD}; then \`npm rebuild -g lvscare\`, in a clone \`npm run build:addon\``,
  );
}

function explain(error: unknown): string {
  const { message } = error as Error;
  const what = message.includes('libnl')
    ? 'apt-get install -y libnl-3-200 libnl-genl-3-200'
    : `build it for this machine: ${TO_BUILD}; then \`npm rebuild -g lvscare --build-from-source\``;
  return `netlink-ts: the native addon does not load (${what}): ${message}`;
}
