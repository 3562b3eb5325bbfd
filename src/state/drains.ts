import { rm } from 'node:fs/promises';
import type { RunDirectory } from './run-directory.js';

/** Since when each drained real server is drained, in milliseconds since 1970, by its text. */
type Drained = ReadonlyMap<string, number>;

/** The real servers of a virtual server that are drained by hand, until the next boot. */
export interface DrainedFile {
  /** Empty if there is no such file, or if it cannot be parsed. */
  read(): Promise<Drained>;
  /** Writes of one process follow each other. Rejects with the error of the file system. */
  write(drained: Drained): Promise<void>;
}

export function drainedFile(directory: RunDirectory, virtualServer: string): DrainedFile {
  let writing: Promise<void> = Promise.resolve();
  return {
    read: async () => parse((await directory.read(virtualServer, 'drained'))?.['drained']),
    write(drained) {
      const written = writing.then(async () => {
        if (drained.size === 0) await rm(directory.file(virtualServer, 'drained'), { force: true });
        else await directory.write(virtualServer, 'drained', { drained: Object.fromEntries(drained) });
      });
      writing = written.catch(() => undefined);
      return written;
    },
  };
}

function parse(drained: unknown): Drained {
  if (typeof drained !== 'object' || drained === null || Array.isArray(drained)) return new Map();
  return new Map(
    Object.entries(drained).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}
