#include "message.h"

#include <linux/genetlink.h>
#include <netlink/genl/genl.h>

#include "attributes.h"

namespace netlink_ts {

Message::Message() : message_(nlmsg_alloc()), ok_(message_ != nullptr) {}

Message Message::Generic(uint16_t family_id, uint8_t version, const Operation& operation) {
  Message message;
  if (message.ok_) {
    message.ok_ = genlmsg_put(message.message_.get(), 0, 0, family_id, 0, NLM_F_REQUEST | operation.flags,
                              static_cast<uint8_t>(operation.command), version) != nullptr;
  }
  return message;
}

void Message::Begin(uint16_t type, uint16_t flags) {
  ok_ = ok_ && nlmsg_put(message_.get(), 0, 0, type, 0, NLM_F_REQUEST | flags) != nullptr;
}

void Message::Append(const void* data, size_t size) {
  ok_ = ok_ && nlmsg_append(message_.get(), const_cast<void*>(data), size, NLMSG_ALIGNTO) == 0;
}

void Message::PutBytes(int type, const void* data, size_t size) {
  ok_ = ok_ && nla_put(message_.get(), type, static_cast<int>(size), data) == 0;
}

void Message::PutString(int type, const std::string& text) { PutBytes(type, text.c_str(), text.size() + 1); }

void Message::PutAddress(int type, const IpAddress& address) {
  PutBytes(type, address.bytes.data(), AddressSize(address.family));
}

nlattr* Message::BeginNested(int type) {
  nlattr* nested = ok_ ? nla_nest_start(message_.get(), type) : nullptr;
  ok_ = nested != nullptr;
  return nested;
}

void Message::EndNested(nlattr* nested) { ok_ = ok_ && nla_nest_end(message_.get(), nested) == 0; }

}  // namespace netlink_ts
