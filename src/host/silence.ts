import type { HostResource } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { arpTable } from './arp-table.js';
import { noNftTable, nftResource } from './nft-resource.js';
import type { Nft, NftMissing } from './nft.js';
import type { ReachMode } from './reach-mode.js';

const NAME = 'ARP silence';

/** Whether a mode makes the virtual server's address one that the kernel answers ARP for. */
function isAnswered({ mode }: ReachMode, { family }: Endpoint): boolean {
  return family === 'ipv4' && (mode === 'local' || mode === 'link');
}

/** Keeps neighbours from being told that this node has the virtual server's address. */
export function silence(
  nft: Nft,
  mode: ReachMode,
  virtualServer: Endpoint,
  onMissing: (error: NftMissing) => void,
): HostResource {
  return isAnswered(mode, virtualServer)
    ? { ...nftResource(NAME, nft, arpTable(virtualServer)), isOptional: true }
    : noSilence(nft, virtualServer, onMissing);
}

/** Removes what {@link silence} created. */
export function noSilence(
  nft: Nft,
  virtualServer: Endpoint,
  onMissing: (error: NftMissing) => void,
): HostResource {
  return noNftTable(NAME, nft, arpTable(virtualServer), 'this mode does not need it', onMissing);
}
