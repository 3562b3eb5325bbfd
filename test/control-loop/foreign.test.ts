import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { endpoint } from '../../src/values/endpoint.js';
import type { EvidenceKind } from '../../src/values/evidence.js';
import { serviceSettings } from '../../src/values/table.js';
import { FakeKernel, rowOf } from './fake-kernel.js';
import { A, B, C, Stage, VIRTUAL_SERVER } from './stage.js';

const FOREIGN = [
  endpoint('ipv4', '10.96.0.1', 443),
  endpoint('ipv4', '10.103.97.2', 6444),
  endpoint('ipv4', '10.103.97.3', 6443),
];

/** Somebody else's virtual servers, with the very rows of ours, and some of weight 0. */
function withForeign(): FakeKernel {
  const kernel = new FakeKernel();
  for (const [index, service] of FOREIGN.entries()) {
    const rows = new Map(
      [rowOf(A, index), rowOf(B, 0), rowOf(endpoint('ipv4', '10.0.0.9', 80), 0)].map((row) => [
        row.server.text,
        row,
      ]),
    );
    kernel.services.set(service.text, { settings: serviceSettings('wlc'), rows });
  }
  return kernel;
}

type Event =
  | { readonly server: 0 | 1 | 2; readonly kind: EvidenceKind | 'inconclusive' }
  | { readonly server: 0 | 1 | 2; readonly hand: 'drain' | 'undrain' }
  | { readonly drift: 'service' | 'row' | 'weight' | 'extra' }
  | { readonly missed: 0 | 1 | 2 };

const events = fc.oneof(
  fc.record({
    server: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
    kind: fc.constantFrom<EvidenceKind | 'inconclusive'>(
      'ok',
      'refused',
      'silent',
      'slow',
      'tls',
      'status',
      'broken',
      'inconclusive',
    ),
  }),
  fc.record({
    server: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
    hand: fc.constantFrom<'drain' | 'undrain'>('drain', 'undrain'),
  }),
  fc.record({
    drift: fc.constantFrom<'service' | 'row' | 'weight' | 'extra'>('service', 'row', 'weight', 'extra'),
  }),
  fc.record({ missed: fc.constantFrom<0 | 1 | 2>(0, 1, 2) }),
);

function befall(stage: Stage, event: Event): void {
  if ('kind' in event) {
    stage.answer([A, B, C][event.server] ?? A, event.kind);
    return;
  }
  if ('hand' in event) {
    const server = [A, B, C][event.server] ?? A;
    // Whoever waits for it waits for the clock.
    void (event.hand === 'drain' ? stage.manualDrains.drain(server, 0) : stage.manualDrains.undrain(server));
    return;
  }
  if ('missed' in event) {
    stage.kernel.missed = ([A, B, C][event.missed] ?? A).text;
    return;
  }
  const ours = stage.kernel.services.get(VIRTUAL_SERVER.text);
  if (ours === undefined) return;
  if (event.drift === 'service') stage.kernel.services.delete(VIRTUAL_SERVER.text);
  if (event.drift === 'row') ours.rows.delete(B.text);
  if (event.drift === 'weight') ours.rows.set(C.text, rowOf(C, 5));
  if (event.drift === 'extra') {
    const stranger = endpoint('ipv4', '10.0.0.77', 6443);
    ours.rows.set(stranger.text, rowOf(stranger, 1));
  }
}

describe('whatever is found out and whatever another program changes', () => {
  it('no other virtual server is touched, and ours ends as the last verdicts want it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(events, { maxLength: 12 }), async (history) => {
        const stage = new Stage([A, B, C], {}, withForeign());
        const untouched = JSON.stringify(
          [...stage.kernel.services].map(([key, { settings, rows }]) => [key, settings, [...rows]]),
        );
        await stage.start();
        for (const event of history) {
          befall(stage, event);
          await stage.clock.advance(2500);
        }
        for (const server of [A, B, C]) {
          stage.answer(server, server === B ? 'refused' : 'ok');
          void stage.manualDrains.undrain(server);
        }
        await stage.clock.advance(60_000);
        assert.deepEqual(stage.rows, [`${A.address}=1`, `${C.address}=1`]);
        await stage.stop();
        stage.kernel.services.delete(VIRTUAL_SERVER.text);
        const after = JSON.stringify(
          [...stage.kernel.services].map(([key, { settings, rows }]) => [key, settings, [...rows]]),
        );
        assert.equal(after, untouched);
      }),
      { numRuns: 60 },
    );
  });

  it('a list that misses a row: the row of a live server stays as it is, that of a dead one goes in the next pass', async () => {
    const stage = new Stage([A, B, C]);
    await stage.start();
    await stage.clock.advance(2500);
    stage.kernel.missed = A.text;
    stage.answer(B, 'refused');
    await stage.clock.advance(30_000);
    assert.deepEqual(stage.rows, [`${A.address}=1`, `${C.address}=1`]);
    stage.kernel.missed = C.text;
    stage.answer(C, 'refused');
    await stage.clock.advance(30_000);
    assert.deepEqual(stage.rows, [`${A.address}=1`]);
    await stage.stop();
  });
});
