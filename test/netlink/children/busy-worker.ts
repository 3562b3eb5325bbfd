// A worker that asks without end, several handles at once, and reports every answer that is wrong. The first answer is
// announced; with `once` as data it stops after 200 requests.
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { Rtnetlink } from '../../../src/netlink/index.js';
import { patience } from '../../support/netlink.js';

assert.ok(parentPort !== null);
const handles = [Rtnetlink.open(patience), Rtnetlink.open(patience)];
const controller = new AbortController();
const subscription = handles[0]?.subscribe({ signal: controller.signal });
const next = subscription?.[Symbol.asyncIterator]().next();
let answers = 0;
do {
  const found = await Promise.all(
    handles.flatMap((handle) => Array.from({ length: 5 }, () => handle.findLink('lo'))),
  );
  for (const link of found) assert.equal(link?.index, 1);
  answers += found.length;
  if (answers === found.length) parentPort.postMessage('busy');
} while (workerData !== 'once' || answers < 200);
controller.abort();
await next;
for (const handle of handles) await handle.close();
parentPort.postMessage(answers);
