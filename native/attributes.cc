#include "attributes.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstring>

namespace netlink_ts {

Attributes::Attributes(const void* data, size_t length, int max_type)
    : by_type_(static_cast<size_t>(max_type) + 1, nullptr) {
  auto remaining = static_cast<int>(length);
  const auto* attribute = static_cast<const nlattr*>(data);
  while (nla_ok(attribute, remaining) != 0) {
    const int type = nla_type(attribute);
    if (type <= max_type) by_type_[static_cast<size_t>(type)] = attribute;
    attribute = nla_next(attribute, &remaining);
  }
  ok_ = remaining <= 0;  // Below zero: the last one's padding is not there, which is fine.
}

const nlattr* Attributes::Find(int type) const { return by_type_[static_cast<size_t>(type)]; }

void Attributes::Require(std::initializer_list<int> types) {
  for (const int type : types) ok_ = ok_ && Has(type);
}

bool Attributes::Copy(int type, size_t offset, void* to, size_t size) {
  const nlattr* attribute = Find(type);
  if (attribute == nullptr) return false;
  if (static_cast<size_t>(nla_len(attribute)) < offset + size) {
    ok_ = false;
    return false;
  }
  memcpy(to, static_cast<const uint8_t*>(nla_data(attribute)) + offset, size);
  return true;
}

template <typename T>
T Attributes::Get(int type) {
  T value{};
  Copy(type, 0, &value, sizeof value);
  return value;
}

uint8_t Attributes::U8(int type) { return Get<uint8_t>(type); }
uint16_t Attributes::U16(int type) { return Get<uint16_t>(type); }
uint16_t Attributes::BigEndianU16(int type) { return ntohs(Get<uint16_t>(type)); }
uint32_t Attributes::U32(int type) { return Get<uint32_t>(type); }
uint32_t Attributes::BigEndianU32(int type) { return ntohl(Get<uint32_t>(type)); }
uint64_t Attributes::U64(int type) { return Get<uint64_t>(type); }

std::string Attributes::String(int type) {
  const nlattr* attribute = Find(type);
  if (attribute == nullptr) return {};
  const auto* text = static_cast<const char*>(nla_data(attribute));
  const auto size = static_cast<size_t>(nla_len(attribute));
  const size_t length = strnlen(text, size);
  if (length == size) ok_ = false;  // The kernel always sends the final NUL.
  return std::string(text, length);
}

IpAddress Attributes::Address(int type, uint16_t family) {
  IpAddress address;
  const nlattr* attribute = Find(type);
  if (attribute == nullptr) return address;
  if (!ReadAddress(nla_data(attribute), static_cast<size_t>(nla_len(attribute)), family, &address))
    ok_ = false;
  return address;
}

Attributes Attributes::Nested(int type, int max_type) {
  const nlattr* attribute = Find(type);
  if (attribute == nullptr) return Attributes(nullptr, 0, max_type);
  return Attributes(nla_data(attribute), static_cast<size_t>(nla_len(attribute)), max_type);
}

bool IsIp(uint16_t family) { return family == AF_INET || family == AF_INET6; }

size_t AddressSize(uint16_t family) { return family == AF_INET6 ? 16 : 4; }

bool ReadAddress(const void* data, size_t length, uint16_t family, IpAddress* address) {
  if (!IsIp(family)) return false;
  const size_t size = AddressSize(family);
  if (length < size) return false;
  address->family = family;
  address->bytes.fill(0);
  memcpy(address->bytes.data(), data, size);
  return true;
}

}  // namespace netlink_ts
