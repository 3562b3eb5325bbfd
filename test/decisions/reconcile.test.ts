import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Desired, Intent, WantedDestination } from '../../src/decisions/desired.js';
import { reconcile, type Action } from '../../src/decisions/reconcile.js';
import { serviceSettings, type ObservedTable, type Destination } from '../../src/values/table.js';
import { cell, decisionTable, titleOf } from './decision-tables.js';
import { foundRow, list, sayAction, server, wantedRow } from './notation.js';

const settings = serviceSettings('rr');

function observed(service: string, found: string): ObservedTable {
  if (service === 'none') return null;
  const rows = list(found).map((text) => foundRow(text).row);
  return {
    scheduler: service.replace('!', ''),
    flags: service.endsWith('!') ? 1 : 0,
    peName: null,
    destinations: rows,
  };
}

function wanting(rows: readonly WantedDestination[]): Desired {
  return { destinations: rows, drains: new Map(), failOpen: false, preferred: [] };
}

describe('from wanted and observed to actions', () => {
  for (const row of decisionTable('reconcile')) {
    it(titleOf(row), () => {
      const rows = list(cell(row, 'wanted')).map(wantedRow);
      const actions = reconcile(settings, wanting(rows), observed(cell(row, 'service'), cell(row, 'found')));
      assert.equal(actions.map(sayAction).join(', '), cell(row, 'actions'));
    });
  }
});

describe('reconcile, whatever is wanted and found', () => {
  const letters = fc.constantFrom('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H');
  const intent = fc.constantFrom<Intent>(
    { kind: 'serve', weight: 1 },
    { kind: 'standby' },
    { kind: 'keep' },
    { kind: 'drain', untilIdle: false },
    { kind: 'drain', untilIdle: true },
    { kind: 'rest' },
    { kind: 'remove' },
  );
  const wantedRows = fc.uniqueArray(fc.record({ server: letters.map(server), intent }), {
    selector: (row) => row.server.text,
  });
  const foundRows = fc.uniqueArray<Destination, string>(
    fc.record({
      server: letters.map(server),
      weight: fc.integer({ min: 0, max: 3 }),
      forwarding: fc.constantFrom<Destination['forwarding']>('masquerade', 'direct', 'tunnel', 'local', 5),
      upperThreshold: fc.constantFrom(0, 100),
      lowerThreshold: fc.constantFrom(0, 10),
      active: fc.nat(3),
      connections: fc.nat(3),
    }),
    { selector: (row) => row.server.text },
  );
  const tables: fc.Arbitrary<ObservedTable> = fc.option(
    fc.record({
      scheduler: fc.constantFrom('rr', 'wlc'),
      flags: fc.constantFrom(0, 1),
      peName: fc.constantFrom(null, 'sip'),
      destinations: foundRows,
    }),
  );

  it('converges in one pass, and then has nothing to do', () => {
    fc.assert(
      fc.property(wantedRows, tables, (rows, before) => {
        const desired = wanting(rows);
        const after = reconcile(settings, desired, before).reduce(carryOut, before);
        assert.deepEqual(reconcile(settings, desired, after), []);
        for (const { server: wanted, intent: kind } of rows) {
          const row = after?.destinations.find((each) => each.server.text === wanted.text);
          if (kind.kind === 'serve') assert.equal(row?.weight, 1);
          if (kind.kind === 'drain' || kind.kind === 'rest') assert.equal(row?.weight ?? 0, 0);
          if (kind.kind === 'remove') assert.equal(row, undefined);
        }
      }),
    );
  });

  it('touches no row that it was not asked about, and none that is to be kept', () => {
    fc.assert(
      fc.property(wantedRows, tables, (rows, before) => {
        const touchable = new Set(
          rows.filter((row) => row.intent.kind !== 'keep').map((row) => row.server.text),
        );
        for (const action of reconcile(settings, wanting(rows), before)) {
          if ('server' in action) assert.ok(touchable.has(action.server.text));
        }
      }),
    );
  });

  it('never takes the last weight away before giving the new one', () => {
    fc.assert(
      fc.property(wantedRows, tables, (rows, before) => {
        const actions = reconcile(settings, wanting(rows), before);
        const lastRaise = actions.findLastIndex((action) => 'weight' in action && action.weight > 0);
        const firstFall = actions.findIndex(
          (action) => action.kind === 'remove-destination' || ('weight' in action && action.weight === 0),
        );
        if (firstFall >= 0) assert.ok(lastRaise < firstFall);
      }),
    );
  });
});

/** The kernel, as far as one virtual server goes: it refuses what the kernel refuses. */
function carryOut(table: ObservedTable, action: Action): ObservedTable {
  if (action.kind === 'create-service') {
    assert.equal(table, null, 'EEXIST');
    return { ...action.settings, destinations: [] };
  }
  assert.ok(table !== null, 'ESRCH');
  if (action.kind === 'update-service') return { ...table, ...action.settings };
  const others = table.destinations.filter((row) => row.server.text !== action.server.text);
  const existed = others.length < table.destinations.length;
  assert.equal(
    existed,
    action.kind !== 'add-destination',
    action.kind === 'add-destination' ? 'EEXIST' : 'ENOENT',
  );
  if (action.kind === 'remove-destination') return { ...table, destinations: others };
  const row: Destination = {
    server: action.server,
    weight: action.weight,
    forwarding: 'masquerade',
    upperThreshold: 0,
    lowerThreshold: 0,
    active: 0,
    connections: 0,
  };
  return { ...table, destinations: [...others, row] };
}
