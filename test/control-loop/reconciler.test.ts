import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { VirtualServerTable } from '../../src/control-loop/ports.js';
import { Reconciler } from '../../src/control-loop/reconciler.js';
import { step, unknownHealth } from '../../src/decisions/health.js';
import { settle } from './fake-clock.js';
import { A, POLICY, Stage, VIRTUAL_SERVER } from './stage.js';

/** What a reconciler reports whose table fails as given, and what it reports once the table works again. */
async function reportOf(broken: Partial<VirtualServerTable>): Promise<readonly string[]> {
  const stage = new Stage();
  const { clock, connections, observer } = stage;
  const real = stage.kernel.table(VIRTUAL_SERVER);
  const table = { ...real, ...broken };
  const health = step(unknownHealth(0), { kind: 'ok', detail: '' }, 0, POLICY);
  const parts = {
    table,
    connections,
    clock,
    emit: observer.emit,
    resources: [],
    ownServers: stage.ownServers,
  };
  const reconciler = new Reconciler(POLICY, parts, {
    configured: () => [{ server: A, health, drained: false, suspectSinceMs: null }],
    departing: () => new Map(),
    onRows: () => undefined,
  });
  const ending = new AbortController();
  const running = reconciler.run(ending.signal);
  await settle();
  Object.assign(table, real);
  await clock.advance(250);
  ending.abort();
  await clock.advance(1000);
  await running;
  assert.deepEqual(stage.rows, ['10.103.97.200=1'], 'it goes on when the table works');
  return observer.lines;
}

describe('the reconciler', () => {
  it('reports a table that cannot be read as unreadable, and reads it again', async () => {
    const lines = await reportOf({ read: () => Promise.reject(new Error('no IPVS')) });
    assert.equal(lines[0], 'unreadable: no IPVS, again in 250');
  });

  it('reports any other failure of a pass as a fault, and tries again', async () => {
    const lines = await reportOf({ apply: () => Promise.reject(new Error('ERR_CLOSED')) });
    assert.equal(lines[0], 'fault: pass of the reconciler: ERR_CLOSED');
  });
});
