/** What a process has open, as the kernel tells it. */
import { readdir, readlink } from 'node:fs/promises';

/** How many sockets a process has open, of whatever kind. */
export async function openSockets(pid: number): Promise<number> {
  const directory = `/proc/${pid}/fd`;
  // One that is closed while we look has no link any more.
  const links = (await readdir(directory)).map((fd) => readlink(`${directory}/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((link) => link.startsWith('socket:')).length;
}
