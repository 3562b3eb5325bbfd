import { readFileSync, statSync } from 'node:fs';
import { UsageError } from './usage-error.js';

const MOST_BYTES = 1 << 20;

/** The text of a file that an option names. Throws a UsageError for what is no file to read as a whole. */
export function readTextFile(path: string, option: string): string {
  try {
    const stats = statSync(path);
    // A pipe could be read only once, and may never end.
    if (!stats.isFile()) throw new UsageError(option, 'a regular file', path);
    if (stats.size > MOST_BYTES) throw new UsageError(option, 'a file of at most 1 MiB', path);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new UsageError(option, `a readable file (${why})`, path);
  }
}
