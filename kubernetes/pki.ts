/** What `kubeadm init` leaves on a first master, made by kubeadm without a running cluster: certificates and kubeconfigs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { masterAddresses, VIP } from '../lab/addresses.js';
import { makeCertificate } from '../lab/x509.js';
import { must } from '../lab/run.js';
import { KUBERNETES_VERSION, program } from './programs.js';

/** The name by which workers and kubeadm know the control plane. */
export const CONTROL_PLANE_NAME = 'apiserver.cluster.local';

export const SERVICE_SUBNET = '10.96.0.0/16';
export const POD_SUBNET = '10.244.0.0/16';

/** With it a worker may join. */
export const BOOTSTRAP_TOKEN = 'abcdef.0123456789abcdef';

export class Pki {
  /** Where all of it is. */
  readonly home: string;
  readonly #masters: number;
  readonly #etcd: string;

  private constructor(home: string, masters: number, etcd: string) {
    this.home = home;
    this.#masters = masters;
    this.#etcd = etcd;
  }

  /** @param etcd Its URL. */
  static async create(home: string, masters: number, etcd: string): Promise<Pki> {
    const pki = new Pki(home, masters, etcd);
    await mkdir(home, { recursive: true });
    await writeFile(pki.kubeadmFile, pki.#kubeadmConfig());
    await pki.kubeadm('init', 'phase', 'certs', 'all', '--config', pki.kubeadmFile);
    await pki.kubeadm(
      'init',
      'phase',
      'kubeconfig',
      'super-admin',
      '--config',
      pki.kubeadmFile,
      '--kubeconfig-dir',
      home,
    );
    return pki;
  }

  /** For `kubeadm --config`. */
  get kubeadmFile(): string {
    return `${this.home}/kubeadm.yaml`;
  }

  /** A kubeconfig that may do everything, through the control plane's name. */
  get adminFile(): string {
    return `${this.home}/super-admin.conf`;
  }

  /** A file of kubeadm's certificates' directory, such as `apiserver.crt`. */
  file(name: string): string {
    return `${this.home}/pki/${name}`;
  }

  /** A kubeconfig with a certificate for this user, signed by the cluster's CA; it leads to the control plane's name. */
  kubeconfig(user: string, group: string): Promise<string> {
    return this.kubeadm(
      'kubeconfig',
      'user',
      '--config',
      this.kubeadmFile,
      '--client-name',
      user,
      '--org',
      group,
    );
  }

  /** What is in a file of kubeadm's certificates' directory. */
  read(name: string): Promise<string> {
    return readFile(this.file(name), 'utf8');
  }

  /** Gives the apiservers another certificate, signed by the present CA; they read the file again by themselves. */
  async renewApiserverCertificate(): Promise<void> {
    await this.kubeadm(
      'certs',
      'renew',
      'apiserver',
      '--config',
      this.kubeadmFile,
      '--kubeconfig',
      this.adminFile,
    );
  }

  /**
   * Another authority signs from now on. The file `ca.crt` and the result have both, PEM, the new one first: what the old one
   * signed is still accepted.
   */
  async addAuthority(): Promise<string> {
    const old = await this.read('ca.crt');
    const other = makeCertificate({
      subject: '/CN=kubernetes',
      authority: true,
      signer: null,
      fromMs: Date.now() - 3_600_000,
      untilMs: Date.now() + 365 * 86_400_000,
    });
    await writeFile(this.file('ca.key'), other.key);
    const both = other.cert + old;
    await writeFile(this.file('ca.crt'), both);
    return both;
  }

  /** Runs kubeadm on this machine, in no namespace; its stdout. */
  kubeadm(...args: readonly string[]): Promise<string> {
    return must(program('kubeadm'), args, { timeoutMs: 120_000 });
  }

  #kubeadmConfig(): string {
    const { ipv4 } = masterAddresses(0);
    const names = Array.from({ length: this.#masters }, (_, index) => masterAddresses(index).ipv4);
    return `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: { name: master0 }
bootstrapTokens: [{ token: ${BOOTSTRAP_TOKEN}, ttl: 1h0m0s }]
localAPIEndpoint: { advertiseAddress: ${ipv4}, bindPort: 6443 }
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: ${KUBERNETES_VERSION}
controlPlaneEndpoint: ${CONTROL_PLANE_NAME}:6443
certificatesDir: ${this.home}/pki
encryptionAlgorithm: ECDSA-P256
etcd: { external: { endpoints: ['${this.#etcd}'] } }
apiServer: { certSANs: [${[CONTROL_PLANE_NAME, VIP.ipv4, ...names].join(', ')}] }
networking: { serviceSubnet: ${SERVICE_SUBNET}, podSubnet: ${POD_SUBNET} }
`;
  }
}
