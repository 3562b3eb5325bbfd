import { execFileSync } from 'node:child_process';

/** Makes a socket file that nobody listens on, as whoever is killed leaves it behind. */
export function leaveSocket(path: string): void {
  const listen = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.reallyExit(0))`;
  execFileSync(process.execPath, ['-e', listen]);
}
