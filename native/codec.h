// Which protocol a message belongs to: requests to bytes, bytes to values. Knows nothing of Node-API, so that the fuzzer of the decoders
// builds without it.
#pragma once

#include "message.h"
#include "values.h"

namespace netlink_ts {

enum class Codec { kIpvs, kRoute, kDiag };

Message Encode(const Request& request, uint16_t family_id);

// False if the message is malformed. service_family is what a destination takes that names none.
bool Decode(Codec codec, const nlmsghdr& message, uint16_t service_family, Decoded* value);

}  // namespace netlink_ts
