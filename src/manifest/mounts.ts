import { dirname, isAbsolute, normalize } from 'node:path';
import { DEFAULT_CA } from '../config/options.js';
import type { Settings } from '../config/settings.js';
import { UsageError } from '../config/usage-error.js';

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

/** It has kubeconfigs of administrators beside that of kubelet. */
const KUBECONFIGS = '/etc/kubernetes';

const RUN: Mount = {
  name: 'run',
  path: '/run/lvscare',
  type: 'DirectoryOrCreate',
  readOnly: false,
  why: ['What was made here, for the next start and for --clean.'],
};
const STATE: Mount = {
  name: 'state',
  path: '/var/lib/lvscare',
  type: 'DirectoryOrCreate',
  readOnly: false,
  why: ["The cluster's last list of apiservers, for a node that boots when every one of --rs was replaced."],
};
const SYSCTLS: Mount = {
  name: 'sysctl-net',
  path: '/proc/sys/net',
  at: '/host/proc/sys/net',
  type: 'Directory',
  readOnly: false,
  why: ['In the container /proc/sys is read-only; this is where lvscare sets a few of net.ipv4.vs.'],
};

/**
 * What a pod with these settings mounts. Throws a UsageError for a path that cannot be mounted.
 *
 * @param virtualServers The settings of each virtual server, if the file of `--config` has several.
 * @param webFiles That the web configuration names, if there is one.
 * @param kubeconfigFiles That the kubeconfigs of `--discover` name.
 */
export function mountsFor(
  settings: Settings,
  virtualServers: readonly Settings[],
  webFiles: readonly string[],
  kubeconfigFiles: readonly string[] = [],
): readonly Mount[] {
  return [
    ...(settings.read('sysctl') ? [SYSCTLS] : []),
    ...filesFor(settings, virtualServers, webFiles, kubeconfigFiles),
    RUN,
    ...(virtualServers.some((one) => one.has('discover')) ? [STATE] : []),
  ];
}

function filesFor(
  settings: Settings,
  virtualServers: readonly Settings[],
  webFiles: readonly string[],
  kubeconfigFiles: readonly string[],
): readonly Mount[] {
  const secrets = [
    ...virtualServers.flatMap((one) => SECRETS.map((flag) => pathOf(one, flag))),
    ...kubeconfigFiles,
  ].filter((secret) => secret !== null);
  const config = pathOf(settings, 'config');
  const ofWeb = [pathOf(settings, 'web-config-file'), ...webFiles].filter((path) => path !== null);
  const directoriesOf = (paths: readonly string[]): string[] => [
    ...new Set(paths.filter((path) => !isAlone(path)).map(dirname)),
  ];
  const directories = directoriesOf([...secrets, ...ofWeb]);
  const outermost = directories.filter((one) => !directories.some((other) => within(one, other)));
  const ofSecrets = outermost.filter((one) => secrets.some((secret) => within(secret, one)));
  const files = [
    ...named('config', config !== null && isAlone(config) ? [config] : [], ['Its options.']),
    ...named('cluster-ca', [...new Set(virtualServers.map(caFor))], OF_THE_CA),
    ...named('secret', secrets.filter(isAlone), ['Who it is to the apiservers.']),
    ...named('web-file', ofWeb.filter(isAlone), ['TLS and authentication of --metrics-addr.']),
  ];
  return [
    ...files
      .filter((file) => !outermost.some((directory) => within(file.path, directory)))
      .filter((file, index, all) => all.findIndex((other) => other.path === file.path) === index)
      .map((file): Mount => ({ ...file, type: 'File', readOnly: true })),
    ...named('config', config !== null && !isAlone(config) ? [dirname(config)] : [], OF_THE_CONFIG)
      .filter(
        ({ path }) => !outermost.includes(path) && !outermost.some((directory) => within(path, directory)),
      )
      .map((directory): Mount => ({ ...directory, type: 'Directory', readOnly: true })),
    ...[
      ...named('credentials', ofSecrets, OF_CREDENTIALS),
      ...named(
        'web-config',
        outermost.filter((one) => !ofSecrets.includes(one)),
        OF_WEB,
      ),
    ].map((directory): Mount => ({ ...directory, type: 'Directory', readOnly: true })),
  ];
}

const SECRETS = ['health-cert', 'health-key', 'health-token-file', 'discover'] as const;
const OF_THE_CA = [
  "The CA to verify the apiservers' certificates by; nothing else of its directory, which may hold keys.",
];
const OF_THE_CONFIG = ['Its options: the whole directory, so that lvscare finds a file that replaces them.'];
const OF_CREDENTIALS = [
  'Who it is to the apiservers: the whole directory, because files in it are replaced when they are renewed.',
];
const OF_WEB = [
  'TLS and authentication of --metrics-addr: the whole directory, because files in it are replaced when they are renewed.',
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
  return dirname(path) === CLUSTER_KEYS || dirname(path) === KUBECONFIGS || dirname(dirname(path)) === '/';
}

/** The file of the CA that verifies certificates, or null if they are not verified. */
function caFor(settings: Settings): string | null {
  const given = pathOf(settings, 'health-ca');
  if (given !== null) return given;
  const verifies = settings.read('health-insecure-skip-verify') !== true;
  return verifies && settings.read('health-schem') === 'https' ? DEFAULT_CA : null;
}

/** The path that an option gives, as the kubelet takes it; null if it gives none. Throws a UsageError for one that cannot be mounted. */
function pathOf(
  settings: Settings,
  flag: (typeof SECRETS)[number] | 'config' | 'health-ca' | 'web-config-file',
): string | null {
  const path = settings.read(flag);
  if (path === null) return null;
  const good = isAbsolute(path) && normalize(path) === path && path !== '/' && !path.endsWith('/');
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (good && !/[:\u0000-\u001f]/.test(path)) return path;
  const expected = 'a path from the root, without a colon, . or .., which the pod can mount';
  throw new UsageError(settings.name(flag), expected, path);
}

function within(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}
