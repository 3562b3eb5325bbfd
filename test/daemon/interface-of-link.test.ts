import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refuseOtherInterfaces } from '../../src/daemon/interface-of-link.js';
import type { Link } from '../../src/netlink/index.js';

const LINKS: Readonly<Record<string, string | null>> = { eth0: null, br0: 'bridge', lvscare: 'dummy' };
const rtnetlink = {
  findLink: (name: string): Promise<Link | null> => {
    if (name === 'broken') return Promise.reject(new Error('no answer'));
    const kind = LINKS[name];
    return Promise.resolve(kind === undefined ? null : ({ name, kind, index: 2, up: true } as Link));
  },
};
const refuse = (mode: 'link' | 'local', iface: string): Promise<void> =>
  refuseOtherInterfaces([{ mode, iface }], rtnetlink);

describe('the interface of mode link', () => {
  it('is refused if it is there and not a dummy', async () => {
    await assert.rejects(refuse('link', 'eth0'), {
      message:
        '--iface: expected a new name or that of a dummy interface, because --mode link adds one (this one is not virtual), got "eth0"',
    });
    await assert.rejects(refuse('link', 'br0'), /this one is bridge\), got "br0"/);
  });

  it('is accepted if it is new, a dummy, or of another mode, and while the kernel does not answer', async () => {
    for (const [mode, name] of [
      ['link', 'lvscare'],
      ['link', 'new'],
      ['link', 'broken'],
      ['local', 'eth0'],
    ] as const)
      await refuse(mode, name);
  });
});
