import { randomUUID } from 'node:crypto';
import { open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readRegularFile } from './regular-file.js';

/**
 * Replaces a file in one step: a reader finds the old text or the new one, also after a power cut, and however many writers there
 * are. Owner and mode of an existing file stay, and so does a symbolic link to it. Resolves to whether the text was another one.
 *
 * @param mode Of a file that does not exist yet.
 */
export async function replaceFile(path: string, text: string, mode: number): Promise<boolean> {
  const target = await realpath(path).catch(ifMissing(path));
  const before = await readRegularFile(target).catch(ifMissing(null));
  if (before === text) return false;
  // kubelet reads every file of its directory except those whose names begin with a dot.
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  const file = await open(temporary, 'wx', mode);
  try {
    await fill(file, text, before === null ? null : await stat(target));
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(target));
  return true;
}

async function fill(
  file: FileHandle,
  text: string,
  like: { readonly uid: number; readonly gid: number; readonly mode: number } | null,
): Promise<void> {
  try {
    await file.writeFile(text);
    if (like !== null) {
      await file.chown(like.uid, like.gid);
      await file.chmod(like.mode & 0o7777);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

/** For a catch: a value instead of ENOENT. */
function ifMissing<Value>(value: Value): (error: unknown) => Value {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value;
    throw error;
  };
}
