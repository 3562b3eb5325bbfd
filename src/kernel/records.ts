import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runDirectory } from './run-directory.js';
import { isWay, type Way } from './way.js';

/** What lvscare made for one virtual server, as far as the kernel cannot tell that it was lvscare. */
export interface Made {
  /** As `--vs` has it, in canonical form. */
  readonly virtualServer: string;
  readonly realServers: readonly string[];
  /** Each way to it that may still be there, today's the last. */
  readonly ways: readonly Way[];
  /** The value that each sysctl had before lvscare set it, by its name. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** The records of all virtual servers of this network namespace. */
export interface Records {
  /** All of this boot that can be read; none where there is no record. */
  list(): Promise<readonly Made[]>;
  /** Rejects with the error of the file system. */
  write(made: Made): Promise<void>;
  forget(virtualServer: string): Promise<void>;
  /** What is another one each time that a virtual server's record was written; null if there is none. */
  stamp(virtualServer: string): Promise<string | null>;
}

/** A record as it is in its file. */
interface Filed {
  readonly made: Made;
  /** The boot that it is of: with that, all that it tells of is gone. */
  readonly boot: string;
}

/**
 * A small file for each virtual server, in a directory for each network namespace. What they say is what is ours beside
 * what the arguments of the day name; nothing of it is needed to take care. Those of another boot, which are still there
 * where `/run` is a disk, count for nothing. The kernel gives the number of a namespace that is gone to a new one: whoever
 * heeds a record looks whether what it tells of is there.
 */
export function records(directory = runDirectory(), boot = bootId()): Records {
  const fileOf = (virtualServer: string): string => directory.file(virtualServer, 'json');
  const read = async (file: string): Promise<Filed | null> => {
    const filed = await readFile(file, 'utf8').then(parse, () => null);
    return filed?.boot === boot ? filed : null;
  };
  return {
    async list() {
      const names = await readdir(directory.path).catch(() => []);
      const files = names.filter((name) => name.endsWith('.json')).map((name) => join(directory.path, name));
      const filed = await Promise.all(files.map(read));
      return filed.flatMap((one) => (one === null ? [] : [one.made]));
    },
    async write(made) {
      await directory.make();
      // Whole or not at all, whenever we are killed, and whoever else writes at the same time.
      const drafts = await mkdtemp(join(directory.path, 'draft-'));
      try {
        const draft = join(drafts, 'record');
        await writeFile(draft, `${JSON.stringify({ ...made, boot })}\n`);
        await rename(draft, fileOf(made.virtualServer));
      } finally {
        await rm(drafts, { recursive: true, force: true });
      }
    },
    forget: (virtualServer) => directory.forget(virtualServer),
    // Each is a file of its own.
    stamp: (virtualServer) =>
      stat(fileOf(virtualServer), { bigint: true }).then(
        ({ ino, mtimeNs }) => `${ino} ${mtimeNs}`,
        () => null,
      ),
  };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** null for what is no record: half a disk's worth of zeros, another program's file. */
function parse(text: string): Filed | null {
  try {
    const { virtualServer, realServers, ways, sysctls, boot } = JSON.parse(text) as Partial<
      Record<keyof Made | 'boot', unknown>
    >;
    if (typeof virtualServer !== 'string' || !isTexts(realServers) || !isSysctls(sysctls)) return null;
    if (!Array.isArray(ways) || !ways.every(isWay)) return null;
    if (typeof boot !== 'string') return null;
    return { made: { virtualServer, realServers, ways, sysctls }, boot };
  } catch {
    return null;
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isSysctls(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === 'object' && value !== null && isTexts(Object.values(value));
}
