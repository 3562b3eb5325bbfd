// Notifications of what concerns a virtual server, caused by ip.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { kernelChanges } from '../../src/host/route-changes.js';
import { Rtnetlink } from '../../src/netlink/index.js';
import { endpoint } from '../../src/values/endpoint.js';
import { patience } from '../support/netlink.js';
import { ip, shellSync } from '../support/tools.js';

const virtualServer = endpoint('ipv4', '10.103.97.2', 6443);

describe('changes that concern a virtual server', () => {
  let rtnetlink: Rtnetlink;
  before(async () => {
    rtnetlink = Rtnetlink.open(patience);
    await ip('link add changes0 type dummy');
    await ip('link set changes0 addrgenmode none');
  });
  after(async () => {
    await ip('link delete changes0');
    await rtnetlink.close();
  });

  it('are its routes, links, and addresses of its family; other routes, however many, hide none of them', async () => {
    const controller = new AbortController();
    const changes = kernelChanges(rtnetlink, virtualServer)(controller.signal)[Symbol.asyncIterator]();
    // A generator subscribes when it is first asked.
    const asked = changes.next();
    await ip('link set changes0 up');
    const first: unknown = (await asked).value;
    assert.equal(first, 'link changes0 new');
    await ip('addr add fd90::1/64 dev changes0 nodad');
    const routes = Array.from(
      { length: 8000 },
      (_, i) => `route add 10.${60 + (i >> 8)}.${i & 255}.0/24 dev changes0`,
    );
    shellSync(`ip -batch - <<'COMMANDS'\n${routes.join('\n')}\nCOMMANDS`);
    await ip('route add 10.103.97.2/32 dev changes0');
    await ip('route del 10.103.97.2/32 dev changes0');
    await ip('addr add 10.90.0.1/32 dev changes0');
    const seen: unknown[] = [];
    while (seen.length < 3) {
      const { value } = (await changes.next()) as { readonly value: unknown };
      // The kernel reports a link's state again when it gets to it.
      if (value !== first) seen.push(value);
    }
    assert.deepEqual(seen, [
      'route to 10.103.97.2 new',
      'route to 10.103.97.2 deleted',
      'address 10.90.0.1 new',
    ]);
    controller.abort();
    assert.equal((await changes.next()).done, true);
  });
});
