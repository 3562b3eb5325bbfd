#include "status_message.h"

#include <cerrno>
#include <climits>
#include <cstring>

#include "attributes.h"

namespace netlink_ts {
namespace {

// The extended ACK's text (NETLINK_EXT_ACK, Linux 4.12), in the attributes from an offset into the payload.
std::optional<std::string> ReadKernelMessage(const nlmsghdr& message, size_t offset) {
  const auto length = static_cast<size_t>(nlmsg_datalen(&message));
  if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0 || offset > length) return std::nullopt;
  const auto* payload = static_cast<const uint8_t*>(nlmsg_data(&message));
  Attributes attributes(payload + offset, length - offset, NLMSGERR_ATTR_MAX);
  if (!attributes.Has(NLMSGERR_ATTR_MSG)) return std::nullopt;
  return attributes.String(NLMSGERR_ATTR_MSG);
}

}  // namespace

bool IsStatusMessage(const nlmsghdr& message) {
  return message.nlmsg_type == NLMSG_ERROR || message.nlmsg_type == NLMSG_DONE;
}

std::optional<Failure> ReadStatusMessage(const nlmsghdr& message) {
  const auto length = static_cast<size_t>(nlmsg_datalen(&message));
  const void* payload = nlmsg_data(&message);
  int error = 0;
  size_t attributes_offset = NLMSG_ALIGN(sizeof error);
  if (message.nlmsg_type == NLMSG_ERROR) {
    nlmsgerr body{};
    if (length < sizeof body) return Failure{EBADMSG};
    memcpy(&body, payload, sizeof body);
    error = body.error;
    // Behind the error comes our own request: its header only if capped, else all of it.
    const size_t echoed = (message.nlmsg_flags & NLM_F_CAPPED) != 0 ? sizeof body.msg : body.msg.nlmsg_len;
    if (echoed < sizeof body.msg || echoed > INT_MAX) return Failure{EBADMSG};
    attributes_offset = sizeof error + NLMSG_ALIGN(echoed);
  } else if (length >= sizeof error) {  // A bare NLMSG_DONE is a success.
    memcpy(&error, payload, sizeof error);
  }
  // NLMSG_DONE carries a dumper's last return value, which is positive or zero when it ended well.
  if (error >= 0) return std::nullopt;
  if (error < -4095) return Failure{EBADMSG};
  return Failure{-error, ReadKernelMessage(message, attributes_offset)};
}

}  // namespace netlink_ts
