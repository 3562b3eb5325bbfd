/** The lvscares of this network namespace and their virtual servers, as a command sees them that comes from outside. */
import { systemClock } from './clock.js';
import { endpointIn } from '../config/parse-endpoint.js';
import { callControl, type Reply } from '../control-socket/client.js';
import type { Endpoint } from '../values/endpoint.js';
import { drainedFile, type DrainedFile } from '../state/drains.js';
import { lockedNames, exclusively, mayBeLocked, readLock, processInWords } from '../state/instance-lock.js';
import { ownershipStore, type OwnershipRecord } from '../state/ownership-store.js';
import { runDirectory } from '../state/run-directory.js';

/** What came of asking. */
export type CallResult =
  | Extract<Reply, { kind: 'answered' | 'late' }>
  /** No lvscare is at work. */
  | { readonly kind: 'none' }
  /** One is, and cannot be asked. */
  | { readonly kind: 'silent'; readonly why: string }
  /** One is, and has no socket here: not yet, or not at all. */
  | { readonly kind: 'hidden'; readonly why: string };

export interface RunningInstances {
  /** Every virtual server that an lvscare is at work on, or left something of. */
  list(): Promise<readonly Endpoint[]>;
  /** Asks the lvscare of a virtual server. */
  call(virtualServer: Endpoint, call: Parameters<typeof callControl>[1]): Promise<CallResult>;
  /** Whether one is at work on it, as the kernel knows. */
  isRunning(virtualServer: Endpoint): Promise<boolean>;
  /** Its ownership record, or null if there is none. */
  record(virtualServer: Endpoint): Promise<OwnershipRecord | null>;
  drained(virtualServer: Endpoint): DrainedFile;
  /** Does something while no other command does so for the same virtual server. */
  exclusively<T>(virtualServer: Endpoint, act: () => Promise<T>): Promise<T>;
}

export function runningInstances(): RunningInstances {
  const directory = runDirectory();
  return {
    async list() {
      const names = [...(await directory.names()), ...(await lockedNames())];
      return endpointsIn([...new Set(names)].sort());
    },
    async call(virtualServer, call) {
      const reply = await callControl(directory.file(virtualServer.text, 'sock'), call);
      switch (reply.kind) {
        case 'answered':
          return reply;
        case 'late':
          return reply;
        case 'failed':
          return { kind: 'silent', why: reply.why };
        case 'absent': {
          const lock = await readLock(virtualServer);
          if (lock.kind === 'free' || lock.kind === 'squatted') return { kind: 'none' };
          const why = `${processInWords(lock.kind === 'held' ? lock.by : null)} has no socket here (in a pod, is /run/lvscare the host's?)`;
          return { kind: 'hidden', why };
        }
      }
    },
    isRunning: (virtualServer) => mayBeLocked(virtualServer),
    record: (virtualServer) => ownershipStore(directory).find(virtualServer),
    drained: ({ text }) => drainedFile(directory, text),
    exclusively: (virtualServer, act) => exclusively(virtualServer, systemClock, act),
  };
}

function endpointsIn(names: readonly string[]): readonly Endpoint[] {
  return names.flatMap((name) => endpointIn(name) ?? []);
}
