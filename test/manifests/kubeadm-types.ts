/**
 * The fields of kubeadm's configuration, kubeadm.k8s.io/v1beta4, and of kube-proxy's, kubeproxy.config.k8s.io/v1alpha1, as their
 * references list them. They are in no schema of the API. What a configuration may leave out, it may here.
 */
type Duration = string;
type Flags = Readonly<Record<string, boolean>>;

interface Arg {
  name: string;
  value: string;
}
interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: object;
}
interface HostPathMount {
  name: string;
  hostPath: string;
  mountPath: string;
  readOnly?: boolean;
  pathType?: string;
}
interface ControlPlaneComponent {
  extraArgs?: Arg[];
  extraVolumes?: HostPathMount[];
  extraEnvs?: EnvVar[];
}
interface Image {
  imageRepository?: string;
  imageTag?: string;
}
interface ApiEndpoint {
  advertiseAddress?: string;
  bindPort?: number;
}
interface Taint {
  key: string;
  value?: string;
  effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  timeAdded?: string;
}
interface NodeRegistration {
  name?: string;
  criSocket?: string;
  taints?: Taint[];
  kubeletExtraArgs?: Arg[];
  ignorePreflightErrors?: string[];
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  imagePullSerial?: boolean;
}
interface Timeouts {
  controlPlaneComponentHealthCheck?: Duration;
  kubeletHealthCheck?: Duration;
  kubernetesAPICall?: Duration;
  etcdAPICall?: Duration;
  tlsBootstrap?: Duration;
  discovery?: Duration;
  upgradeManifests?: Duration;
}
interface BootstrapToken {
  token: string;
  description?: string;
  ttl?: Duration;
  expires?: string;
  usages?: string[];
  groups?: string[];
}

// ts-unused-exports:disable-next-line
export interface InitConfiguration {
  apiVersion: 'kubeadm.k8s.io/v1beta4';
  kind: 'InitConfiguration';
  bootstrapTokens?: BootstrapToken[];
  dryRun?: boolean;
  nodeRegistration?: NodeRegistration;
  localAPIEndpoint?: ApiEndpoint;
  certificateKey?: string;
  skipPhases?: string[];
  patches?: { directory?: string };
  timeouts?: Timeouts;
}

interface LocalEtcd extends Image {
  dataDir?: string;
  extraArgs?: Arg[];
  extraEnvs?: EnvVar[];
  serverCertSANs?: string[];
  peerCertSANs?: string[];
}
interface ExternalEtcd {
  endpoints: string[];
  caFile: string;
  certFile: string;
  keyFile: string;
}

export interface ClusterConfiguration {
  apiVersion: 'kubeadm.k8s.io/v1beta4';
  kind: 'ClusterConfiguration';
  etcd?: { local: LocalEtcd } | { external: ExternalEtcd };
  networking?: { serviceSubnet?: string; podSubnet?: string; dnsDomain?: string };
  kubernetesVersion?: string;
  controlPlaneEndpoint?: string;
  apiServer?: ControlPlaneComponent & { certSANs?: string[] };
  controllerManager?: ControlPlaneComponent;
  scheduler?: ControlPlaneComponent;
  dns?: Image & { disabled?: boolean };
  proxy?: { disabled?: boolean };
  certificatesDir?: string;
  imageRepository?: string;
  featureGates?: Flags;
  clusterName?: string;
  encryptionAlgorithm?: 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'ECDSA-P256' | 'ECDSA-P384';
  certificateValidityPeriod?: Duration;
  caCertificateValidityPeriod?: Duration;
}

interface Syncing {
  syncPeriod?: Duration;
  minSyncPeriod?: Duration;
}
interface Masquerading extends Syncing {
  masqueradeBit?: number;
  masqueradeAll?: boolean;
}

export interface KubeProxyConfiguration {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1';
  kind: 'KubeProxyConfiguration';
  featureGates?: Flags;
  clientConnection?: {
    kubeconfig?: string;
    acceptContentTypes?: string;
    contentType?: string;
    qps?: number;
    burst?: number;
  };
  logging?: {
    format?: string;
    flushFrequency?: Duration | number;
    verbosity?: number;
    vmodule?: object[];
    options?: object;
  };
  hostnameOverride?: string;
  bindAddress?: string;
  healthzBindAddress?: string;
  metricsBindAddress?: string;
  bindAddressHardFail?: boolean;
  enableProfiling?: boolean;
  showHiddenMetricsForVersion?: string;
  serviceProxyName?: string;
  mode?: '' | 'iptables' | 'ipvs' | 'nftables' | 'kernelspace';
  iptables?: Masquerading & { localhostNodePorts?: boolean };
  ipvs?: Syncing & {
    scheduler?: string;
    excludeCIDRs?: string[];
    strictARP?: boolean;
    tcpTimeout?: Duration;
    tcpFinTimeout?: Duration;
    udpTimeout?: Duration;
  };
  nftables?: Masquerading & { tableName?: string };
  winkernel?: object;
  detectLocalMode?: 'ClusterCIDR' | 'NodeCIDR' | 'BridgeInterface' | 'InterfaceNamePrefix';
  detectLocal?: { bridgeInterface?: string; interfaceNamePrefix?: string };
  clusterCIDR?: string;
  nodePortAddresses?: string[];
  oomScoreAdj?: number;
  conntrack?: {
    maxPerCore?: number;
    min?: number;
    tcpEstablishedTimeout?: Duration;
    tcpCloseWaitTimeout?: Duration;
    tcpBeLiberal?: boolean;
    udpTimeout?: Duration;
    udpStreamTimeout?: Duration;
  };
  configSyncPeriod?: Duration;
  portRange?: string;
  windowsRunAsService?: boolean;
}

/** Of Cluster API, as far as a template for workers has it. */
interface NodeFile {
  path: string;
  owner?: string;
  permissions?: string;
  encoding?: 'base64' | 'gzip' | 'gzip+base64';
  append?: boolean;
  content?: string;
  contentFrom?: { secret: { name: string; key: string } };
}

export interface KubeadmConfigTemplate {
  apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta2';
  kind: 'KubeadmConfigTemplate';
  metadata: { name: string; namespace?: string; labels?: Readonly<Record<string, string>> };
  spec: {
    template: {
      metadata?: { labels?: Readonly<Record<string, string>> };
      spec: {
        files?: NodeFile[];
        preKubeadmCommands?: string[];
        postKubeadmCommands?: string[];
        joinConfiguration?: { nodeRegistration?: NodeRegistration };
        format?: 'cloud-config' | 'ignition';
      };
    };
  };
}
