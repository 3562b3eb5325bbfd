/** Whether Kubernetes takes a pod: its fields by the types of its API, and what the API server checks beyond them. */
import { typeFaults } from './typed.js';

/** As far as it is looked at here. */
export interface Pod {
  readonly apiVersion?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: {
    readonly containers: readonly Container[];
    readonly volumes?: readonly {
      readonly name: string;
      readonly hostPath?: { readonly path: string; readonly type?: string };
    }[];
    readonly hostNetwork?: boolean;
    readonly priorityClassName?: string;
  };
}

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
  }[];
  readonly resources?: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
  readonly securityContext?: {
    readonly privileged?: boolean;
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  };
  readonly livenessProbe?: Probe;
  readonly startupProbe?: Probe;
}

interface Probe {
  readonly httpGet?: { readonly host?: string; readonly port: number | string; readonly path?: string };
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const QUANTITY = /^[0-9]+(?:\.[0-9]+)?(?:m|k|[KMGTPE]i?)?$/;
const TYPES = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
];

/** A line for each fault. */
export function podFaults(pod: Pod): string[] {
  const { containers = [], volumes = [] } = pod.spec ?? {};
  return [
    ...typeFaults('kubernetes-types/core/v1', [{ type: 'Pod', value: pod }]),
    ...fault(pod.apiVersion === 'v1', `apiVersion ${String(pod.apiVersion)}`),
    ...[
      pod.metadata?.name ?? '',
      ...containers.map(({ name }) => name),
      ...volumes.map(({ name }) => name),
    ].flatMap((name) => fault(LABEL.test(name), `the name ${name}`)),
    ...fault(unique(volumes.map(({ name }) => name)), 'two volumes of one name'),
    ...volumes.flatMap(({ name, hostPath }) => [
      ...fault(
        hostPath !== undefined && TYPES.includes(hostPath.type ?? ''),
        `the type of the volume ${name}`,
      ),
      ...fault(
        /^\/[^:]*$/.test(hostPath?.path ?? '') && !hostPath?.path.split('/').includes('..'),
        `the path of ${name}`,
      ),
    ]),
    ...containers.flatMap((container) =>
      containerFaults(
        container,
        volumes.map(({ name }) => name),
      ),
    ),
  ];
}

function containerFaults(
  { resources, volumeMounts = [], livenessProbe, startupProbe }: Container,
  volumes: string[],
): string[] {
  const quantities = Object.values(resources ?? {}).flatMap((each) => Object.values(each));
  return [
    ...quantities.flatMap((quantity) => fault(QUANTITY.test(quantity), `the quantity ${quantity}`)),
    ...volumeMounts.flatMap(({ name }) =>
      fault(volumes.includes(name), `a mount of ${name}, which is no volume`),
    ),
    ...volumes.flatMap((name) =>
      fault(
        volumeMounts.some((mount) => mount.name === name),
        `${name} is not mounted`,
      ),
    ),
    ...fault(unique(volumeMounts.map(({ mountPath }) => mountPath)), 'two mounts at one place'),
    ...[livenessProbe, startupProbe].flatMap((probe) => {
      const port = probe?.httpGet?.port;
      return fault(
        port === undefined || (Number(port) > 0 && Number(port) < 65536),
        `the port ${String(port)}`,
      );
    }),
  ];
}

function unique(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}

function fault(good: boolean, what: string): string[] {
  return good ? [] : [what];
}
