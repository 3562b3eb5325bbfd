import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { ManualDrains } from '../../src/control-loop/manual-drains.js';
import { rowOf } from './fake-kernel.js';
import { A, B, C, Stage, VIRTUAL_SERVER } from './stage.js';

describe('a server that is drained by hand', () => {
  let stage = new Stage();
  afterEach(() => stage.stop());

  it('has weight 0 when the promise is kept, for as long as it takes, and then serves again', async () => {
    stage = new Stage();
    await stage.start();
    let settled = false;
    const draining = stage.manualDrains.drain(B, 0).then((news) => {
      settled = true;
      return news;
    });
    assert.equal(settled, false);
    assert.equal(await draining, true);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=0', '10.103.97.202=1']);
    await stage.clock.advance(3_600_000);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=0', '10.103.97.202=1']);
    assert.equal(stage.prober.keptConnections, 3, 'it is probed as before');

    assert.equal(await stage.manualDrains.undrain(B), true);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1', '10.103.97.202=1']);
  });

  it('stays so when it is drained again, and is not news', async () => {
    const manualDrains = new ManualDrains(new Map([[B.text, 7]]));
    assert.equal(await manualDrains.drain(B, 8), false);
    assert.deepEqual([...manualDrains.drained], [[B.text, 7]]);
    assert.equal(await manualDrains.undrain(A), false);
    assert.equal(await manualDrains.undrain(B), true);
    assert.equal(manualDrains.isDrained(B), false);
  });

  it('before the start is drained when another one is known to be up, and not before', async () => {
    stage = new Stage([A, B]);
    stage.kernel.services.set(VIRTUAL_SERVER.text, {
      settings: { scheduler: 'rr', flags: 0, peName: null },
      rows: new Map([A, B].map((server) => [server.text, rowOf(server, 1, 2)])),
    });
    stage.answer(A, 'hang');
    void stage.manualDrains.drain(B, 0);
    await stage.start();
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1']);
    await stage.prober.release(A, 'ok');
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=0']);
  });

  it('serves as a last resort, and rests again when another one is back', async () => {
    stage = new Stage([A, B]);
    await stage.start();
    await stage.manualDrains.drain(B, 0);
    stage.answer(A, 'refused');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ['10.103.97.201=1']);
    assert.equal(stage.observer.failOpen, true);
    stage.answer(A, 'ok');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=0']);
    assert.equal(stage.observer.failOpen, false);
  });

  it('does not wait when the table cannot be read, or when all is over', async () => {
    stage = new Stage([A, B]);
    await stage.start();
    stage.kernel.broken = new Error('no IPVS');
    assert.equal(await stage.manualDrains.drain(B, 0), true);
    stage.kernel.broken = null;
    const late = stage.manualDrains.drain(A, 0);
    await stage.stop();
    assert.equal(await late, true);
    assert.equal(await stage.manualDrains.undrain(A), true);
  });

  it('is repaired like any other when another program gives it weight', async () => {
    stage = new Stage([A, B, C]);
    await stage.start();
    await stage.manualDrains.drain(C, 0);
    await stage.clock.advance(5000);
    stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows.set(C.text, rowOf(C, 1));
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1', '10.103.97.202=0']);
    assert.equal(
      stage.observer.passes.some(({ drift }) => drift),
      true,
    );
  });
});
