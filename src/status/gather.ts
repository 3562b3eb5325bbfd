import type { Endpoint } from '../values/endpoint.js';
import type { CountedTable } from '../values/counters.js';
import type { Status, VirtualServerStatus, DrainedServer } from './status.js';

/** The answer of a virtual server's lvscare. */
export type Asked =
  | { readonly kind: 'answered'; readonly status: Status }
  /** No lvscare manages it. */
  | { readonly kind: 'none' }
  /** An lvscare manages it, or may, and does not answer: why, in words. */
  | { readonly kind: 'silent'; readonly why: string };

interface Sources {
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  ask(virtualServer: Endpoint): Promise<Asked>;
  /** Rejects if the kernel cannot be read, with an error whose message says so. */
  kernel(virtualServer: Endpoint): Promise<CountedTable | null>;
  /** The real servers that the next lvscare will drain. */
  drained(virtualServer: Endpoint): Promise<readonly DrainedServer[]>;
}

/** The status of virtual servers: from the lvscare of each, or from the kernel alone if there is none. Never rejects. */
export async function gatherStatus(virtualServers: readonly Endpoint[], sources: Sources): Promise<Status> {
  const gathered = await Promise.all(virtualServers.map((virtualServer) => gather(virtualServer, sources)));
  return { atMs: sources.nowMs(), virtualServers: gathered };
}

async function gather(virtualServer: Endpoint, sources: Sources): Promise<VirtualServerStatus> {
  const { text } = virtualServer;
  const asked = await sources.ask(virtualServer);
  if (asked.kind === 'answered') {
    const found = asked.status.virtualServers.find((one) => one.virtualServer === text);
    if (found !== undefined) return found;
  }
  const alone =
    asked.kind === 'none'
      ? 'no lvscare is running'
      : `its lvscare does not answer: ${asked.kind === 'silent' ? asked.why : 'it manages other virtual servers'}`;
  const { kernel, notes } = await sources.kernel(virtualServer).then(
    (found) => ({
      kernel: found,
      notes:
        found === null
          ? [alone, 'the kernel has no such virtual server']
          : [`${alone}; this is what the kernel has`],
    }),
    (error: unknown) => ({ kernel: null, notes: [alone, (error as Error).message] }),
  );
  const drained = await sources.drained(virtualServer);
  const lvscare = asked.kind === 'none' ? 'none' : 'silent';
  return { virtualServer: text, lvscare, program: null, care: null, kernel, drained, notes };
}

/** Whether anything is known: by an lvscare, or by the kernel. */
export function knowsAnything({ virtualServers }: Status): boolean {
  return virtualServers.some(({ care, kernel }) => care !== null || kernel !== null);
}
