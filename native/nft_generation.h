// The generation of nftables' ruleset: the kernel gives each change of it another number.
#pragma once

#include <cstdint>

namespace netlink_ts {

// Of this network namespace. Gives 0, or an errno: EPERM without NET_ADMIN. The kernel answers at once, unless it first has to
// load nf_tables.
int NftGeneration(uint32_t* generation);

}  // namespace netlink_ts
