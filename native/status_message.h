// The messages that end an exchange: NLMSG_ERROR (an acknowledgment if its error is zero) and NLMSG_DONE.
#pragma once

#include <netlink/msg.h>

#include "failure.h"

namespace netlink_ts {

bool IsStatusMessage(const nlmsghdr& message);

// What it says: nothing if all went well. A malformed one is EBADMSG.
std::optional<Failure> ReadStatusMessage(const nlmsghdr& message);

}  // namespace netlink_ts
