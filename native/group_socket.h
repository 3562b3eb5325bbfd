// A socket of NETLINK_USERSOCK that joins multicast groups. Nothing is sent there: the kernel shows its groups to every
// process of the network namespace (/proc/net/netlink), and lets only a process with NET_ADMIN join them.
#pragma once

#include <cstdint>

namespace netlink_ts {

struct GroupSocket {
  int fd;
  uint32_t port_id;
};

// Gives 0, or an errno with nothing left open: EPERM without NET_ADMIN. The caller closes the descriptor.
int OpenGroupSocket(uint32_t groups, GroupSocket* opened);

}  // namespace netlink_ts
