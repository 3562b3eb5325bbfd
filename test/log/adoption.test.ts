import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import type { Destination } from '../../src/values/table.js';
import { adoption } from '../../src/log/adoption.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);

function row(host: number, weight: number): Destination {
  return {
    server: endpoint('ipv4', `10.103.97.${host}`, 6443),
    weight,
    forwarding: 'masquerade',
    upperThreshold: 0,
    lowerThreshold: 0,
    active: 0,
    connections: 0,
  };
}

function found(rows: readonly Destination[]): ReturnType<typeof adoption> {
  return adoption(VS, { scheduler: 'rr', flags: 0, peName: null, destinations: rows });
}

describe('what was adopted', () => {
  it('is told in one line, with each row and its weight', () => {
    assert.deepEqual(found([row(200, 1), row(201, 0)]), {
      fields: {
        event: 'adopt',
        vs: '10.103.97.2:6443',
        scheduler: 'rr',
        destinations: [
          { rs: '10.103.97.200:6443', weight: 1 },
          { rs: '10.103.97.201:6443', weight: 0 },
        ],
      },
      message:
        'adopting 10.103.97.2:6443 as the kernel has it: 10.103.97.200:6443 with weight 1, 10.103.97.201:6443 with weight 0',
    });
    assert.match(found([]).message, /: without real servers$/);
    assert.match(found(Array.from({ length: 40 }, (_, host) => row(host, 1))).message, / and 24 more$/);
  });

  it('is nothing where there is none', () => {
    assert.deepEqual(adoption(VS, null), {
      fields: { event: 'adopt', vs: '10.103.97.2:6443', scheduler: null, destinations: [] },
      message: 'the kernel has no 10.103.97.2:6443 yet',
    });
  });
});
