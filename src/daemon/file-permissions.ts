/** The permissions of the files that an lvscare's options name. */
import type { DaemonConfig } from '../config/care-config.js';
import type { ProbeConfig } from '../config/probe-request.js';
import { permissionFault, type FileKind, type PermissionFault } from '../files/permissions.js';

/**
 * The files with a key, a token, a password or options that other users can read or write.
 *
 * @param webKeyFile The private key that the web configuration names, or null.
 */
export async function permissionFaults(
  { configFile, webConfigFile }: Pick<DaemonConfig, 'configFile' | 'webConfigFile'>,
  probes: readonly Pick<ProbeConfig, 'tls'>[],
  webKeyFile: string | null,
): Promise<readonly (PermissionFault & { readonly path: string })[]> {
  const files: readonly (readonly [path: string | null, kind: FileKind])[] = [
    ...probes.flatMap(({ tls }) => [[tls.keyFile, 'secret'] as const, [tls.tokenFile, 'secret'] as const]),
    [webConfigFile?.path ?? null, 'secret'],
    [webKeyFile, 'secret'],
    [configFile, 'configuration'],
  ];
  const kinds = new Map(files.flatMap(([path, kind]) => (path === null ? [] : [[path, kind] as const])));
  const faults = [...kinds].map(async ([path, kind]) => {
    const fault = await permissionFault(path, kind);
    return fault === null ? [] : [{ ...fault, path }];
  });
  return (await Promise.all(faults)).flat();
}
