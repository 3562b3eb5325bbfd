import type { VirtualServerConfig } from '../config/care-config.js';
import { UsageError } from '../config/usage-error.js';
import type { Rtnetlink } from '../netlink/index.js';

/** Throws a UsageError if mode link is to use an interface that is there and is not a dummy: it could never be set up. */
export async function refuseOtherInterfaces(
  virtualServers: readonly Pick<VirtualServerConfig, 'mode' | 'iface'>[],
  rtnetlink: Pick<Rtnetlink, 'findLink'>,
): Promise<void> {
  const names = new Set(virtualServers.filter(({ mode }) => mode === 'link').map(({ iface }) => iface));
  for (const name of names) {
    // A kernel that does not answer is reported by what needs it.
    const link = await rtnetlink.findLink(name).catch(() => null);
    if (link !== null && link.kind !== 'dummy')
      throw new UsageError(
        '--iface',
        `a new name or that of a dummy interface, because --mode link adds one (this one is ${link.kind ?? 'not virtual'})`,
        name,
      );
  }
}
