import { realpath, stat } from 'node:fs/promises';

/** `secret`: others may not read it, nor write it. `configuration`: others may not write it. */
export type FileKind = 'secret' | 'configuration';

export interface PermissionFault {
  /** `mode 0644, so every user can read it` */
  readonly evidence: string;
  /** A command. */
  readonly remedy: string;
}

/**
 * Which users other than root and the one of this process can read or write a file that they should not; null if there are none, or if the
 * file cannot be examined. The mode of a file in a volume of kubelet says nothing: only the pod sees that volume.
 */
export async function permissionFault(path: string, kind: FileKind): Promise<PermissionFault | null> {
  try {
    const [target, { uid, gid, mode }, self] = await Promise.all([
      realpath(path),
      stat(path),
      stat('/proc/self'),
    ]);
    // kubelet writes a volume in a directory such as ..2026_11_30_17_00_00.123456, to which ..data is a link.
    if (/\/\.\.\d{4}_/.test(target)) return null;
    const remedy = kind === 'secret' ? `chmod 600 ${target}` : `chmod go-w ${target}`;
    if (uid !== 0 && uid !== self.uid)
      return {
        evidence: `its owner is uid ${uid}, who can ${kind === 'secret' ? 'read' : 'change'} it`,
        remedy: `chown root:root ${target}; ${remedy}`,
      };
    const [ofGroup, ofOthers] = [(mode >> 3) & 7, mode & 7];
    const octal = `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
    for (const [bit, verb] of [
      [2, 'change'],
      [4, 'read'],
    ] as const) {
      if (kind === 'configuration' && verb === 'read') continue;
      if ((ofOthers & bit) !== 0) return { evidence: `${octal}, so every user can ${verb} it`, remedy };
      if ((ofGroup & bit) !== 0 && gid !== 0)
        return { evidence: `${octal}, so gid ${gid} can ${verb} it`, remedy };
    }
    return null;
  } catch {
    // The option that names the file says what is wrong with it.
    return null;
  }
}
