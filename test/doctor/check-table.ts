/** Tables of what is broken on a node and what a check says of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import type { Said } from '../../src/doctor/finding.js';
import type { Node, Subject } from '../../src/doctor/ports.js';
import { lineOf, nodeFrom, SUBJECT, wellNode, type FakeNode } from './fake-node.js';

type Look = (node: Node, subject: Subject) => Promise<Said | readonly Said[]>;
/** What is broken, and the line that says so; a RegExp for a line that is long. */
type Case = readonly [what: string, breakIt: (fake: FakeNode) => unknown, ...lines: (string | RegExp)[]];

export function without({ files }: FakeNode, path: string): FakeNode['files'] {
  return Object.fromEntries(Object.entries(files).filter(([file]) => file !== path));
}

export function table(name: string, look: Look, cases: readonly Case[]): void {
  describe(`doctor: ${name}`, () => {
    for (const [what, breakIt, ...expected] of cases)
      it(what, async () => {
        const fake = wellNode();
        // What it gives back is another subject, if it is anything.
        const subject = { ...SUBJECT, ...((breakIt(fake) ?? {}) as Partial<Subject>) };
        const lines = [await look(nodeFrom(fake), subject)].flat().map(lineOf);
        assert.equal(lines.length, expected.length, lines.join('\n'));
        lines.forEach((line, index) => {
          const wanted = expected[index] ?? '';
          if (typeof wanted === 'string') assert.equal(line, wanted);
          else assert.match(line, wanted);
        });
      });
  });
}

export const well = (): undefined => undefined;

export const VS6 = endpoint('ipv6', 'fd00::2', 6443);

export const onMaster = (fake: FakeNode): void => {
  fake.addresses.push({ address: '10.0.0.1', prefixLength: 24, interfaceName: 'eth0', onDummy: false });
};

/** 10.103.97.2:6443 with the real servers 10.0.0.1 and 10.0.0.2. */
export const HELD =
  'TCP  0A676102:192B rr \n  -> 0A000001:192B      Masq    1      0          0\n  -> 0A000002:192B      Masq    1      0          0\n';

export const hosts =
  (...lines: string[]) =>
  (fake: FakeNode): void => {
    fake.files['/etc/hosts'] = `127.0.0.1 localhost\n${lines.join('\n')}\n`;
  };
