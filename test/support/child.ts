/** Node processes of their own, for what must not happen to the one that tests: exits, crashes, lost rights. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface ChildOptions {
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  /** A command that runs the command behind it: `setpriv ...`. */
  readonly wrapper?: readonly string[];
}

/** The file of `test/netlink/children/<name>.ts`, compiled. */
export function childScript(name: string): URL {
  return new URL(`../netlink/children/${name}.js`, import.meta.url);
}

/** Starts a child, which the caller ends. */
export function startChild(name: string, options: ChildOptions = {}): ChildProcessWithoutNullStreams {
  const [command, ...rest] = [
    ...(options.wrapper ?? []),
    process.execPath,
    ...(options.nodeArgs ?? []),
    fileURLToPath(childScript(name)),
    ...(options.args ?? []),
  ];
  // A test runner's child would report to a parent that does not listen.
  const env = { ...process.env };
  delete env['NODE_TEST_CONTEXT'];
  return spawn(command ?? process.execPath, rest, { env, stdio: 'pipe' });
}

/** Runs a child to its end. */
export async function runChild(name: string, options: ChildOptions = {}): Promise<Finished> {
  const child = startChild(name, options);
  child.stdin.end();
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, signal, stdout, stderr };
}
