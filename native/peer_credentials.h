// Who is at the other end of a Unix socket that somebody else owns.
#pragma once

#include "values.h"

namespace netlink_ts {

// Gives 0 or an errno: EBADF, ENOTSOCK, or EPROTOTYPE for a socket that is no Unix stream: the kernel would give
// values that mean nothing.
int GetPeerCredentials(int fd, PeerCredentials* credentials);

}  // namespace netlink_ts
