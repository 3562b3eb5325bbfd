/** What kubelet and a container engine make of a pod: the configuration that they hand to an OCI runtime. */
import { asTheKubeletExpands } from '../support/kubelet.js';
import type { Pod } from './pod.js';
import type { Seccomp } from './seccomp.js';

/** `crun spec`: what the runtime's own authors take for a container's usual surroundings. */
export interface RuntimeSpec {
  readonly mounts: readonly Mount[];
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
  };
}

export interface Surroundings {
  /** The directory with the image's root file system, made for this container alone. */
  readonly rootfs: string;
  /** The network namespace of the node: the pod has no other. */
  readonly networkNamespace: string;
  /** `PATH` and whatever else the image says. */
  readonly imageEnv: readonly string[];
  /** What a path of the node is here, when it is elsewhere. */
  readonly hostPath: (path: string) => string;
  /** Beside those of the manifest, for a test: from here to there, read-only. */
  readonly extraMounts: readonly (readonly [string, string])[];
  /** What the kubelet knows for the node's address, and on the host's network for the pod's. */
  readonly nodeAddress: string;
  /** Whether control groups can be made here. */
  readonly cgroups: boolean;
  /** The profile that RuntimeDefault stands for, with these capabilities. */
  readonly seccomp: (capabilities: readonly string[]) => Seccomp;
}

interface Mount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
}

/** `config.json` */
interface OciConfig {
  readonly ociVersion: string;
  readonly process: object;
  readonly root: object;
  readonly hostname: string;
  readonly mounts: readonly Mount[];
  readonly linux: {
    readonly namespaces: readonly object[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly seccomp: Seccomp;
    readonly resources: object;
  };
}

/** How kubelet would have these words run in the pod's container. @throws Error for what a manifest can say and this does not know. */
export function ociConfig(
  { spec: pod }: Pod,
  words: readonly string[],
  spec: RuntimeSpec,
  at: Surroundings,
): OciConfig {
  const [container] = pod.containers;
  const security = container.securityContext ?? {};
  const { drop = [], add = [] } = security.capabilities ?? {};
  expect('hostNetwork', pod.hostNetwork, true);
  expect('hostPID', pod.hostPID ?? false, false);
  expect('hostIPC', pod.hostIPC ?? false, false);
  expect('privileged', security.privileged ?? false, false);
  expect('capabilities.drop', drop.join(), 'ALL');
  const seccomp = security.seccompProfile ?? pod.securityContext?.seccompProfile;
  expect('seccompProfile', seccomp?.type, 'RuntimeDefault');
  const capabilities = add.map((name) => `CAP_${name}`);
  const uid = security.runAsUser ?? 0;
  const env = Object.fromEntries(
    (container.env ?? []).map(({ name, value = '', valueFrom }) => {
      if (valueFrom !== undefined) expect(name, valueFrom.fieldRef?.fieldPath, 'status.podIP');
      return [name, valueFrom === undefined ? value : at.nodeAddress];
    }),
  );

  return {
    ociVersion: '1.0.0',
    process: {
      user: { uid, gid: 0 },
      args: words.map((word) => asTheKubeletExpands(word, env)),
      env: [...at.imageEnv, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)],
      cwd: '/',
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
        inheritable: [],
        ambient: [],
      },
      noNewPrivileges: security.allowPrivilegeEscalation === false,
    },
    root: { path: at.rootfs, readonly: security.readOnlyRootFilesystem ?? false },
    hostname: 'node',
    mounts: [
      ...spec.mounts.filter(({ destination }) => destination !== '/sys/fs/cgroup' || at.cgroups),
      ...(container.volumeMounts ?? []).map(({ name, mountPath, readOnly = false }) => {
        const volume = pod.volumes?.find((each) => each.name === name);
        if (volume?.hostPath === undefined) throw new Error(`volume ${name}: expected a hostPath`);
        return bind(at.hostPath(volume.hostPath.path), mountPath, readOnly);
      }),
      ...at.extraMounts.map(([from, to]) => bind(from, to, true)),
    ],
    linux: {
      namespaces: spec.linux.namespaces.map(({ type }) =>
        type === 'network' ? { type, path: at.networkNamespace } : { type },
      ),
      maskedPaths: spec.linux.maskedPaths,
      readonlyPaths: spec.linux.readonlyPaths,
      seccomp: at.seccomp(capabilities),
      resources: at.cgroups ? { memory: { limit: bytes(container.resources?.limits?.memory) } } : {},
    },
  };
}

function expect(what: string, found: unknown, known: unknown): void {
  if (found !== known) throw new Error(`${what}: this knows ${String(known)} only, not ${String(found)}`);
}

function bind(source: string, destination: string, readOnly: boolean): Mount {
  return { type: 'bind', source, destination, options: ['rbind', 'rprivate', readOnly ? 'ro' : 'rw'] };
}

/** `256Mi` */
function bytes(quantity: string | undefined): number {
  const [, number, unit] = /^(\d+)(Mi|Gi)$/.exec(quantity ?? '') ?? [];
  if (number === undefined) throw new Error(`limits.memory: expected Mi or Gi, got ${String(quantity)}`);
  return Number(number) * (unit === 'Gi' ? 1 << 30 : 1 << 20);
}
