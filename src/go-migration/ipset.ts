import { setTimeout as delay } from 'node:timers/promises';
import { complaint, type Finished, type Run } from '../host/command.js';
import { KernelError } from '../values/errors.js';

/** An ipset, as `ipset save` prints it. */
interface IpSet {
  /** `hash:ip,port` */
  readonly type: string;
  /** `10.103.97.2,tcp:6443` */
  readonly entries: readonly string[];
}

/** nf_tables releases a set a moment after the rule that matched it is gone. */
const MAX_TRIES = 20;
const PAUSE_MS = 50;

/** The set of this name, null if there is none, or `no program` if ipset is not installed. */
export async function readSet(run: Run, name: string): Promise<IpSet | null | 'no program'> {
  // `ipset save` does not distinguish a missing set from another failure.
  const names = await run('ipset', ['list', '-name']);
  if (names === null) return 'no program';
  if (isUnknownToKernel(names)) return null;
  if (!succeeded(names).split('\n').includes(name)) return null;
  return parseSet(succeeded(await run('ipset', ['save', name])));
}

/** Removes an entry from a set, or does nothing if it is gone already. */
export async function deleteEntry(run: Run, name: string, entry: string): Promise<void> {
  succeeded(await run('ipset', ['-exist', 'del', name, entry]));
}

/** Removes a set that no rule matches. */
export async function destroySet(run: Run, name: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const finished = await run('ipset', ['destroy', name]);
    if (finished?.status === 0 || tries === MAX_TRIES) {
      succeeded(finished);
      return;
    }
    await delay(PAUSE_MS);
  }
}

function parseSet(text: string): IpSet {
  const lines = text.split('\n').map((line) => line.split(' '));
  const [, , type = ''] = lines.find(([verb]) => verb === 'create') ?? [];
  const entries = lines.flatMap(([verb, , entry]) => (verb === 'add' && entry !== undefined ? [entry] : []));
  return { type, entries };
}

/**
 * A kernel without ip_set has no sets. The program has no exit status of its own for that; the second text is EINVAL, the answer of
 * a nfnetlink that other modules use.
 */
function isUnknownToKernel({ status, stderr }: Finished): boolean {
  return status !== 0 && /Cannot open session to kernel|Kernel error received: Invalid argument/.test(stderr);
}

function succeeded(finished: Finished | null): string {
  if (finished === null) throw new KernelError('ipset is not installed', null);
  if (finished.status !== 0) throw new KernelError(complaint('ipset', finished), null);
  return finished.stdout;
}
