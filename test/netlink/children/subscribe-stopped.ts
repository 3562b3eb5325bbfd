// Prints the events of addresses that are added, and `overrun`, until it is killed.
import { Rtnetlink } from '../../../src/netlink/index.js';

const rtnetlink = Rtnetlink.open();
const events = rtnetlink.subscribe({ signal: new AbortController().signal, groups: ['address'] });
process.stdout.write('subscribed\n');
for await (const event of events) {
  if (event.kind === 'overrun') process.stdout.write('overrun\n');
  if (event.kind === 'address' && event.change === 'new') process.stdout.write(`${event.address.address}\n`);
}
