import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HostResourceKeeper } from '../../src/control-loop/host-resource-keeper.js';
import { settle } from './fake-clock.js';
import { FakeResource } from './fake-kernel.js';
import { FakeObserver } from './stage.js';

function keeping(...resources: FakeResource[]): { keeper: HostResourceKeeper; lines: string[] } {
  const observer = new FakeObserver();
  return { keeper: new HostResourceKeeper(resources, observer.emit), lines: observer.lines };
}

/** Something that a check waits for, until it is released. */
function hang(resource: FakeResource): () => void {
  let release = (): void => undefined;
  resource.hanging = new Promise((resolve) => (release = resolve));
  return () => {
    resource.hanging = null;
    release();
  };
}

describe('the keeper of host resources', () => {
  it('checks nothing before a check is due', async () => {
    const route = new FakeResource('route');
    const { keeper } = keeping(route);
    keeper.begin();
    await settle();
    assert.equal(route.checks, 0);
    assert.deepEqual(keeper.underWay, []);
  });

  it('creates what is missing, in order, and repairs what changed after that', async () => {
    const masquerade = new FakeResource('masquerade', false);
    const route = new FakeResource('route');
    const { keeper, lines } = keeping(masquerade, route);
    keeper.checkAll();
    keeper.begin();
    await Promise.all(keeper.underWay);
    route.drift = 'gone';
    keeper.checkAll();
    keeper.begin();
    await Promise.all(keeper.underWay);
    assert.deepEqual(lines, [
      'masquerade created: not there yet',
      'route created: not there yet',
      'route repaired: gone',
    ]);
    assert.equal(keeper.allWell, true);
  });

  it('checks the others when one cannot be repaired, and is not well until it is', async () => {
    const broken = new FakeResource('broken');
    const route = new FakeResource('route');
    const { keeper, lines } = keeping(broken, route);
    broken.refusal = new Error('EPERM');
    keeper.checkAll();
    keeper.begin();
    await Promise.all(keeper.underWay);
    assert.deepEqual(lines, ['broken failed: EPERM', 'route created: not there yet']);
    assert.equal(keeper.allWell, false);
    broken.refusal = null;
    keeper.checkAll();
    keeper.begin();
    await Promise.all(keeper.underWay);
    assert.equal(keeper.allWell, true);
  });

  it('reports that an optional resource failed, and counts it as well', async () => {
    const optional = new FakeResource('optional');
    optional.isOptional = true;
    optional.drift = 'not there';
    optional.refusal = new Error('EPERM');
    const { keeper, lines } = keeping(optional);
    keeper.checkAll();
    keeper.begin();
    await Promise.all(keeper.underWay);
    assert.deepEqual(lines, ['optional failed: EPERM']);
    assert.equal(keeper.allWell, true);
  });

  it('reports a removal as a removal, also after the first', async () => {
    const leftover = new FakeResource('leftover');
    leftover.isRemoval = true;
    const { keeper, lines } = keeping(leftover);
    for (const drift of ['a route', 'an interface']) {
      leftover.drift = drift;
      keeper.checkAll();
      keeper.begin();
      await Promise.all(keeper.underWay);
    }
    assert.deepEqual(lines, ['leftover removed: a route', 'leftover removed: an interface']);
  });

  it('checks none out of order the first time, although a notification came', async () => {
    const masquerade = new FakeResource('masquerade', false);
    const route = new FakeResource('route');
    const release = hang(masquerade);
    const { keeper } = keeping(masquerade, route);
    keeper.checkAll();
    keeper.checkNotified();
    keeper.begin();
    await settle();
    assert.equal(route.checks, 0);
    release();
    await Promise.all(keeper.underWay);
    keeper.begin();
    await Promise.all(keeper.underWay);
    assert.equal(route.checks, 2);
  });

  it('checks what a notification is about while another one hangs', async () => {
    const masquerade = new FakeResource('masquerade', false);
    const route = new FakeResource('route');
    const { keeper } = keeping(masquerade, route);
    keeper.checkAll();
    keeper.begin();
    await Promise.all(keeper.underWay);
    const release = hang(masquerade);
    keeper.checkAll();
    keeper.begin();
    route.drift = 'gone';
    keeper.checkNotified();
    keeper.begin();
    await settle();
    assert.equal(route.drift, null);
    assert.equal(masquerade.checks, 2);
    release();
    await Promise.all(keeper.underWay);
    assert.deepEqual(keeper.underWay, []);
  });
});
