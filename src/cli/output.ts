import type { Paint } from '../text/paint.js';

/** Where a command for people writes to. */
export interface Output {
  readonly paint: Paint;
  out(text: string): void;
  /** What is beside the result. */
  note(line: string): void;
}

/** One that may be drawn on. */
export interface Screen extends Output {
  /** Of a terminal that can draw; null where it is none. */
  size(): { readonly columns: number; readonly rows: number } | null;
  /** Hears that the size has changed. */
  onResize(listener: () => void): void;
}
