import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseImage, parsePodName } from '../../src/config/names.js';
import { refused } from './refused.js';

describe('the name of a pod', () => {
  for (const name of ['lvscare', 'kube-sealos-lvscare', 'a', '7', 'a'.repeat(63)]) {
    it(`may be ${name}`, () => {
      assert.equal(parsePodName(name, '--name'), name);
    });
  }
  for (const name of ['', 'A', '-a', 'a-', 'a_b', 'a.b', 'a b', 'a'.repeat(64), 'é', 'a\n']) {
    it(`is not ${JSON.stringify(name)}`, () => {
      const expected = 'a DNS label (RFC 1123): at most 63 of a-z, 0-9 and, inside, -';
      refused(`--name: expected ${expected}, got ${JSON.stringify(name)}`, () =>
        parsePodName(name, '--name'),
      );
    });
  }
});

describe('an image', () => {
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
  const good = [
    ...[
      'lvscare',
      'lvscare:0.1.0',
      'a/b',
      'registry.example.com/lvscare:v1',
      'localhost:5000/a/b_c/d-e:T_1.x',
    ],
    ...[`lvscare@${digest}`, `[fd00::1]:5000/lvscare:1@${digest}`, '127.0.0.1/lvscare', 'a__b/c--d'],
  ];
  for (const image of good) {
    it(`may be ${image}`, () => {
      assert.equal(parseImage(image, '--image'), image);
    });
  }
  const bad = [
    ...[
      '',
      ' ',
      'Lvscare',
      'a b',
      'a:',
      'a:b c',
      ':x',
      '/a',
      'a/',
      'a//b',
      '-a',
      `a@${'x'.repeat(40)}`,
      'a@sha256:12',
    ],
    ...['a:b:c', 'a\n', `a:${'t'.repeat(129)}`, 'a'.repeat(600), 'http://a/b', '"a"', 'a#b'],
  ];
  for (const image of bad) {
    it(`is not ${JSON.stringify(image)}`, () => {
      const expected = 'an image, [HOST[:PORT]/]NAME[:TAG][@DIGEST]';
      refused(`--image: expected ${expected}, got ${JSON.stringify(image)}`, () =>
        parseImage(image, '--image'),
      );
    });
  }
});
