import { dirname, isAbsolute, normalize } from 'node:path';
import { DEFAULT_CA } from '../config/defaults.js';
import type { Settings } from '../config/settings.js';
import { UsageError, type Parser } from '../config/usage-error.js';

/** A file or directory of the node that the pod mounts. */
export interface Mount {
  /** The name of the volume. */
  readonly name: string;
  readonly path: string;
  /** The path in the pod. Default `path`. */
  readonly at?: string;
  readonly type: 'File' | 'Directory' | 'DirectoryOrCreate';
  readonly readOnly: boolean;
  /** The lines of its comment. */
  readonly why: readonly string[];
}

/** It has the keys of the whole cluster, and its files are renewed in place. */
const CLUSTER_KEYS = '/etc/kubernetes/pki';

const RUN: Mount = {
  name: 'run',
  path: '/run/lvscare',
  type: 'DirectoryOrCreate',
  readOnly: false,
  why: ['What was made here, for the next start and for --clean.'],
};
const SYSCTLS: Mount = {
  name: 'sysctl-net',
  path: '/proc/sys/net',
  at: '/host/proc/sys/net',
  type: 'Directory',
  readOnly: false,
  why: ['In the container /proc/sys is read-only; this is where lvscare sets a few of net.ipv4.vs.'],
};

/** What a pod with these settings mounts. Throws a UsageError for a path that cannot be mounted. */
export function mountsFor(settings: Settings): readonly Mount[] {
  return [...(settings.switch('sysctl', true) ? [SYSCTLS] : []), ...filesFor(settings), RUN];
}

function filesFor(settings: Settings): readonly Mount[] {
  const path = (flag: string): string | null => settings.value(flag, mountable, null);
  const secrets = SECRETS.map(path).filter((secret) => secret !== null);
  const directories = [...new Set(secrets.filter((secret) => !isAlone(secret)).map(dirname))];
  const outermost = directories.filter((one) => !directories.some((other) => within(one, other)));
  const files = [
    ...named('config', [path('config')], ['Its options.']),
    ...named('cluster-ca', [caFor(settings)], OF_THE_CA),
    ...named('secret', secrets.filter(isAlone), ['Who it is to the apiservers.']),
  ];
  return [
    ...files
      .filter((file) => !outermost.some((directory) => within(file.path, directory)))
      .filter((file, index, all) => all.findIndex((other) => other.path === file.path) === index)
      .map((file): Mount => ({ ...file, type: 'File', readOnly: true })),
    ...named('credentials', outermost, OF_CREDENTIALS).map((directory): Mount => ({
      ...directory,
      type: 'Directory',
      readOnly: true,
    })),
  ];
}

const SECRETS = ['health-cert', 'health-key', 'health-token-file'];
const OF_THE_CA = [
  "The CA to verify the apiservers' certificates by; nothing else of its directory, which may hold keys.",
];
const OF_CREDENTIALS = [
  'Who it is to the apiservers: the whole directory, because files in it are replaced when they are renewed.',
];

/** Mounts with numbered names: `secret`, `secret-2`. */
function named(
  name: string,
  paths: readonly (string | null)[],
  why: readonly string[],
): Pick<Mount, 'name' | 'path' | 'why'>[] {
  return paths
    .filter((path) => path !== null)
    .map((path, index) => ({ name: index === 0 ? name : `${name}-${index + 1}`, path, why }));
}

/** Whether a file is mounted without its directory, which has the cluster's keys, or is one of the pod's own, as `/etc`. */
function isAlone(path: string): boolean {
  return dirname(path) === CLUSTER_KEYS || dirname(dirname(path)) === '/';
}

/** The file of the CA that verifies certificates, or null if they are not verified. */
function caFor(settings: Settings): string | null {
  const given = settings.value('health-ca', mountable, null);
  if (given !== null) return given;
  const verifies = !settings.switch('health-insecure-skip-verify', false);
  return verifies && settings.value('health-schem', (text) => text, 'https') === 'https' ? DEFAULT_CA : null;
}

/** A path that kubelet accepts. */
const mountable: Parser<string> = (path, option) => {
  const good = isAbsolute(path) && normalize(path) === path && path !== '/' && !path.endsWith('/');
  // eslint-disable-next-line no-control-regex -- the pattern must find them
  if (!good || /[:\u0000-\u001f]/.test(path))
    throw new UsageError(
      option,
      'a path from the root, without a colon, . or .., which the pod can mount',
      path,
    );
  return path;
};

function within(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}
