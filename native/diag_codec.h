// sock_diag(7) for TCP: who has which socket, and the end of one; requests to bytes, bytes to values.
#pragma once

#include <string_view>

#include "message.h"
#include "values.h"

namespace netlink_ts {

// The request of that name; nullptr if there is none.
const Operation* FindDiagOperation(std::string_view name);

Message EncodeDiag(const DiagRequest& request);

// False if the message is malformed.
bool DecodeDiag(const nlmsghdr& message, Decoded* value);

}  // namespace netlink_ts
