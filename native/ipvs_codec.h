// IPVS generic netlink, as in <linux/ip_vs.h>: requests to bytes, bytes to values.
#pragma once

#include <string_view>

#include "message.h"
#include "values.h"

namespace netlink_ts {

// The request of that name; nullptr if there is none.
const Operation* FindIpvsOperation(std::string_view name);

Message EncodeIpvs(const IpvsRequest& request, uint16_t family_id);

// Asks the generic netlink controller for the IPVS family's id (as `genl ctrl get name IPVS`). The kernel
// loads ip_vs when it is asked.
Message EncodeIpvsFamilyLookup();

// False if the message is malformed. service_family is what a destination takes that names none.
bool DecodeIpvs(const nlmsghdr& message, uint16_t service_family, Decoded* value);

}  // namespace netlink_ts
