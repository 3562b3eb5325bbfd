import { constants, readFileSync, statSync, type Stats } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';

/** More than any file needs that lvscare reads. A kernel's list of module aliases may have more than 1 MiB. */
const MAX_BYTES = 4 << 20;

/** The path names something that is not a file to read as a whole. */
export class UnsuitableFile extends Error {
  override name = 'UnsuitableFile';

  /** What the path should name: `a regular file`. */
  readonly expected: string;

  constructor(expected: string) {
    super(`expected ${expected}`);
    this.expected = expected;
  }
}

/** The text of a regular file. Rejects with an {@link UnsuitableFile}, or with the error of the file system. */
export async function readRegularFile(path: string): Promise<string> {
  refuseUnsuitable(await stat(path));
  return await readFile(path, 'utf8');
}

/** The same as {@link readRegularFile}, for options, which are read before anything runs. */
export function readRegularFileSync(path: string): string {
  refuseUnsuitable(statSync(path));
  return readFileSync(path, 'utf8');
}

/**
 * The text of a regular file that another program named: no more of it than the size that it has on opening, so nothing of what the
 * kernel makes up as it is read, such as /proc/kmsg, where a read may never end. Rejects as {@link readRegularFile}.
 */
export async function readStoredFile(path: string): Promise<string> {
  // Without O_NONBLOCK, opening a pipe waits for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    refuseUnsuitable(stats);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(stats.size), 0, stats.size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A pipe can be read only once, and may never end. */
function refuseUnsuitable(stats: Stats): void {
  if (!stats.isFile()) throw new UnsuitableFile('a regular file');
  if (stats.size > MAX_BYTES) throw new UnsuitableFile(`a file of at most ${MAX_BYTES >> 20} MiB`);
}
