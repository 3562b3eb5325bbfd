import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
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
  /** All that can be read; none where there is no record. */
  list(): Promise<readonly Made[]>;
  /** Rejects with the error of the file system. */
  write(made: Made): Promise<void>;
  /** All that is kept of it. */
  forget(virtualServer: string): Promise<void>;
}

/**
 * A small file for each virtual server, in a directory for each network namespace. What they say is what is ours beside
 * what the arguments of the day name; nothing of it is needed to take care.
 */
export function records(directory = runDirectory()): Records {
  return {
    async list() {
      const names = await readdir(directory.path).catch(() => []);
      const texts = names.filter((name) => name.endsWith('.json')).map((name) => join(directory.path, name));
      const made = await Promise.all(texts.map((file) => readFile(file, 'utf8').then(parse, () => null)));
      return made.filter((one) => one !== null);
    },
    async write(made) {
      await mkdir(directory.path, { recursive: true });
      const file = directory.file(made.virtualServer, 'json');
      // Whole or not at all, whenever we are killed.
      const draft = `${file}.draft`;
      await writeFile(draft, `${JSON.stringify(made)}\n`);
      await rename(draft, file);
    },
    forget: (virtualServer) => directory.forget(virtualServer),
  };
}

/** null for what is no record: half a disk's worth of zeros, another program's file. */
function parse(text: string): Made | null {
  try {
    const { virtualServer, realServers, ways, sysctls } = JSON.parse(text) as Partial<
      Record<keyof Made, unknown>
    >;
    if (typeof virtualServer !== 'string' || !isTexts(realServers) || !isSysctls(sysctls)) return null;
    if (!Array.isArray(ways) || !ways.every(isWay)) return null;
    return { virtualServer, realServers, ways, sysctls };
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
