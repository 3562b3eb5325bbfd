import { readRegularFileSync, UnsuitableFile } from '../files/regular-file.js';
import { UsageError } from './usage-error.js';

/** The text of a file that an option names. Throws a UsageError for a file that cannot be read as a whole. */
export function readTextFile(path: string, option: string): string {
  try {
    return readRegularFileSync(path);
  } catch (error) {
    if (error instanceof UnsuitableFile) throw new UsageError(option, error.expected, path);
    const why = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new UsageError(option, `a readable file (${why})`, path);
  }
}
