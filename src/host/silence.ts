import type { HostResource } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { arpTable } from './arp-table.js';
import { noNftTable, nftResource, type OnMissing } from './nft-resource.js';
import type { NftRuleset } from './nft-ruleset.js';
import type { ReachMode } from './reach-mode.js';

const NAME = 'ARP silence';

/** Whether a mode makes the virtual server's address one that the kernel answers ARP for. */
function isAnswered({ mode }: ReachMode, { family }: Endpoint): boolean {
  return family === 'ipv4' && (mode === 'local' || mode === 'link');
}

/**
 * Keeps this node from answering neighbours that it has the virtual server's address. If another program gave the address to an
 * interface, as keepalived does, neighbours need the answer: then there is no table.
 *
 * @param ownInterface The interface that has the address; null if none has.
 */
export function silence(
  ruleset: NftRuleset,
  mode: ReachMode,
  virtualServer: Endpoint,
  ownInterface: () => Promise<string | null>,
  onMissing: OnMissing,
): HostResource {
  if (!isAnswered(mode, virtualServer)) return noSilence(ruleset, virtualServer, onMissing);
  const kept = nftResource(NAME, ruleset, arpTable(virtualServer));
  return {
    ...kept,
    isOptional: true,
    isNotified: true,

    async verify() {
      const held = await ownInterface();
      if (held === null) return kept.verify();
      const found = await kept.find();
      return found === null ? null : `${found}, although ${held} has ${virtualServer.address}`;
    },

    async repair() {
      await ((await ownInterface()) === null ? kept.repair() : kept.remove());
    },
  };
}

/** Removes what {@link silence} created. */
export function noSilence(ruleset: NftRuleset, virtualServer: Endpoint, onMissing: OnMissing): HostResource {
  return noNftTable(NAME, ruleset, arpTable(virtualServer), 'this mode does not need it', onMissing);
}
