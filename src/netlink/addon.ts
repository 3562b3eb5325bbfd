import { createRequire } from 'node:module';

import type { Addon } from './contract.js';

/** As package.json names it, wherever in the package this code runs. */
const ADDON = '#addon';

/** The native addon. Throws one line that says what to do if it was not built or its libraries are missing. */
export function loadAddon(): Addon {
  try {
    // Node keeps loaded modules: only the first call in each thread loads.
    return createRequire(import.meta.url)(ADDON) as Addon;
  } catch (error) {
    throw new Error(explain(error), { cause: error });
  }
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'MODULE_NOT_FOUND'
    ? 'netlink-ts: the native addon is not built: run `npm run build:addon` (needs libnl-3-dev and libnl-genl-3-dev)'
    : `netlink-ts: the native addon does not load (needs libnl-3-200 and libnl-genl-3-200): ${message}`;
}
