import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { desire } from '../../src/decisions/desired.js';
import { cell, decisionTable, titleOf } from './decision-tables.js';
import { foundRow, judged, list, sayWanted } from './notation.js';

const NOW_MS = 1_000_000;
const DEPARTING = ' departing';

describe('from health to the wanted table', () => {
  for (const row of [
    ...decisionTable('desired'),
    ...decisionTable('drained'),
    ...decisionTable('preferred'),
    ...decisionTable('suspects'),
  ]) {
    it(titleOf(row), () => {
      const found = list(cell(row, 'found')).map(foundRow);
      const drains = new Map(
        found.flatMap(({ row: { server }, drainedMs }) =>
          drainedMs === null ? [] : [[server.text, NOW_MS - drainedMs] as const],
        ),
      );
      const servers = list(cell(row, 'servers'));
      const isDeparting = (text: string): boolean => text.endsWith(DEPARTING);
      const departing = servers.filter(isDeparting).map((text) => judged(text.slice(0, -DEPARTING.length)));
      const desired = desire(
        servers.filter((text) => !isDeparting(text)).map(judged),
        found.map((each) => each.row),
        drains,
        NOW_MS,
        { scheduler: cell(row, 'scheduler'), weights: new Map(), drainTimeoutMs: 30_000 },
        new Map(departing.map(({ server, health }) => [server.text, health])),
      );
      assert.equal(desired.destinations.map(sayWanted).join(', '), cell(row, 'wanted'));
      assert.equal(desired.failOpen ? 'yes' : 'no', cell(row, 'last resort'));
    });
  }
});

describe('when no server is up', () => {
  const ranks = decisionTable('last resort').map((row) => ({
    evidence: cell(row, 'last evidence').replaceAll('`', ''),
    rank: cell(row, 'rank') === 'never' ? 0 : Number(cell(row, 'rank')),
  }));

  it('those with the highest rank serve', () => {
    const pairs = ranks.flatMap((one) => ranks.map((other) => [one, other] as const));
    for (const [one, other] of pairs) {
      const servers = [judged(`A dead(${one.evidence})`), judged(`B sick(${other.evidence})`)];
      const { destinations: rows } = desire(servers, [], new Map(), 0, {
        scheduler: 'rr',
        weights: new Map(),
        drainTimeoutMs: 30_000,
      });
      const highest = Math.max(one.rank, other.rank);
      assert.deepEqual(
        rows.map(({ intent }) => intent.kind === 'serve'),
        [one, other].map(({ rank }) => rank === highest && rank > 0),
        `${one.evidence}, ${other.evidence}`,
      );
    }
  });
});

describe('a server that is drained by hand', () => {
  const health = fc.constantFrom(
    'unknown',
    'up(ok)',
    'sick(status)',
    'sick(status starting)',
    'sick(slow)',
    'sick(slow starting)',
    'sick(refused)',
    'dead(refused)',
    'dead(silent)',
    'dead(silent?)',
  );
  const servers = fc
    .array(
      fc.record({
        health,
        drained: fc.boolean(),
        preferred: fc.boolean(),
        weight: fc.constantFrom(null, 0, 1),
      }),
      {
        minLength: 1,
        maxLength: 6,
      },
    )
    .map((all) =>
      all.map((one, index) => {
        const letter = 'ABCDEF'.charAt(index);
        return {
          judged: judged(
            `${letter} ${one.health}${one.drained ? ' drained' : ''}${one.preferred ? ' preferred' : ''}`,
          ),
          health: one.health,
          row: one.weight === null ? null : foundRow(`${letter}=${one.weight}+1`).row,
        };
      }),
    );

  it('there is one who serves if any is up, one who may if any might answer, and a drained one only then', () => {
    fc.assert(
      fc.property(servers, fc.constantFrom('rr', 'dh'), (all, scheduler) => {
        const who = all.map((one) => one.judged);
        const found = all.flatMap(({ row }) => (row === null ? [] : [row]));
        const policy = { scheduler, weights: new Map(), drainTimeoutMs: 30_000 };
        const { destinations: rows, failOpen } = desire(who, found, new Map(), 0, policy);
        const serving = who.filter((_, index) => rows[index]?.intent.kind === 'serve');
        const isUp = ({ health: { state } }: (typeof who)[number]): boolean => state === 'up';
        const undecided = !who.some((one) => isUp(one) && !one.drained) && who.some(isUnknown);
        const neverServe = ['dead(refused)', 'sick(refused)', 'sick(slow starting)'];
        const mayAnswer = all.some((one) => !neverServe.includes(one.health));
        if (!undecided) assert.equal(serving.length > 0, mayAnswer);
        if (who.some(isUp) && !undecided) assert.ok(serving.some(isUp));
        if (who.some((one) => isUp(one) && !one.drained)) assert.ok(!serving.some((one) => one.drained));
        if (serving.some((one) => one.drained)) assert.ok(failOpen);
        const preferred = who.filter((one) => one.preferred && isUp(one) && !one.drained);
        if (preferred.length > 0) assert.deepEqual(serving, preferred);
        else assert.ok(rows.every(({ intent }) => intent.kind !== 'standby'));
      }),
    );
  });

  function isUnknown({ health: { state } }: ReturnType<typeof judged>): boolean {
    return state === 'unknown';
  }
});

describe('the time of a drain', () => {
  const policy = { scheduler: 'rr', weights: new Map(), drainTimeoutMs: 30_000 };
  const found = [foundRow('A=1').row, foundRow('B=1+2').row];

  it('begins when the row begins to be drained, and is kept from then on', () => {
    const first = desire([judged('A up(ok)'), judged('B sick(status)')], found, new Map(), 5_000, policy);
    assert.deepEqual([...first.drains.values()], [5_000]);
    const second = desire([judged('A up(ok)'), judged('B sick(status)')], found, first.drains, 9_000, policy);
    assert.deepEqual(second.drains, first.drains);
  });

  it('is forgotten when the server serves again, so that the next drain is whole', () => {
    const first = desire([judged('A up(ok)'), judged('B sick(status)')], found, new Map(), 0, policy);
    const resort = desire(
      [judged('A sick(status)'), judged('B sick(status)')],
      found,
      first.drains,
      60_000,
      policy,
    );
    assert.deepEqual([...resort.drains], []);
    const again = desire(
      [judged('A up(ok)'), judged('B sick(status)')],
      found,
      resort.drains,
      90_000,
      policy,
    );
    assert.deepEqual(again.destinations.map(sayWanted), ['A serve', 'B drain']);
  });

  it('of 0 seconds removes at once', () => {
    const desired = desire([judged('A up(ok)'), judged('B sick(status)')], found, new Map(), 0, {
      ...policy,
      drainTimeoutMs: 0,
    });
    assert.deepEqual(desired.destinations.map(sayWanted), ['A serve', 'B remove']);
  });
});
