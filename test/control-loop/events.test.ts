import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { emitter, type Observer } from '../../src/control-loop/events.js';
import { VIRTUAL_SERVER } from './stage.js';

/** An observer, and the kinds of the events that it was given. */
function observing(): { observer: Observer; kinds: string[] } {
  const kinds: string[] = [];
  const observer: Observer = (event) => {
    assert.equal(event.virtualServer, VIRTUAL_SERVER);
    kinds.push(event.kind === 'fault' ? `fault: ${event.where}: ${event.error.message}` : event.kind);
  };
  return { observer, kinds };
}

function broken(): never {
  throw new Error('odd');
}

describe('an emitter', () => {
  it('passes each event with its virtual server to every observer', () => {
    const [one, other] = [observing(), observing()];
    emitter(VIRTUAL_SERVER, [one.observer, other.observer])({ kind: 'resource-ok', resource: 'route' });
    assert.deepEqual([one.kinds, other.kinds], [['resource-ok'], ['resource-ok']]);
  });

  it('goes on when an observer throws, and gives the first one a fault, once', () => {
    const [first, last] = [observing(), observing()];
    const emit = emitter(VIRTUAL_SERVER, [first.observer, broken, last.observer]);
    emit({ kind: 'resource-ok', resource: 'route' });
    emit({ kind: 'resource-ok', resource: 'route' });
    assert.deepEqual(first.kinds, ['resource-ok', 'fault: an observer of events: odd', 'resource-ok']);
    assert.deepEqual(last.kinds, ['resource-ok', 'resource-ok']);
  });

  it('does not throw when the first observer does', () => {
    const { observer, kinds } = observing();
    emitter(VIRTUAL_SERVER, [broken, observer])({ kind: 'resource-ok', resource: 'route' });
    assert.deepEqual(kinds, ['resource-ok']);
  });
});
