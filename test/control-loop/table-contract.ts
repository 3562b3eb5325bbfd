/** What a VirtualServerTable owes the reconciler: the fake and the kernel are held to the same. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ActionResult, VirtualServerTable } from '../../src/control-loop/ports.js';
import type { Action } from '../../src/decisions/reconcile.js';
import { serviceSettings } from '../../src/values/table.js';
import { A, B } from './stage.js';

const CREATE: Action = { kind: 'create-service', settings: serviceSettings('rr') };
const ADD_A: Action = { kind: 'add-destination', server: A, weight: 1 };
const ADD_B: Action = { kind: 'add-destination', server: B, weight: 0 };

function outcomes(results: readonly ActionResult[]): string[] {
  return results.map(({ outcome }) => outcome);
}

/** Rows as `ADDRESS=WEIGHT`, sorted. */
async function rows(table: VirtualServerTable): Promise<string[] | null> {
  const found = await table.read();
  return found?.destinations.map(({ server, weight }) => `${server.address}=${weight}`).sort() ?? null;
}

/**
 * @param open A table that is empty before each test.
 */
export function holdToContract(open: () => Promise<VirtualServerTable>): void {
  it('reads null when there is no such virtual server, and removes nothing', async () => {
    const table = await open();
    assert.equal(await table.read(), null);
    assert.equal(await table.readService(), null);
    assert.equal(await table.find(), null);
    assert.equal(await table.remove(), null);
  });

  it('reads back what was made, and removes all of it', async () => {
    const table = await open();
    assert.deepEqual(outcomes(await table.apply([CREATE, ADD_A, ADD_B])), ['ok', 'ok', 'ok']);
    const found = await table.read();
    assert.deepEqual(
      { ...found, destinations: found?.destinations.length },
      { ...serviceSettings('rr'), destinations: 2 },
    );
    const row = found?.destinations.find(({ server }) => server.text === A.text);
    assert.deepEqual(row, {
      server: A,
      weight: 1,
      forwarding: 'masquerade',
      upperThreshold: 0,
      lowerThreshold: 0,
      active: 0,
      connections: 0,
    });
    const words = await table.find();
    assert.match(words ?? '', /^virtual server /);
    assert.equal(await table.remove(), words);
    assert.equal(await table.read(), null);
  });

  it('changes the scheduler and a weight, and deletes a row', async () => {
    const table = await open();
    await table.apply([CREATE, ADD_A, ADD_B]);
    const results = await table.apply([
      { kind: 'update-service', settings: serviceSettings('sh') },
      { kind: 'update-destination', server: B, weight: 1 },
      { kind: 'remove-destination', server: A },
    ]);
    assert.deepEqual(outcomes(results), ['ok', 'ok', 'ok']);
    const found = await table.read();
    assert.deepEqual([found?.scheduler, found?.flags], ['sh', serviceSettings('sh').flags]);
    assert.deepEqual(await rows(table), [`${B.address}=1`]);
  });

  it('reads the virtual server itself, whatever rows it has', async () => {
    const table = await open();
    await table.apply([CREATE]);
    assert.deepEqual(await table.readService(), { ...serviceSettings('rr'), connections: 0n });
    await table.apply([ADD_A, { kind: 'update-service', settings: serviceSettings('sh') }]);
    assert.deepEqual(await table.readService(), { ...serviceSettings('sh'), connections: 0n });
    const withoutFlag = { scheduler: 'sh', flags: 0, peName: null };
    await table.apply([{ kind: 'update-service', settings: withoutFlag }]);
    assert.deepEqual(await table.readService(), { ...withoutFlag, connections: 0n });
    await table.remove();
    assert.equal(await table.readService(), null);
  });

  it('says that it was raced when things are not as they were read, and goes on', async () => {
    const table = await open();
    await table.apply([CREATE, ADD_A]);
    const results = await table.apply([
      CREATE,
      ADD_A,
      { kind: 'update-destination', server: B, weight: 1 },
      { kind: 'remove-destination', server: B },
      ADD_B,
    ]);
    assert.deepEqual(outcomes(results), ['raced', 'raced', 'raced', 'raced', 'ok']);
    assert.deepEqual(await rows(table), [`${A.address}=1`, `${B.address}=0`]);
  });

  it('says that it was raced when the virtual server is gone', async () => {
    const table = await open();
    const results = await table.apply([ADD_A, { kind: 'remove-destination', server: A }]);
    assert.deepEqual(outcomes(results), ['raced', 'raced']);
    assert.equal(await table.read(), null);
  });
}
