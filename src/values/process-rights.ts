/** What the kernel says of a process: its arguments and its name are whatever it likes. */

interface ProcFiles {
  read(path: string): Promise<string>;
  readLink(path: string): Promise<string>;
}

interface ProcessRights {
  /** All its user ids are root's. */
  readonly isRoot: boolean;
  /** It has NET_ADMIN in effect. */
  readonly hasNetAdmin: boolean;
}

const NONE: ProcessRights = { isRoot: false, hasNetAdmin: false };
const NET_ADMIN = 12n;

/** The rights of a process in our own user namespace: it has none if it is in another one, or if that cannot be read. Never rejects. */
export async function processRights(files: ProcFiles, pid: number): Promise<ProcessRights> {
  const namespace = (of: number | string): Promise<string | null> =>
    files.readLink(`/proc/${of}/ns/user`).catch(() => null);
  const [own, theirs] = [await namespace('self'), await namespace(pid)];
  // A kernel without user namespaces has no such file.
  if (own !== theirs) return NONE;
  const status = await files.read(`/proc/${pid}/status`).catch(() => '');
  const uids = /^Uid:((?:\s+\d+)+)$/m.exec(status)?.[1]?.trim().split(/\s+/) ?? [];
  return {
    isRoot: uids.length === 4 && uids.every((uid) => uid === '0'),
    hasNetAdmin: hasNetAdmin(status),
  };
}

/** Whether `/proc/PID/status` shows NET_ADMIN in effect. */
export function hasNetAdmin(status: string): boolean {
  return ((effectiveCapabilities(status) >> NET_ADMIN) & 1n) === 1n;
}

/** CapEff of `/proc/PID/status`, a bit for each capability. */
export function effectiveCapabilities(status: string): bigint {
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
}
