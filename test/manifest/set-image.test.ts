import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lvscareContainer, withImage } from '../../src/manifest/set-image.js';

const NEW = 'registry.example.com/lvscare:0.2.0';

/** As sealos writes it. */
const SEALOS = `apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  name: kube-sealos-lvscare
  namespace: kube-system
spec:
  containers:
  - args:
    - care
    command:
    - /usr/bin/lvscare
    image: OLD
    imagePullPolicy: IfNotPresent
    name: kube-sealos-lvscare
status: {}
`;

const changed: readonly (readonly [what: string, text: string])[] = [
  ['what sealos writes', SEALOS],
  ['line ends of Windows', SEALOS.replaceAll('\n', '\r\n')],
  ['no line end at the end', SEALOS.trimEnd()],
  ['a marker before it and after it', `---\n${SEALOS}...\n`],
  [
    'comments, and odd spaces',
    SEALOS.replace('OLD', '  OLD   # image: x').replace('spec:', 'spec:   # here\n\n'),
  ],
  ['single quotes', SEALOS.replace('OLD', "'OLD'")],
  ['double quotes', SEALOS.replace('OLD', '"OLD"')],
  ['text that is not ASCII before it', SEALOS.replace('metadata:', '# 日本 😀 é\nmetadata:')],
  ['a value on a line of its own', SEALOS.replace('image: OLD', 'image:\n      OLD')],
  ['flow style', `{kind: Pod, spec: {containers: [{name: lvscare, image: OLD, args: [care]}]}}\n`],
  [
    'JSON',
    JSON.stringify({ kind: 'Pod', spec: { containers: [{ name: 'lvscare', image: 'OLD' }] } }, null, 2),
  ],
  [
    'other containers, before and after, and an init container',
    'kind: Pod\nspec:\n  initContainers:\n  - {name: lvscare, image: not-this}\n  containers:\n' +
      '  - {name: other, image: nor-this}\n  - name: lvscare\n    image: OLD\n  - {name: third, image: nor-that}\n',
  ],
  [
    'another container, when only the program is called so',
    'kind: Pod\nspec:\n  containers:\n  - {name: other, image: nor-this}\n  - name: x\n    command: [/usr/bin/lvscare]\n    image: OLD\n',
  ],
  ['the only one, by its image', 'kind: Pod\nspec: {containers: [{name: x, image: OLD}]}\n'],
];

/** What is only one by what it is told, whatever its image is called. */
const told = ['args: [care, --vs]', 'command: [sealctl, ipvs]', 'command: [care]'];

describe('another image', () => {
  for (const [what, text] of changed) {
    it(`is set, and all else is kept: ${what}`, () => {
      const before = text.replace('OLD', 'ghcr.io/labring/lvscare:v4.3.7');
      assert.notEqual(before, text);
      assert.equal(withImage(before, NEW), text.replace('OLD', NEW));
      assert.equal(withImage(withImage(before, NEW), NEW), text.replace('OLD', NEW));
    });
  }

  for (const words of told) {
    it(`is set in the only container, which is reported: ${words}`, () => {
      const text = `kind: Pod\nspec: {containers: [{name: x, image: OLD, ${words}}]}\n`;
      lvscareContainer(text);
      assert.equal(withImage(text, NEW), text.replace('OLD', NEW));
    });
  }

  it('may be one that is not called so', () => {
    const text = 'kind: Pod\nspec: {containers: [{name: x, image: "a/lvscare:1"}]}\n';
    assert.equal(withImage(text, 'b/c:2'), text.replace('a/lvscare:1', 'b/c:2'));
  });

  const refused: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['nothing', '', /it is empty/],
    ['only comments', '# nothing\n', /it is empty/],
    ['no YAML', 'kind: Pod\n  a: b: c\n', /it is not valid YAML: /],
    [
      'no YAML, with a place that ends in a colon',
      'kind: Pod\nmetadata: [\n',
      /^it is not valid YAML: [^\n]* at line \d+, column \d+$/,
    ],
    [
      'the pod of an apiserver',
      'kind: Pod\nspec: {containers: [{name: kube-apiserver, image: r/kube-apiserver:1, command: [kube-apiserver, --x]}]}\n',
      /its container is not lvscare's/,
    ],
    ['a tab where none may be', 'kind: Pod\nspec:\n\tcontainers: []\n', /it is not valid YAML: /],
    ['a key twice', 'kind: Pod\nkind: Pod\nspec: {}\n', /it is not valid YAML: /],
    ['two pods', `${SEALOS}---\n${SEALOS}`, /more than one document/],
    ['another kind', 'kind: Service\nspec: {}\n', /it is not a Pod/],
    ['a list', '- a\n', /it is not a Pod/],
    ['a text', 'a\n', /it is not a Pod/],
    ['no containers', 'kind: Pod\nspec: {}\n', /it has no container/],
    [
      'two containers, neither of them ours',
      'kind: Pod\nspec: {containers: [{name: a, image: b}, {name: c}]}\n',
      /none of its 2 containers is called lvscare/,
    ],
    ['no image', 'kind: Pod\nspec: {containers: [{name: lvscare}]}\n', /has no image/],
    ['an empty image', 'kind: Pod\nspec: {containers: [{name: lvscare, image: ""}]}\n', /has no image/],
    [
      'an image that is no text',
      'kind: Pod\nspec: {containers: [{name: lvscare, image: 7}]}\n',
      /has no image/,
    ],
    ['an alias', 'kind: Pod\na: &a x\nspec: {containers: [{name: lvscare, image: *a}]}\n', /has no image/],
    [
      'an anchor',
      'kind: Pod\nspec: {containers: [{name: lvscare, image: &a x}]}\n',
      /cannot be changed in place/,
    ],
    [
      'a block',
      'kind: Pod\nspec:\n  containers:\n  - name: lvscare\n    image: |\n      x\n',
      /cannot be changed in place/,
    ],
  ];
  for (const [what, text, message] of refused) {
    it(`is refused for ${what}`, () => {
      assert.throws(
        () => withImage(text, NEW),
        (error: Error) => message.test(error.message),
      );
    });
  }
});
