// Handles and subscriptions dropped in the middle of work and never closed. Run with --expose-gc; prints, as JSON,
// how many descriptors and sockets there were before, at the worst moment, and after garbage collection.
import { setImmediate } from 'node:timers/promises';
import { Rtnetlink } from '../../../src/netlink/index.js';
import { netlinkSockets, openDescriptors, patience } from '../../support/netlink.js';

const { gc } = globalThis;
if (gc === undefined) throw new Error('run with --expose-gc');

interface Count {
  descriptors: number;
  sockets: number;
}
const count = (): Count => ({ descriptors: openDescriptors(), sockets: netlinkSockets() });

async function dropSome(): Promise<void> {
  const listing: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) {
    const handle = Rtnetlink.open(patience);
    // Half of them are dropped in the middle of work, half idle.
    if (i % 2 === 0) for (let j = 0; j < 5; j++) listing.push(handle.listLinks());
    // Its signal goes with it.
    handle.subscribe({ signal: new AbortController().signal });
  }
  await Promise.all(listing);
}

// The addon, the thread pool and the like come to stay.
const warmUp = Rtnetlink.open(patience);
await warmUp.listLinks();
await warmUp.close();

const before = count();
const worst = { ...before };
for (let round = 0; round < 10; round++) {
  const dropping = dropSome();
  const now = count();
  worst.descriptors = Math.max(worst.descriptors, now.descriptors);
  worst.sockets = Math.max(worst.sockets, now.sockets);
  gc();
  await dropping;
}
let after = count();
for (let attempt = 0; attempt < 100 && after.descriptors > before.descriptors; attempt++) {
  gc();
  await setImmediate();
  after = count();
}
process.stdout.write(JSON.stringify({ before, worst, after }));
