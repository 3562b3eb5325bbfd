// Ends in the middle of everything: requests under way and queued, a subscription that waits, a worker that does the
// same. The argument says how: `exit`, `throw`, `kill-worker`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { Rtnetlink } from '../../../src/netlink/index.js';
import { patience } from '../../support/netlink.js';

const how = process.argv[2] ?? 'exit';

const handles = Array.from({ length: 3 }, () => Rtnetlink.open(patience));
const events = handles.map((handle) =>
  handle.subscribe({ signal: new AbortController().signal })[Symbol.asyncIterator]().next(),
);
const work = handles.flatMap((handle) => Array.from({ length: 200 }, () => handle.listRoutes()));
const [first] = work;
void Promise.all(events);
void Promise.all(work);

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  await Promise.all([first, once(worker, 'message')]);
  if (how === 'kill-worker') {
    await worker.terminate();
    await Promise.all(work);
    process.exit(7);
  }
  if (how === 'throw') {
    setImmediate(() => {
      throw new Error('on purpose');
    });
  } else {
    process.exit(7);
  }
} else {
  await first;
  assert.ok(parentPort !== null);
  parentPort.postMessage('busy');
}
