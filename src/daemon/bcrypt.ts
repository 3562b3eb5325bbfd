/**
 * Comparisons of passwords with bcrypt hashes, each on a thread of its own: they take up to seconds of CPU time. The thread runs the program
 * itself, so that a bundle of the program needs no further file.
 */
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { parentPort, Worker } from 'node:worker_threads';
import type { Compare } from '../http/passwords.js';

interface Comparison {
  readonly password: string;
  readonly hash: string;
}

/** @param program The module that calls {@link runComparison} when it is not on the main thread. */
export function bcryptComparer(program: URL): Compare {
  return async (password, hash) => {
    const comparison: Comparison = { password, hash };
    const thread = new Worker(program, {
      workerData: comparison,
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
    });
    try {
      // A comparison that takes its time does not delay the end of the program.
      thread.unref();
      const [equal] = (await Promise.race([once(thread, 'message'), once(thread, 'exit')])) as [unknown];
      return equal === true;
    } finally {
      await thread.terminate();
    }
  };
}

/** The thread's side. */
// ts-unused-exports:disable-next-line
export async function runComparison({ password, hash }: Comparison): Promise<void> {
  try {
    // Of this thread alone, which has inherited the precedence that probes have.
    setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It only takes longer for others then.
  }
  const { compareSync } = await import('bcryptjs');
  parentPort?.postMessage(compareSync(password, hash));
}
