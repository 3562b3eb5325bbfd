import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { careManifests, listsOf, scalarOf } from '../../src/doctor/manifests.js';
import { flagValue } from '../../src/doctor/processes.js';
import { nodeFrom, wellNode } from './fake-node.js';

describe('YAML, as far as it matters', () => {
  const lists: readonly (readonly [yaml: string, items: readonly string[]])[] = [
    ['args:\n- a\n- b c\nimage: x', ['a', 'b c']],
    [
      "    args:\n      - \"a\"\n      # - no\n\n      - 'it''s' # yes\n      - c # no\n    image: x\n    - d",
      ['a', "it's", 'c'],
    ],
    ['  - args:\n    - a\n    image: x', ['a']],
    ['args: [a, "b, c", \'d\']', ['a', 'b, c', 'd']],
    ['args: [\n  "a",\n  "b"\n]\nother: [c]', ['a', 'b']],
    ['{\n  "args": [\n    "a",\n    "--x=\\"1\\""\n  ],\n  "y": 1\n}', ['a', '--x="1"']],
    ['args: []', []],
    ['args: null', []],
    ['args:\nimage: x', []],
  ];
  for (const [yaml, items] of lists)
    it(JSON.stringify(yaml), () => {
      assert.deepEqual(listsOf(yaml, 'args').flat(), items);
    });

  const scalars: readonly (readonly [yaml: string, value: string | null])[] = [
    ['mode: ipvs', 'ipvs'],
    ['mode: "ipvs"', 'ipvs'],
    ["mode: 'ipvs' # x", 'ipvs'],
    ['mode: ""', ''],
    ['mode:', ''],
    ['  "mode": "ipvs",', 'ipvs'],
    ['othermode: x', null],
    ['    server: https://10.0.0.1:6443', null],
  ];
  for (const [yaml, value] of scalars)
    it(JSON.stringify(yaml), () => {
      assert.equal(scalarOf(yaml, 'mode'), value);
    });

  it('finds the static pods of lvscare, and the arguments of care there', async () => {
    const fake = wellNode();
    const manifests = '/etc/kubernetes/manifests';
    // As sealos writes it.
    fake.files[`${manifests}/kube-sealos-lvscare.yaml`] =
      'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - args:\n    - care\n    - --vs\n    - 10.103.97.2:6443\n' +
      '    - --health-path\n    - /healthz\n    - --rs\n    - 10.0.0.1:6443\n    command:\n    - /usr/bin/lvscare\n    image: lvscare:v5\n';
    fake.files[`${manifests}/b.json`] =
      '{"spec":{"containers":[{"command":["/usr/bin/lvscare","care","--vs=10.103.97.3:6443"],"image":"x"}]}}';
    fake.files[`${manifests}/etcd.yaml`] = 'command:\n- etcd\n- care\n';
    fake.files['/var/lib/rancher/k3s/agent/pod-manifests/lvscare.yaml'] =
      "image: lvscare\nargs: ['care', '--vs', '10.103.97.4:6443']\n";
    const found = await careManifests(nodeFrom(fake).files);
    assert.deepEqual(
      found.map(({ args }) => flagValue(args, 'vs')),
      ['10.103.97.3:6443', '10.103.97.2:6443', '10.103.97.4:6443'],
    );
    assert.deepEqual(found[1]?.args.slice(2), ['--health-path', '/healthz', '--rs', '10.0.0.1:6443']);
  });
});

describe('YAML that leads back to where it is', () => {
  it('is read once', () => {
    const text = 'a: &a\n  b: *a\n  args: [care]\n';
    assert.deepEqual(listsOf(text, 'args'), [['care']]);
    assert.equal(scalarOf(text, 'mode'), null);
  });
});

describe('YAML that a parser needs too long or too much memory for', () => {
  const MOST = 64 * 1024;
  const hostile: Readonly<Record<string, string>> = {
    'maps in each other': '{'.repeat(1000),
    'lists in each other': '['.repeat(1000),
    'maps in each other, all closed': `${'{a: '.repeat(30)}1${'}'.repeat(30)}`,
    'keys in each other': '? '.repeat(1000),
    'keys in each other, each on a line': Array.from({ length: 100 }, (_, at) => `${' '.repeat(at)}?`).join(
      '\n',
    ),
    'more than 64 KiB': `${'a: 1\n'.repeat(MOST / 5)}args: [care]\n`,
  };
  for (const [what, text] of Object.entries(hostile))
    it(`${what}: has no values`, () => {
      const withArgs = `args: [care]\n---\n${text}`;
      assert.deepEqual(listsOf(withArgs, 'args'), []);
      assert.equal(scalarOf(withArgs, 'a'), null);
    });

  const bombs: Readonly<Record<string, string>> = {
    'aliases of aliases': `a0: &a0 [x, x]\n${Array.from({ length: 30 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`).join('\n')}`,
    'one anchor and its aliases': `- &a x\n${'- *a\n'.repeat(MOST / 5 - 10)}`,
    'errors on every line': ': : :\n'.repeat(MOST / 6),
    'lists in each other, as deep as is read': `${'['.repeat(20)}${']'.repeat(20)}`,
  };
  for (const [what, text] of Object.entries(bombs))
    it(`${what}: is read without a crash`, () => {
      assert.ok(text.length <= MOST);
      assert.deepEqual(listsOf(text, 'args'), []);
    });
});
