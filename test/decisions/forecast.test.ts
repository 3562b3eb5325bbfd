import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import type { Evidence, EvidenceKind } from '../../src/values/evidence.js';
import { forecast } from '../../src/decisions/forecast.js';

/** `ok`, `silent`, ..., `unreachable`, or `void`; and what becomes of the server while another one is up. */
const cases: readonly (readonly [found: string, expected: string])[] = [
  ['ok', 'up:serve'],
  ['status', 'sick:drain'],
  ['slow', 'sick:drain'],
  ['tls', 'sick:drain'],
  ['broken', 'sick:drain'],
  ['refused', 'dead:drain until idle'],
  ['silent', 'dead:remove'],
  ['unreachable', 'dead:remove'],
  ['inconclusive', 'unknown:keep'],
];

function evidence(word: string): Evidence | null {
  if (word === 'inconclusive') return null;
  if (word === 'unreachable') return { kind: 'silent', detail: word, unreachable: true };
  return { kind: word as EvidenceKind, detail: word };
}

describe('what becomes of a server that goes on like this', () => {
  for (const fall of [1, 2, 5])
    for (const [found, expected] of cases)
      it(`${found}, ${fall} in a row: ${expected}`, () => {
        const { state, intent } = forecast(endpoint('ipv4', '10.0.0.1', 6443), evidence(found), fall);
        const idle = intent.kind === 'drain' && intent.untilIdle ? ' until idle' : '';
        assert.equal(`${state}:${intent.kind}${idle}`, expected);
      });
});
