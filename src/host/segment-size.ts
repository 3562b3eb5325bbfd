import type { HostResource } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { mssTable } from './mss-table.js';
import { noNftTable, nftResource, type OnMissing } from './nft-resource.js';
import type { NftRuleset } from './nft-ruleset.js';

const NAME = 'MSS limit';

/** Keeps what clients announce as MSS within what the path to the real servers can carry. */
export function segmentSize(
  ruleset: NftRuleset,
  virtualServer: Endpoint,
  realServers: readonly Endpoint[],
): HostResource {
  return { ...nftResource(NAME, ruleset, mssTable(virtualServer, realServers)), isOptional: true };
}

/** Removes what {@link segmentSize} created. */
export function noSegmentSize(
  ruleset: NftRuleset,
  virtualServer: Endpoint,
  onMissing: OnMissing,
): HostResource {
  return noNftTable(NAME, ruleset, mssTable(virtualServer, []), 'it is removed', onMissing);
}
