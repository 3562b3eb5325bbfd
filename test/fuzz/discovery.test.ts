import { describe } from 'node:test';
import fc from 'fast-check';
import {
  parseEndpoints,
  parseSliceList,
  parseWatchEvent,
  statusMessage,
} from '../../src/discovery/api-objects.js';
import { parseKubeconfig } from '../../src/discovery/kubeconfig.js';
import { inOneLine } from '../../src/text/one-line.js';
import { anyBytes, anyText, changedJson, fuzz, harmless, mutated, quickly } from './fuzz.js';

/** Parses a text, which may be refused by an error of one line. */
async function parsing(parse: () => unknown): Promise<void> {
  await quickly(() => {
    try {
      parse();
    } catch (error) {
      // What the reader adds, and before it a line that is not yet cut.
      harmless(inOneLine((error as Error).message, 200));
      if ((error as Error).name !== 'Error') throw error;
    }
  });
}

const KUBECONFIGS = [
  'apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- context:\n    cluster: k\n    user: u\n  name: c\nclusters:\n- cluster:\n    certificate-authority-data: YQ==\n    server: https://10.0.0.1:6443\n  name: k\nusers:\n- name: u\n  user:\n    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem\n',
  '{"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],"clusters":[{"name":"k","cluster":{"certificate-authority":"ca.crt","server":"https://[fd00::1]"}}],"users":[{"name":"u","user":{"token":"a"}}]}',
];
const KEYS = ['exec', 'as', 'tokenFile', 'proxy-url', 'server', 'current-context', 'contexts', 'name'];

describe('a kubeconfig', () => {
  fuzz('is read or refused', fc.oneof(mutated(KUBECONFIGS, KEYS), anyText, anyBytes), async (text) => {
    await parsing(() => parseKubeconfig(text, '/etc/kubernetes'));
  });
});

const SLICE = {
  kind: 'EndpointSlice',
  apiVersion: 'discovery.k8s.io/v1',
  metadata: { name: 'kubernetes', resourceVersion: '9' },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }, { addresses: ['fd00::1'] }],
  ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
};
const LIST = {
  kind: 'EndpointSliceList',
  apiVersion: 'discovery.k8s.io/v1',
  metadata: { resourceVersion: '9' },
  items: [SLICE],
};
const ENDPOINTS = {
  kind: 'Endpoints',
  apiVersion: 'v1',
  subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: SLICE.ports }],
};
const API_KEYS = [
  'kind',
  'metadata',
  'items',
  'endpoints',
  'addresses',
  'ports',
  'subsets',
  'type',
  'object',
  'ERROR',
];

describe('an answer of the Kubernetes API', () => {
  const values = [
    LIST,
    ENDPOINTS,
    { type: 'MODIFIED', object: SLICE },
    { type: 'ERROR', object: { code: 410 } },
  ];
  const texts = fc.oneof(
    ...values.map((value) => changedJson(value, API_KEYS).map((changed) => JSON.stringify(changed))),
    mutated(
      values.map((value) => JSON.stringify(value)),
      API_KEYS,
    ),
    anyText,
  );
  fuzz('is a list of servers or refused', texts, async (text) => {
    for (const parse of [parseSliceList, parseEndpoints, parseWatchEvent]) await parsing(() => parse(text));
    await quickly(() => statusMessage(text));
  });
});
