import type { Mount } from './mounts.js';
import type { HealthEndpoint } from './health-endpoint.js';
import { scalar } from './yaml-scalar.js';

interface PodSpec {
  readonly name: string;
  readonly image: string;
  /** The arguments of `lvscare`, the command's name first; kubelet replaces `$(POD_IP)` by the pod's address. */
  readonly args: readonly string[];
  /** The endpoint of kubelet's probes, or null for no probes. */
  readonly health: HealthEndpoint | null;
  readonly mounts: readonly Mount[];
}

/** A static pod that runs lvscare with no privilege but NET_ADMIN, as YAML. */
export function podManifest({ name, image, args, health, mounts }: PodSpec): string {
  return `# A static pod, for /etc/kubernetes/manifests/ on every node. lvscare manifest prints it for your own --vs and --rs.
apiVersion: v1
kind: Pod
metadata:
  name: ${scalar(name)}
  namespace: kube-system
  labels:
    app.kubernetes.io/name: lvscare
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  automountServiceAccountToken: false
  enableServiceLinks: false
  # SIGTERM leaves the rules in place and ends within a second.
  terminationGracePeriodSeconds: 5
  securityContext:
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: lvscare
      image: ${scalar(image)}
      imagePullPolicy: IfNotPresent
      command: ['/usr/bin/lvscare']
      args:
${args.map((arg) => `        - ${scalar(arg)}\n`).join('')}\
${health?.host === null ? POD_IP : ''}\
${health === null ? '' : probes(health)}\
      resources:
        requests:
          cpu: 10m
          memory: 80Mi
        limits:
          memory: 256Mi
      securityContext:
        privileged: false
        runAsUser: 0
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: ['ALL']
          add: ['NET_ADMIN']
      volumeMounts:
${mounts.map(volumeMount).join('')}\
  volumes:
${mounts.map(volume).join('')}`;
}

/** Empty while kubelet does not know this node's address; kubelet then still starts the container. */
const POD_IP = `\
      env:
        # The node's address, as far as the kubelet knows it.
        - name: POD_IP
          valueFrom:
            fieldRef:
              fieldPath: status.podIP
`;

/** An argument in which kubelet replaces nothing: it would replace `$(NAME)` by a variable's value, and replaces `$$` by `$`. */
export function unexpanded(arg: string): string {
  return arg.replaceAll('$', '$$$$');
}

/** A restart of the pod keeps the rules, so it is harmless; and it is never urgent. */
function probes(health: HealthEndpoint): string {
  return `\
      startupProbe:
${httpGet(health)}\
        # It listens after 1 s, on a busy node after 4 s. An earlier probe would leave a Warning event on every node.
        initialDelaySeconds: 10
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 30
      # A node that is short of CPU is no reason to start it again: that takes a minute without an answer.
      livenessProbe:
${httpGet(health)}\
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
`;
}

function httpGet({ host, port, scheme }: HealthEndpoint): string {
  return `\
        httpGet:
${host === null ? '' : `          host: ${scalar(host)}\n`}\
          port: ${port}
          path: /healthz
${
  scheme === 'HTTP'
    ? ''
    : `          # kubelet neither verifies the certificate nor shows one.
          scheme: ${scheme}
`
}`;
}

function volumeMount({ name, path, at = path, readOnly, why }: Mount): string {
  return `\
${why.map((line) => `        # ${line}\n`).join('')}\
        - name: ${name}
          mountPath: ${scalar(at)}
${readOnly ? '          readOnly: true\n' : ''}`;
}

function volume({ name, path, type }: Mount): string {
  return `\
    - name: ${name}
      hostPath:
        path: ${scalar(path)}
        type: ${type}
`;
}
