/** What a run and its observer say to each other. */
import type { Weights } from '../../lab/ip-vs.js';

/** Where to look. */
export type Source =
  | { readonly kind: 'ip_vs'; readonly virtualServer: string }
  /** HAProxy's stats socket. */
  | { readonly kind: 'haproxy'; readonly socket: string; readonly backend: string };

export interface ObserverOptions {
  readonly source: Source;
  readonly everyMs: number;
}

export type ObserverEvent =
  /** The table, when it was first read and whenever it has changed. */
  | { readonly kind: 'table'; readonly atMs: number; readonly weights: Weights }
  | { readonly kind: 'failed'; readonly why: string };
