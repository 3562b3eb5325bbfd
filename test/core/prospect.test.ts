import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoint } from '../../src/core/endpoint.js';
import type { Evidence, EvidenceKind } from '../../src/core/evidence.js';
import { prospects } from '../../src/core/prospect.js';

/** `ok`, `silent`, ..., `unreachable`, or `void` for each server; and what becomes of each. */
const cases: readonly (readonly [found: string, prospects: string])[] = [
  ['ok ok', 'up:serve up:serve'],
  ['ok status', 'up:serve sick:drain'],
  ['ok slow', 'up:serve sick:drain'],
  ['ok tls', 'up:serve sick:drain'],
  ['ok broken', 'up:serve sick:drain'],
  ['ok refused', 'up:serve dead:drain until idle'],
  ['ok silent', 'up:serve dead:remove'],
  ['ok unreachable', 'up:serve dead:remove'],
  ['ok void', 'up:serve unknown:keep'],
  ['status void', 'sick:keep unknown:keep'],
  ['status silent', 'sick:serve! dead:remove'],
  ['status slow', 'sick:serve! sick:drain'],
  ['status tls', 'sick:serve! sick:serve!'],
  ['tls refused', 'sick:serve! dead:drain until idle'],
  ['refused refused', 'dead:drain until idle dead:drain until idle'],
  ['silent silent', 'dead:serve! dead:serve!'],
  ['ok', 'up:serve'],
  ['void', 'unknown:keep'],
];

function evidence(word: string): Evidence | null {
  if (word === 'void') return null;
  if (word === 'unreachable') return { kind: 'silent', detail: word, unreachable: true };
  return { kind: word as EvidenceKind, detail: word };
}

describe('what becomes of servers that go on like this', () => {
  for (const fall of [1, 2, 5])
    for (const [found, expected] of cases)
      it(`${found}, ${fall} in a row: ${expected}`, () => {
        const probed = found.split(' ').map((word, index) => ({
          server: endpoint('ipv4', `10.0.0.${index + 1}`, 6443),
          evidence: evidence(word),
        }));
        const said = prospects(probed, fall).map(({ state, intent, lastResort }) => {
          const idle = intent.kind === 'drain' && intent.untilIdle ? ' until idle' : '';
          return `${state}:${intent.kind}${idle}${lastResort ? '!' : ''}`;
        });
        assert.equal(said.join(' '), expected);
      });
});
