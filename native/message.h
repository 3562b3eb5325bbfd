// A request under construction: libnl's message, owned. A fault (no memory, message full) is remembered and
// told by ok(), so that encoders need not check every attribute.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "values.h"

namespace netlink_ts {

class Message {
 public:
  // rtnetlink and sock_diag: header is its family header (ifinfomsg, rtmsg, inet_diag_req_v2, ...).
  template <typename Header>
  static Message WithHeader(const Operation& operation, const Header& header) {
    Message message;
    message.Begin(operation.command, operation.flags);
    message.Append(&header, sizeof header);
    return message;
  }
  static Message Generic(uint16_t family_id, uint8_t version, const Operation& operation);

  bool ok() const { return ok_; }
  nlmsghdr* header() const { return nlmsg_hdr(message_.get()); }

  template <typename T>
  void Put(int type, T value) {
    static_assert(std::is_integral_v<T>);
    PutBytes(type, &value, sizeof value);
  }
  void PutBytes(int type, const void* data, size_t size);
  void PutString(int type, const std::string& text);  // with its final NUL
  void PutAddress(int type, const IpAddress& address);

  // Everything put between the two is inside the attribute.
  nlattr* BeginNested(int type);
  void EndNested(nlattr* nested);

 private:
  struct Free {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
  };

  Message();
  void Begin(uint16_t type, uint16_t flags);
  void Append(const void* data, size_t size);

  std::unique_ptr<nl_msg, Free> message_;
  bool ok_;
};

}  // namespace netlink_ts
