import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { EventDetails } from '../../src/control-loop/events.js';
import type { ActionResult } from '../../src/control-loop/ports.js';
import type { Action } from '../../src/decisions/reconcile.js';
import { DryRunPlan } from '../../src/log/dry-run-plan.js';
import { endpoint } from '../../src/values/endpoint.js';

const SERVER = endpoint('ipv4', '10.0.0.1', 6443);
const VIRTUAL_SERVER = endpoint('ipv4', '10.103.97.2', 6443);
const add: Action = { kind: 'add-destination', server: SERVER, weight: 1 };

function pass(...actions: readonly Action[]): EventDetails {
  const results = actions.map((action): ActionResult => ({ action, outcome: 'dry-run', error: null }));
  return { kind: 'pass', causes: ['start'], results, drift: false, durationMs: 1 };
}

it('the plan of a dry run is what its last pass and the last checks found', () => {
  const plan = new DryRunPlan();
  const after = (event: EventDetails): string => {
    plan.observe({ virtualServer: VIRTUAL_SERVER, ...event });
    return plan.inWords();
  };
  assert.match(plan.inWords(), /^would change: not known/);
  assert.equal(after(pass()), 'would change: nothing');
  assert.equal(after(pass(add)), 'would change: add 10.0.0.1:6443 with weight 1');
  const drifted = {
    kind: 'resource-drifted',
    resource: 'local route',
    change: 'create',
    drift: 'no route',
  } as const;
  assert.equal(after(drifted), 'would change: add 10.0.0.1:6443 with weight 1, create local route');
  assert.equal(after(pass()), 'would change: create local route');
  assert.equal(after({ kind: 'resource-ok', resource: 'local route' }), 'would change: nothing');
});
