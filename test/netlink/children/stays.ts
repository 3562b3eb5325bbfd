// What keeps a process alive. The argument says what is left open at the end; prints `still here` after a while if the
// process lives on.
import { Rtnetlink } from '../../../src/netlink/index.js';
import { patience } from '../../support/netlink.js';

const what = process.argv[2] ?? 'handle';
const rtnetlink = Rtnetlink.open(patience);
await rtnetlink.listLinks();
const controller = new AbortController();

const announce = setTimeout(() => {
  process.stdout.write('still here\n');
  controller.abort();
}, 200);
announce.unref();

switch (what) {
  case 'subscription':
    rtnetlink.subscribe({ signal: controller.signal });
    break;
  case 'waiting':
    // In a quiet network nothing comes, so that this waits until the signal ends it.
    for await (const event of rtnetlink.subscribe({ signal: controller.signal })) {
      process.stderr.write(`a quiet network has no ${event.kind} event`);
    }
    process.stdout.write('ended\n');
    break;
  case 'request':
    void rtnetlink.listLinks().then((links) => {
      process.stdout.write(links.length > 0 ? 'answered\n' : 'empty\n');
    });
    break;
  default: // `handle`: nothing but that.
}
