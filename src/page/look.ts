import type { CountedTable } from '../core/counters.js';

/** What a look at one virtual server in the kernel's table found. */
export type TableLook =
  | { readonly kind: 'read'; readonly table: CountedTable }
  | { readonly kind: 'unreadable'; readonly why: string };
