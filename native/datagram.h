// The messages of a datagram.
#pragma once

#include <netlink/msg.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace netlink_ts {

// Calls visit for each message, until it returns false. False if the datagram was cut: if it ends within a message.
template <typename Visit>
bool ForEachMessage(const std::vector<uint8_t>& buffer, size_t length, Visit visit) {
  auto remaining = static_cast<int>(length);
  const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
  while (nlmsg_ok(message, remaining) != 0) {
    if (!visit(*message)) return true;
    message = nlmsg_next(const_cast<nlmsghdr*>(message), &remaining);
  }
  return remaining <= 0;
}

}  // namespace netlink_ts
