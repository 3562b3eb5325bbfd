// What the probes of a whole fleet ask of an apiserver. docs/fleet-load.md has the same for 5,000 nodes.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulate } from './simulation.js';

const NODES = 300;
const INTERVAL_S = 5;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('an apiserver of a fleet', () => {
  it('is asked once in an interval by each node, and in no second by more than twice as many, also while all nodes start', async () => {
    const [{ requests, handshakes }] = await simulate({ nodes: NODES, seconds: 180, startS: 60 });
    const atRest = requests.slice(120);
    assert.ok(Math.abs(mean(atRest) - NODES / INTERVAL_S) < 0.05 * (NODES / INTERVAL_S), `${mean(atRest)}`);
    assert.ok(Math.max(...requests) < 2 * mean(atRest), `${Math.max(...requests)}`);
    // Each node makes one a minute, and asks one of three apiservers by the virtual server.
    assert.ok(mean(handshakes.slice(120)) < (NODES / 60) * (4 / 3) * 1.1, `${mean(handshakes.slice(120))}`);
  });

  it('is asked little more while another one hangs, and when that one comes back', async () => {
    const [hung, another] = await simulate({
      nodes: NODES,
      seconds: 240,
      startS: 60,
      changes: [
        { atS: 120, state: 'hung' },
        { atS: 180, state: 'well' },
      ],
    });
    const usual = mean(another.requests.slice(90, 120));
    assert.ok(mean(another.requests.slice(120, 240)) < 1.1 * usual);
    assert.ok(Math.max(...another.requests.slice(120, 240)) < 2.5 * usual);
    // All that wait for it are answered at once, and each node asks once more, to be sure.
    assert.ok(Math.max(...hung.requests.slice(180)) <= 2 * NODES);
    assert.ok(mean(hung.requests.slice(210)) < 1.1 * usual);
  });
});
