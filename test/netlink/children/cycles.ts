// 10,000 cycles of creation and deletion, with failures, lists and look-ups in between; prints, as JSON, what this
// process held on to after each tenth of them. Run with --expose-gc.
import assert from 'node:assert/strict';
import { Ipvs, Rtnetlink } from '../../../src/netlink/index.js';
import type { AddressServiceKey, IpvsOperation } from '../../../src/netlink/index.js';
import {
  netlinkError,
  netlinkSockets,
  openDescriptors,
  tcp,
  patience,
  sanitized,
} from '../../support/netlink.js';

const { gc } = globalThis;
if (gc === undefined) throw new Error('run with --expose-gc');

const config = { scheduler: 'rr' };
const destination = { address: '10.103.97.200', port: 6443 };
const ipvs = Ipvs.open(patience);
const rtnetlink = Rtnetlink.open(patience);

/** All under way at once: four fifths in one batch, the rest one by one, with what may go wrong in between. */
async function cycles(count: number): Promise<void> {
  const services = Array.from({ length: count }, (_, i) => tcp(`10.86.${(i >> 8) & 255}.${i & 255}`, 6443));
  const alone = services.splice(0, count / 5);
  const work: Promise<unknown>[] = [
    batch(
      services.flatMap((service): IpvsOperation[] => [create(service), { kind: 'deleteService', service }]),
    ),
  ];
  for (const [i, service] of alone.entries()) {
    work.push(ipvs.createService(service, config));
    if (i % 4 === 0) {
      work.push(
        netlinkError(ipvs.createService(service, config), 'EEXIST'),
        ipvs.createDestination(service, destination, {}),
        ipvs.listDestinations(service),
        ipvs.getService(service),
        rtnetlink.listLinks(),
      );
    }
    work.push(ipvs.deleteService(service));
  }
  await Promise.all(work);
}

function create(service: AddressServiceKey): IpvsOperation {
  return { kind: 'createService', service, config };
}

async function batch(operations: IpvsOperation[]): Promise<void> {
  for (const result of await ipvs.batch(operations)) assert.ok(result.ok);
}

interface Held {
  readonly rss: number;
  readonly heap: number;
  readonly descriptors: number;
  readonly sockets: number;
}

function measure(): Held {
  gc?.();
  gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed, descriptors: openDescriptors(), sockets: netlinkSockets() };
}

const perTenth = sanitized ? 100 : 1000;
const perRound = 100;
const held: Held[] = [];
// Two more tenths in front, to warm up: they are not counted among the 10,000.
for (let tenth = -1; tenth <= 10; tenth++) {
  for (let done = 0; done < perTenth; done += perRound) {
    await cycles(perRound);
    // A subscription comes and goes with each round.
    const controller = new AbortController();
    rtnetlink.subscribe({ signal: controller.signal });
    controller.abort();
  }
  if (tenth >= 0) held.push(measure());
}
assert.deepEqual(await ipvs.listServices(), []);
await ipvs.close();
await rtnetlink.close();
process.stdout.write(JSON.stringify(held));
