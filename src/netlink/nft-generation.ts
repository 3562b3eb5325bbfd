import { loadAddon } from './addon.js';
import { failureError } from './errors.js';

/**
 * The generation of nftables' ruleset in this network namespace, which each transaction counts up by one. It takes less than
 * a millisecond, but blocks while the kernel has to load nf_tables first.
 *
 * @throws {@link NetlinkError} if the kernel refuses: `EPERM` without NET_ADMIN; `EINVAL` or `EPROTONOSUPPORT` if it has no nftables.
 */
export function nftGeneration(): number {
  const { generation, failure } = loadAddon().nftGeneration();
  if (failure !== null) throw failureError('nftGeneration', failure);
  return generation;
}
