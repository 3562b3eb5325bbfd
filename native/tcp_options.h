// Options of a TCP socket that somebody else owns: when the kernel gives a silent peer up.
#pragma once

#include "values.h"

namespace netlink_ts {

// Both give 0 or an errno: EBADF, ENOTSOCK, or EPROTOTYPE for a socket that is not TCP. Of such a descriptor
// nothing is changed: a number that is wrong by accident may be anybody's.
int SetTcpOptions(int fd, const TcpOptions& options);
int GetTcpOptions(int fd, TcpOptions* options);

}  // namespace netlink_ts
