import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunDirectory } from './run-directory.js';

/** Since when real servers are drained by hand, in milliseconds since 1970, by their text. */
type Drained = ReadonlyMap<string, number>;

/** Remembers which real servers of a virtual server are drained by hand, until the next reboot. */
export interface DrainedFile {
  /** None where there is no such file, or none that makes sense. */
  read(): Promise<Drained>;
  /** One after the other, the last one last. Rejects with the error of the file system. */
  write(drained: Drained): Promise<void>;
}

export function drainedFile(directory: RunDirectory, virtualServer: string): DrainedFile {
  const file = directory.file(virtualServer, 'drained');
  let writing: Promise<void> = Promise.resolve();
  return {
    read: () => readFile(file, 'utf8').then(parse, () => new Map()),
    write(drained) {
      const text = `${JSON.stringify(Object.fromEntries(drained))}\n`;
      const written = writing.then(async () => {
        if (drained.size === 0) await rm(file, { force: true });
        else await replace(directory, file, text);
      });
      writing = written.catch(() => undefined);
      return written;
    },
  };
}

/** Whole or not at all, whenever we are killed, and whoever else writes at the same time. */
async function replace(directory: RunDirectory, file: string, text: string): Promise<void> {
  await directory.make();
  const drafts = await mkdtemp(join(directory.path, 'draft-'));
  try {
    const draft = join(drafts, 'drained');
    await writeFile(draft, text);
    await rename(draft, file);
  } finally {
    await rm(drafts, { recursive: true, force: true });
  }
}

function parse(text: string): Drained {
  try {
    const drained = JSON.parse(text) as unknown;
    if (typeof drained !== 'object' || drained === null || Array.isArray(drained)) return new Map();
    return new Map(
      Object.entries(drained).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
    );
  } catch {
    return new Map();
  }
}
