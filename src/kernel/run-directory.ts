import { readlinkSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = '/run/lvscare';

/** What is kept of a virtual server: what was made for it, who is drained, and where its lvscare can be asked. */
const KINDS = ['json', 'drained', 'sock'] as const;

/** Where lvscare keeps small files for each virtual server of this network namespace: gone after a reboot. */
export interface RunDirectory {
  readonly path: string;
  /** `/run/lvscare/4026531840/10.103.97.2:6443.json` */
  file(virtualServer: string, kind: (typeof KINDS)[number]): string;
  /** The names of all virtual servers with a file here, as far as file names can be believed. */
  names(): Promise<readonly string[]>;
  /** Makes the directory, if it is not there. Rejects with the error of the file system. */
  make(): Promise<void>;
  /** Removes every file of a virtual server. */
  forget(virtualServer: string): Promise<void>;
}

export function runDirectory(root = ROOT, namespace = networkNamespace()): RunDirectory {
  const path = join(root, namespace);
  const file: RunDirectory['file'] = (virtualServer, kind) => join(path, `${virtualServer}.${kind}`);
  return {
    path,
    file,
    async names() {
      const found = await readdir(path).catch(() => []);
      const names = found.flatMap((name) => KINDS.flatMap((kind) => withoutEnd(name, `.${kind}`)));
      return [...new Set(names)].sort();
    },
    async make() {
      try {
        await mkdir(path, { recursive: true });
      } catch (error) {
        // Of a file system that is read-only Node says ENOENT then; to make one alone fails for the reason that there is.
        for (const one of [root, path]) await mkdir(one).catch(unlessThere);
        throw error;
      }
    },
    async forget(virtualServer) {
      for (const kind of KINDS) await rm(file(virtualServer, kind), { force: true });
    },
  };
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
