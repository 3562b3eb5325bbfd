/** A static pod's manifest, as far as it says how its one container is run. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string; readonly type?: string };
}

interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

interface SecurityContext {
  readonly privileged?: boolean;
  readonly runAsUser?: number;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

interface Probe {
  readonly httpGet: { readonly host?: string; readonly port: number; readonly path: string };
}

interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
  }[];
  readonly resources?: { readonly limits?: { readonly memory?: string } };
  readonly securityContext?: SecurityContext;
  readonly volumeMounts?: readonly VolumeMount[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
}

/** The fields that this reads; what else a manifest says is not about how the container is run. */
export interface Pod {
  readonly spec: {
    readonly hostNetwork?: boolean;
    readonly hostPID?: boolean;
    readonly hostIPC?: boolean;
    readonly securityContext?: Pick<SecurityContext, 'seccompProfile'>;
    readonly containers: readonly [Container];
    readonly volumes?: readonly Volume[];
  };
}

/** The one that is shipped. */
export function shippedPod(): Pod {
  const file = fileURLToPath(new URL('../../../manifests/lvscare.yaml', import.meta.url));
  return parse(readFileSync(file, 'utf8')) as Pod;
}
