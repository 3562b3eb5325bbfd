import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Of -20 to 19: before most, after those that the machine cannot do without. */
const NICE = -10;

/**
 * Asks the kernel to run us before others, as it does with the machine's own daemons: on a node that is short of CPU the
 * one who minds the apiservers must not be the last to notice. It takes root with the capability SYS_NICE; returns why it
 * was refused, null if it was not.
 */
export function takePrecedence(): Error | null {
  try {
    // A better one was set on purpose.
    if (getPriority() <= NICE) return null;
    // For Linux each thread has its own, and those that Node made at its start carry our requests to the kernel.
    for (const thread of threads()) setPriority(thread, NICE);
    return null;
  } catch (error) {
    return error as Error;
  }
}

function threads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [0];
  }
}
