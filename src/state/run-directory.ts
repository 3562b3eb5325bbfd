import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = '/run/lvscare';

/** What is kept of a virtual server: what was made for it, who is drained, and where its lvscare can be asked. */
const KINDS = ['json', 'drained', 'sock'] as const;

/**
 * Where lvscare keeps small files for each virtual server of this network namespace, for this boot: those of another, which are
 * still there where `/run` is a disk, count for nothing.
 */
export interface RunDirectory {
  readonly path: string;
  /** `/run/lvscare/4026531840/10.103.97.2:6443.json` */
  file(virtualServer: string, kind: (typeof KINDS)[number]): string;
  /** The names of all virtual servers with a file here, as far as file names can be believed. */
  names(): Promise<readonly string[]>;
  /** What was written during this boot; null where nothing was, or nothing that makes sense. */
  read(virtualServer: string, kind: Written): Promise<Values | null>;
  /**
   * Whole or not at all, whenever we are killed, and whoever else writes at the same time. Makes the directory, if it is not
   * there. Rejects with the error of the file system.
   */
  write(virtualServer: string, kind: Written, values: Values): Promise<void>;
  /** Makes the directory, if it is not there. Rejects with the error of the file system. */
  make(): Promise<void>;
  /** Removes every file of a virtual server. */
  forget(virtualServer: string): Promise<void>;
}

type Written = Exclude<(typeof KINDS)[number], 'sock'>;
type Values = Readonly<Record<string, unknown>>;

export function runDirectory(root = ROOT, namespace = networkNamespace(), boot = bootId()): RunDirectory {
  const path = join(root, namespace);
  const file: RunDirectory['file'] = (virtualServer, kind) => join(path, `${virtualServer}.${kind}`);
  const make = async (): Promise<void> => {
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      // Of a file system that is read-only Node says ENOENT then; to make one alone fails for the reason that there is.
      for (const one of [root, path]) await mkdir(one).catch(unlessThere);
      throw error;
    }
  };
  return {
    path,
    file,
    make,
    async names() {
      const found = await readdir(path).catch(() => []);
      const names = found.flatMap((name) => KINDS.flatMap((kind) => withoutEnd(name, `.${kind}`)));
      return [...new Set(names)].sort();
    },
    async read(virtualServer, kind) {
      const values = await readFile(file(virtualServer, kind), 'utf8').then(parse, () => null);
      return values?.['boot'] === boot ? values : null;
    },
    async write(virtualServer, kind, values) {
      await make();
      const drafts = await mkdtemp(join(path, 'draft-'));
      try {
        const draft = join(drafts, kind);
        await writeFile(draft, `${JSON.stringify({ ...values, boot })}\n`);
        await rename(draft, file(virtualServer, kind));
      } finally {
        await rm(drafts, { recursive: true, force: true });
      }
    },
    async forget(virtualServer) {
      for (const kind of KINDS) await rm(file(virtualServer, kind), { force: true });
    },
  };
}

/** null for what is none of ours: half a disk's worth of zeros, another program's file. */
function parse(text: string): Values | null {
  try {
    const values = JSON.parse(text) as unknown;
    return typeof values === 'object' && values !== null && !Array.isArray(values)
      ? (values as Values)
      : null;
  } catch {
    return null;
  }
}

function unlessThere(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
}

function withoutEnd(name: string, end: string): string[] {
  return name.endsWith(end) ? [name.slice(0, -end.length)] : [];
}

/** What tells this network namespace from others of the same boot: its inode number. */
function networkNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0] ?? 'net';
  } catch {
    return 'net';
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
