/** The lvscares of this network namespace and their virtual servers, as a command sees them that comes from outside. */
import { systemClock } from './clock.js';
import { endpointIn } from '../config/endpoint.js';
import { callControl, type Reply } from '../control-socket/client.js';
import type { Endpoint } from '../values/endpoint.js';
import { isSurelyAtWork, lvscareAtWork, type Holder } from '../values/lock-holder.js';
import { drainedFile, type DrainedFile } from '../state/drains.js';
import { heldNames, inTurn, lookAtHold, wordsFor } from '../state/instance-lock.js';
import { records, type Made } from '../state/ownership-store.js';
import { runDirectory } from '../state/run-directory.js';

/** What came of asking. */
export type Heard =
  | Extract<Reply, { kind: 'answered' }>
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
  call(virtualServer: Endpoint, call: Parameters<typeof callControl>[1]): Promise<Heard>;
  /** Whether one is at work on it, as the kernel knows. */
  isAtWork(virtualServer: Endpoint): Promise<boolean>;
  /** What was made for it; null if nothing is known of that. */
  record(virtualServer: Endpoint): Promise<Made | null>;
  drained(virtualServer: Endpoint): DrainedFile;
  /** Does something while no other command does so for the same virtual server. */
  inTurn<T>(virtualServer: Endpoint, act: () => Promise<T>): Promise<T>;
}

/** @param uid What we run as: the effective user id. */
export function runningInstances(uid: number): RunningInstances {
  const directory = runDirectory();
  const atWork = async (virtualServer: Endpoint): Promise<Holder | null> =>
    lvscareAtWork(await lookAtHold(virtualServer), uid);
  return {
    async list() {
      const held = endpointsIn(await heldNames());
      const sure = await Promise.all(held.map(async (one) => isSurelyAtWork(await lookAtHold(one), uid)));
      // Anybody may take the name of what is no virtual server.
      const names = [...(await directory.names()), ...texts(held.filter((_, index) => sure[index]))];
      return endpointsIn([...new Set(names)].sort());
    },
    async call(virtualServer, call) {
      const reply = await callControl(directory.file(virtualServer.text, 'sock'), call);
      switch (reply.kind) {
        case 'answered':
          return reply;
        case 'failed':
          return { kind: 'silent', why: reply.why };
        case 'nobody': {
          const holder = await atWork(virtualServer);
          if (holder === null) return { kind: 'none' };
          const why = `${wordsFor(holder)} has no socket here (in a pod, is /run/lvscare the host's?)`;
          return { kind: 'hidden', why };
        }
      }
    },
    isAtWork: async (virtualServer) => (await atWork(virtualServer)) !== null,
    record: async ({ text }) =>
      (await records(directory).list()).find((made) => made.virtualServer === text) ?? null,
    drained: ({ text }) => drainedFile(directory, text),
    inTurn: (virtualServer, act) => inTurn(virtualServer, systemClock, act),
  };
}

function texts(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map(({ text }) => text);
}

function endpointsIn(names: readonly string[]): readonly Endpoint[] {
  return names.flatMap((name) => endpointIn(name) ?? []);
}
