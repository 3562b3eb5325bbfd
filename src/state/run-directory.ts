import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegularFile } from '../files/regular-file.js';
import { replaceFile } from '../files/replace-file.js';

const ROOT = '/run/lvscare';

/** The files of a virtual server: its ownership record, its drains, and the socket of its lvscare. */
const KINDS = ['json', 'drained', 'sock'] as const;

/** A file of a virtual server; or of a sysctl or a timeout by its name: the value that it had before lvscare set it. */
type Kind = (typeof KINDS)[number] | 'sysctl' | 'timeout';
type WrittenKind = Exclude<Kind, 'sock'>;
type Values = Readonly<Record<string, unknown>>;

/** Readable for every user, as the kernel's own tables are. */
const MODE = 0o644;
/** Not what the umask leaves, which is 0 for some supervisors: then every user could write here. */
const DIRECTORY_MODE = 0o755;

/** Where lvscare keeps small files for this network namespace until the next boot, also where `/run` is a disk. */
export interface RunDirectory {
  readonly path: string;
  /** `/run/lvscare/4026531840/10.103.97.2:6443.json` */
  file(name: string, kind: Kind): string;
  /** The file names of all virtual servers, which may not be those of virtual servers. */
  names(): Promise<readonly string[]>;
  /** What was written during this boot, or null if there is nothing, or nothing that can be parsed. */
  read(name: string, kind: WrittenKind): Promise<Values | null>;
  /** Replaces a file in one step, and creates the directory. Rejects with the error of the file system. */
  write(name: string, kind: WrittenKind, values: Values): Promise<void>;
  /** Creates the directory. Rejects with the error of the file system. */
  make(): Promise<void>;
  /** Removes every file of a virtual server. */
  forget(virtualServer: string): Promise<void>;
}

export function runDirectory(root = ROOT, namespace = networkNamespace(), boot = bootId()): RunDirectory {
  const path = join(root, namespace);
  const file: RunDirectory['file'] = (name, kind) => join(path, `${name}.${kind}`);
  const make = async (): Promise<void> => {
    try {
      await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
    } catch (error) {
      // On a read-only file system a recursive mkdir fails with ENOENT in Node; one that is not recursive gives the reason.
      for (const one of [root, path]) await mkdir(one, DIRECTORY_MODE).catch(unlessThere);
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
    async read(name, kind) {
      const values = await readRegularFile(file(name, kind)).then(parse, () => null);
      return values?.['boot'] === boot ? values : null;
    },
    async write(name, kind, values) {
      await make();
      await replaceFile(file(name, kind), `${JSON.stringify({ ...values, boot })}\n`, MODE);
    },
    async forget(virtualServer) {
      for (const kind of KINDS) await rm(file(virtualServer, kind), { force: true });
    },
  };
}

/** The object in a text, or null if there is none: zeros after a power cut, or the file of another program. */
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

/** The inode number of this network namespace, which differs from that of every other one of the same boot. */
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
