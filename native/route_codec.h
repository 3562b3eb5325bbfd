// rtnetlink, as in rtnetlink(7): links, addresses and routes; requests to bytes, bytes to values.
//
// Built from libnl's message and attribute functions alone. libnl-route-3 does not earn its place: its
// objects cache and reorder what the kernel said, turn errnos into its own codes, and need a second library
// on every node, for three message types whose layout never changes.
#pragma once

#include <string_view>

#include "message.h"
#include "values.h"

namespace netlink_ts {

// The request of that name; nullptr if there is none.
const Operation* FindRouteOperation(std::string_view name);

Message EncodeRoute(const RouteRequest& request);

// False if the message is malformed.
bool DecodeRoute(const nlmsghdr& message, Decoded* value);

// Whether a listed or reported value is what was asked for. Of a wanted route the family, the table and the destination count, of a
// wanted address the family, the interface and the address; each that is 0 or absent is any. A cached clone is no route of a table.
bool IsWanted(const Route& wanted, const Decoded& value);
bool IsWanted(const InterfaceAddress& wanted, const Decoded& value);
// The same of a request; of one that is no list, every value is.
bool IsWanted(const RouteRequest& request, const Decoded& value);

}  // namespace netlink_ts
