// A worker that passes the first address event on and ends.
import assert from 'node:assert/strict';
import { parentPort } from 'node:worker_threads';
import { Rtnetlink } from '../../../src/netlink/index.js';
import { patience } from '../../support/netlink.js';

assert.ok(parentPort !== null);
const controller = new AbortController();
const rtnetlink = Rtnetlink.open(patience);
const events = rtnetlink.subscribe({ signal: controller.signal });
parentPort.postMessage('subscribed');
for await (const event of events) {
  if (event.kind !== 'address') continue;
  parentPort.postMessage(event);
  controller.abort();
}
await rtnetlink.close();
