import type { Logger } from 'pino';
import type { DaemonConfig } from '../config/care-config.js';
import { acquireInstanceLock, processInWords } from '../state/instance-lock.js';
import type { Endpoint } from '../values/endpoint.js';
import { KernelError } from '../values/errors.js';
import { systemClock } from './clock.js';

/** What to do about another lvscare that is at work on the same virtual server. */
const INSTEAD: Readonly<Record<DaemonConfig['task'], string>> = {
  care: 'one is enough',
  'run-once':
    'stop it first: --run-once probes only once, and the other one may know better which servers are healthy',
  clean: 'stop it first: it would put back at once what --clean removes',
};

/** Keeps a second lvscare from a virtual server; rejects if we are the second. */
export async function lockVirtualServer(
  virtualServer: Endpoint,
  task: DaemonConfig['task'],
  log: Logger,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  const found = await acquireInstanceLock(virtualServer, { clock: systemClock, signal });
  switch (found.kind) {
    case 'acquired': {
      const { withoutName } = found;
      if (withoutName === null) return { [Symbol.asyncDispose]: found.release };
      log.warn(
        { event: 'lock-squatted', vs: virtualServer.text },
        `instance lock acquired without its name: ${withoutName}`,
      );
      const ending = new AbortController();
      const retrying = takeNameLater(virtualServer, found.takeName, log, ending.signal);
      return {
        async [Symbol.asyncDispose]() {
          ending.abort();
          await retrying;
          await found.release();
        },
      };
    }
    case 'held': {
      const who = `another lvscare (${processInWords(found.by)})`;
      throw new KernelError(
        `${who} is at work on ${virtualServer.text} in this network namespace: ${INSTEAD[task]}`,
        null,
      );
    }
    case 'unavailable':
      log.warn(
        { event: 'lock-not-acquired', vs: virtualServer.text },
        `instance lock not acquired: ${found.why}; a second lvscare could start for ${virtualServer.text}`,
      );
      return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}

/** How often the name of a squatted lock is tried again. */
const NAME_MS = 10_000;

async function takeNameLater(
  { text }: Endpoint,
  takeName: () => Promise<boolean>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  do await systemClock.sleep(NAME_MS, signal);
  while (!signal.aborted && !(await takeName()));
  if (!signal.aborted)
    log.info({ event: 'lock-squatted', vs: text }, 'instance lock: its name is free again, and taken');
}
