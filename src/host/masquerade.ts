import type { HostResource } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { masqueradeTable } from './masquerade-table.js';
import { noNftTable, nftResource, type OnMissing } from './nft-resource.js';
import type { Nft } from './nft.js';

const NAME = 'masquerade';

/** `--masquerade`. */
export function masquerade(nft: Nft, virtualServer: Endpoint): HostResource {
  return nftResource(NAME, nft, masqueradeTable(virtualServer));
}

/** Without `--masquerade`: removes the table of an earlier start with it. */
export function noMasquerade(nft: Nft, virtualServer: Endpoint, onMissing: OnMissing): HostResource {
  return noNftTable(NAME, nft, masqueradeTable(virtualServer), '--masquerade is off', onMissing);
}
