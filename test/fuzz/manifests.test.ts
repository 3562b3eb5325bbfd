import { describe } from 'node:test';
import fc from 'fast-check';
import { careManifests, listsOf, MANIFESTS, scalarOf } from '../../src/doctor/manifests.js';
import { CARE_OPTIONS } from '../../src/config/options.js';
import { optionsIn, withEdit } from '../../src/manifest/edit-arguments.js';
import { withImage } from '../../src/manifest/set-image.js';
import { nodeFrom, wellNode } from '../doctor/fake-node.js';
import { anyBytes, anyJson, anyText, COMMAND_MS, fuzz, mutated, quickly } from './fuzz.js';

const CORPUS = [
  'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: lvscare\n    args:\n    - care\n    - --vs=10.103.97.2:6443\n    - --rs\n    - 10.0.0.1:6443\n    command:\n    - /usr/bin/lvscare\n    image: lvscare:v5\n',
  'apiVersion: v1\nclusters:\n- cluster:\n    server: https://10.103.97.2:6443\n  name: kubernetes\n',
  'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: "ipvs"\nclusterCIDR: 10.244.0.0/16\nipvs:\n  excludeCIDRs: [10.103.97.2/32]\n',
  'a: &a [lvscare, care]\nb: &b {x: *a, args: *a}\n---\nc: [*b, *b]\n',
  '{"kind":"Pod","spec":{"containers":[{"command":["/usr/bin/lvscare","care"],"image":"lvscare"}]}}',
];
const WORDS = [
  'args',
  'command',
  'mode',
  'server',
  'excludeCIDRs',
  'lvscare',
  'care',
  'image',
  'kind',
  'Pod',
];
const texts = fc.oneof(
  mutated(CORPUS, WORDS, 2048),
  anyJson(WORDS).map((value) => JSON.stringify(value)),
  anyText,
  anyBytes,
);

describe('manifests and files of Kubernetes', () => {
  fuzz('are read by doctor', texts, async (text) => {
    const fake = wellNode();
    fake.files[`${MANIFESTS[0]}/a.yaml`] = `# lvscare\n${text}`;
    await quickly(() => careManifests(nodeFrom(fake).files), COMMAND_MS);
    listsOf(text, 'excludeCIDRs');
    for (const key of ['mode', 'server', 'clusterCIDR']) scalarOf(text, key);
  });

  const option = CARE_OPTIONS.find(({ flag }) => flag === 'rs');
  fuzz('are changed, or refused by an error', texts, async (text) => {
    await quickly(() => {
      for (const change of [
        () => withImage(text, 'lvscare:v6'),
        () => optionsIn(text, CARE_OPTIONS),
        () => option && withEdit(text, { kind: 'add', option, value: '10.0.0.9:6443' }, CARE_OPTIONS),
      ])
        try {
          change();
        } catch (error) {
          // Not a fault of the code, which has a class of its own.
          if (!(error instanceof Error) || error.constructor !== Error) throw error;
        }
    }, COMMAND_MS);
  });
});
