import type { Access } from '../../src/http/access.js';

/** Refuses no request. */
export const OPEN_ACCESS: Access = { refusal: () => Promise.resolve(null), headers: () => ({}) };
