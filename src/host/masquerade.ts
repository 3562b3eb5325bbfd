import type { HostResource } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { masqueradeTable } from './masquerade-table.js';
import { noNftTable, nftResource, type OnMissing } from './nft-resource.js';
import type { NftRuleset } from './nft-ruleset.js';

const NAME = 'masquerade';

/** `--masquerade`. */
export function masquerade(ruleset: NftRuleset, virtualServer: Endpoint): HostResource {
  return nftResource(NAME, ruleset, masqueradeTable(virtualServer));
}

/** Without `--masquerade`: removes the table of an earlier start with it. */
export function noMasquerade(
  ruleset: NftRuleset,
  virtualServer: Endpoint,
  onMissing: OnMissing,
): HostResource {
  return noNftTable(NAME, ruleset, masqueradeTable(virtualServer), '--masquerade is off', onMissing);
}
