import { randomUUID } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Of a file that was not there before: as kubeadm's, which may name secrets. */
const MODE = 0o600;

/**
 * Replaces a file in one step: whoever reads it finds the old text or the new one, also after a power cut. An owner and a mode that
 * it had stay, and so does a symbolic link to it. Resolves to whether anything was to be changed.
 */
export async function replaceFile(path: string, text: string): Promise<boolean> {
  const target = await resolved(path);
  const before = await readIfThere(target);
  if (before === text) return false;
  // The kubelet reads every file of its directory but those whose names begin with a dot.
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  const file = await open(temporary, 'wx', MODE);
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
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isMissing(error)) return path;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readRegular(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** What is in a file that is one: a pipe would not end, and a device is nothing to replace. */
export async function readRegular(path: string): Promise<string> {
  const stats = await stat(path);
  // Of a directory the system says so itself.
  if (!stats.isFile() && !stats.isDirectory()) throw new Error('it is no regular file');
  return readFile(path, 'utf8');
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
