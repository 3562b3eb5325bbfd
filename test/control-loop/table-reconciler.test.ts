import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dryTable } from '../../src/control-loop/dry-run.js';
import type { VirtualServerTable } from '../../src/control-loop/ports.js';
import { TableReconciler, type KnownServer } from '../../src/control-loop/table-reconciler.js';
import { step, unknownHealth } from '../../src/decisions/health.js';
import { A, B, POLICY, Stage, VIRTUAL_SERVER } from './stage.js';

/** A table reconciler beside a kernel of its own, whose servers are all up. */
function reconciling(ofTable = (table: VirtualServerTable): VirtualServerTable => table): {
  stage: Stage;
  table: TableReconciler;
  judged: KnownServer[];
} {
  const stage = new Stage();
  const health = step(unknownHealth(0), { kind: 'ok', detail: '' }, 0, POLICY);
  const judged = [A, B].map((server) => ({ server, health, drained: false, suspectSinceMs: null }));
  const { clock, connections, observer } = stage;
  const parts = {
    table: ofTable(stage.kernel.table(VIRTUAL_SERVER)),
    clock,
    connections,
    ownServers: stage.ownServers,
    emit: observer.emit,
  };
  const known = { configured: () => judged, departing: () => new Map(), onRows: () => undefined };
  return { stage, table: new TableReconciler(POLICY, parts, known), judged };
}

describe('the table reconciler', () => {
  it('brings the table to what is wanted, and finds nothing to do after that', async () => {
    const { stage, table } = reconciling();
    await table.pass(['start']);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1']);
    assert.deepEqual(await table.pass(['timer']), []);
    assert.deepEqual(
      stage.observer.passes.map(({ drift }) => drift),
      [false, false],
    );
  });

  it('finds the servers of this node anew in each pass that is not for a verdict alone, if they are preferred', async () => {
    const { stage, table } = reconciling();
    stage.own = [B];
    await table.pass(['start']);
    assert.equal(stage.lookups, 0);
    table.update({ ...POLICY, preferLocal: true });
    await table.pass(['configuration']);
    assert.deepEqual(stage.rows, ['10.103.97.200=0', '10.103.97.201=1']);
    stage.own = [A];
    await table.pass(['verdict']);
    assert.deepEqual([stage.lookups, stage.rows], [1, ['10.103.97.200=0', '10.103.97.201=1']]);
    await table.pass(['verdict', 'notification']);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=0'], 'an address was moved');
    stage.own = [];
    await table.pass(['timer']);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1']);
    table.update(POLICY);
    stage.own = [A];
    await table.pass(['configuration']);
    assert.deepEqual([stage.lookups, stage.rows], [3, ['10.103.97.200=1', '10.103.97.201=1']]);
    assert.deepEqual(stage.observer.preferred, [B.text, A.text, '']);
    assert.ok(stage.observer.passes.every(({ drift }) => !drift));
  });

  it('calls a change of another program drift, and its own never', async () => {
    const { stage, table, judged } = reconciling();
    await table.pass(['start']);
    judged.pop();
    await table.pass(['verdict']);
    await table.pass(['timer']);
    assert.deepEqual(stage.rows, ['10.103.97.200=1']);
    await table.pass(['timer']);
    stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows.delete(A.text);
    await table.pass(['timer']);
    assert.deepEqual(
      stage.observer.passes.map(({ drift }) => drift),
      [false, false, false, false, true],
    );
  });

  it('finds the same to do in each pass of a dry run, and calls that no drift', async () => {
    const { stage, table } = reconciling(dryTable);
    for (const cause of ['start', 'timer'] as const) {
      const results = await table.pass([cause]);
      assert.deepEqual(
        results.map(({ action, outcome }) => [action.kind, outcome]),
        [
          ['create-service', 'dry-run'],
          ['add-destination', 'dry-run'],
          ['add-destination', 'dry-run'],
        ],
      );
      assert.equal(await table.hasDrifted(), false);
    }
    assert.deepEqual(
      stage.observer.passes.map(({ drift }) => drift),
      [false, false],
    );
  });

  it('sees that the virtual server was deleted, but only after a pass that went well', async () => {
    const { stage, table } = reconciling();
    assert.equal(await table.hasDrifted(), false);
    await table.pass(['start']);
    assert.equal(await table.hasDrifted(), false);
    stage.kernel.services.clear();
    assert.equal(await table.hasDrifted(), true);
  });

  it('asks the kernel no more after a check that failed, until a pass went well', async () => {
    const { stage, table } = reconciling();
    await table.pass(['start']);
    stage.kernel.broken = new Error('EBUSY');
    assert.equal(await table.hasDrifted(), false);
    const { checks } = stage.kernel;
    assert.equal(await table.hasDrifted(), false);
    assert.equal(stage.kernel.checks, checks);
    await assert.rejects(table.pass(['drift']), { message: 'EBUSY' });
    stage.kernel.broken = null;
    await table.pass(['retry']);
    stage.kernel.services.clear();
    assert.equal(await table.hasDrifted(), true);
  });

  it('is to look again soon while a row waits for its last connection, and else when other things say so', async () => {
    const { stage, table, judged } = reconciling();
    await table.pass(['start']);
    assert.equal(table.untilDrainsMayEnd(stage.clock.now()), Infinity);
    stage.connections.to(B, 1);
    judged.pop();
    await table.pass(['verdict']);
    assert.equal(table.untilDrainsMayEnd(stage.clock.now()), 250);
    const { drainTimeoutMs } = POLICY;
    assert.equal(table.untilDrainsMayEnd(stage.clock.now() + drainTimeoutMs - 100), 100);
  });
});
