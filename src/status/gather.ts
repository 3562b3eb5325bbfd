import type { Endpoint } from '../values/endpoint.js';
import type { CountedTable } from '../values/counters.js';
import type { Status, VirtualServerStatus, DrainedServer } from './status.js';

/** What comes of asking a virtual server's lvscare. */
export type Asked =
  | { readonly kind: 'answered'; readonly status: Status }
  /** None is at work on it. */
  | { readonly kind: 'none' }
  /** One is, or may be, and cannot be asked: why, in words that read on after its virtual server. */
  | { readonly kind: 'silent'; readonly why: string };

interface Sources {
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  ask(virtualServer: Endpoint): Promise<Asked>;
  /** Rejects when the kernel cannot be asked, with an error whose message says so. */
  kernel(virtualServer: Endpoint): Promise<CountedTable | null>;
  /** What the next lvscare will know of it. */
  drained(virtualServer: Endpoint): Promise<readonly DrainedServer[]>;
}

/** What can be told of virtual servers: by the lvscare of each, by the kernel alone where there is none. Never rejects. */
export async function gatherStatus(virtualServers: readonly Endpoint[], sources: Sources): Promise<Status> {
  const gathered = await Promise.all(virtualServers.map((virtualServer) => gather(virtualServer, sources)));
  return { atMs: sources.nowMs(), virtualServers: gathered };
}

async function gather(virtualServer: Endpoint, sources: Sources): Promise<VirtualServerStatus> {
  const { text } = virtualServer;
  const asked = await sources.ask(virtualServer);
  if (asked.kind === 'answered') {
    const told = asked.status.virtualServers.find((one) => one.virtualServer === text);
    if (told !== undefined) return told;
  }
  const alone =
    asked.kind === 'none'
      ? 'no lvscare is running'
      : `its lvscare cannot be asked: ${asked.kind === 'silent' ? asked.why : 'it tells of other ones'}`;
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

/** Whether anything can be told: what an lvscare knows, or what the kernel has. */
export function tellsAnything({ virtualServers }: Status): boolean {
  return virtualServers.some(({ care, kernel }) => care !== null || kernel !== null);
}

/** Whether an answer is a status: another version of lvscare, or another program, may say anything. */
export function isStatus(value: unknown): value is Status {
  const { atMs, virtualServers } = (value ?? {}) as Partial<Record<keyof Status, unknown>>;
  return typeof atMs === 'number' && Array.isArray(virtualServers) && virtualServers.every(isOfVirtualServer);
}

function isOfVirtualServer(value: unknown): boolean {
  const { virtualServer, care, kernel, drained, notes } = (value ?? {}) as Partial<
    Record<keyof VirtualServerStatus, unknown>
  >;
  return (
    typeof virtualServer === 'string' &&
    isNullOr(care, 'servers') &&
    isNullOr(kernel, 'destinations') &&
    Array.isArray(drained) &&
    Array.isArray(notes)
  );
}

/** null, or an object with such a list. */
function isNullOr(value: unknown, list: string): boolean {
  if (value === null) return true;
  return typeof value === 'object' && Array.isArray((value as Readonly<Record<string, unknown>>)[list]);
}
