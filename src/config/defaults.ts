/** Defaults that more than one place has to know. */
import type { ListenAddress } from '../values/listen-address.js';

/** The file that certificates are verified by when nothing else is said. */
export const DEFAULT_CA = '/etc/kubernetes/pki/ca.crt';

/** Where to tell how it goes: this node alone can ask. */
export const DEFAULT_METRICS_ADDRESS = {
  kind: 'tcp',
  address: '127.0.0.1',
  port: 9288,
  text: '127.0.0.1:9288',
} as const satisfies ListenAddress;

/** Where a static pod is written to. */
export const DEFAULT_MANIFEST = '/etc/kubernetes/manifests/lvscare.yaml';
