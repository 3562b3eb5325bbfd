/** The part of kube-controller-manager that kubeadm join needs: it signs cluster-info, and kubelets' certificates. */
import { inside, type Host } from '../lab/network.js';
import { LabProcess } from '../lab/process.js';
import type { Pki } from './pki.js';
import { program } from './programs.js';

const CONTROLLERS = [
  'bootstrap-signer-controller',
  'token-cleaner-controller',
  'certificatesigningrequest-signing-controller',
  'certificatesigningrequest-approving-controller',
];

/**
 * Starts it on a master.
 *
 * @param kubeconfig A file that leads to an apiserver.
 * @param certificateDuration For how long a kubelet's certificate is valid, as Go writes durations.
 */
export function startControllerManager(
  host: Host,
  pki: Pki,
  kubeconfig: string,
  certificateDuration: string,
): LabProcess {
  return new LabProcess(
    'ip',
    inside(host.namespace, program('kube-controller-manager'), [
      `--kubeconfig=${kubeconfig}`,
      `--controllers=${CONTROLLERS.join()}`,
      `--cluster-signing-cert-file=${pki.file('ca.crt')}`,
      `--cluster-signing-key-file=${pki.file('ca.key')}`,
      `--cluster-signing-duration=${certificateDuration}`,
      `--root-ca-file=${pki.file('ca.crt')}`,
      '--leader-elect=false',
    ]),
  );
}
