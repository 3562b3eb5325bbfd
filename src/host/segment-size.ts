import type { HostResource } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { mssTable } from './mss-table.js';
import { noNftTable, nftResource, type OnMissing } from './nft-resource.js';
import type { Nft } from './nft.js';

const NAME = 'MSS limit';

/** Keeps what clients announce as MSS within what the path to the real servers can carry. */
export function segmentSize(
  nft: Nft,
  virtualServer: Endpoint,
  realServers: readonly Endpoint[],
): HostResource {
  return { ...nftResource(NAME, nft, mssTable(virtualServer, realServers)), isOptional: true };
}

/** Removes what {@link segmentSize} created. */
export function noSegmentSize(nft: Nft, virtualServer: Endpoint, onMissing: OnMissing): HostResource {
  return noNftTable(NAME, nft, mssTable(virtualServer, []), 'it is removed', onMissing);
}
