// Reads the attributes of a message the kernel sent, trusting no length in it. A fault anywhere makes ok()
// false and the getters give zero values, so that a decoder reads everything first and asks once at the end.
// (libnl's own nla_parse() silently stops at a cut attribute; a cut message must be an error here.)
#pragma once

#include <netlink/attr.h>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "values.h"

namespace netlink_ts {

class Attributes {
 public:
  // Attributes above max_type come from a newer kernel and are skipped. Of a repeated attribute the last one
  // counts.
  Attributes(const void* data, size_t length, int max_type);

  bool ok() const { return ok_; }
  bool Has(int type) const { return Find(type) != nullptr; }
  // Not ok() if one of them is absent.
  void Require(std::initializer_list<int> types);

  // Zero or empty if absent; not ok() if too short.
  uint8_t U8(int type);
  uint16_t U16(int type);
  uint16_t BigEndianU16(int type);
  uint32_t U32(int type);
  uint32_t BigEndianU32(int type);
  uint64_t U64(int type);
  std::string String(int type);
  // Longer attributes are fine: IPVS puts IPv4 addresses into 16 bytes.
  IpAddress Address(int type, uint16_t family);

  // The attributes inside an attribute; none if it is absent.
  Attributes Nested(int type, int max_type);
  // The same for faults: what is wrong inside is wrong outside.
  void Absorb(const Attributes& nested) { ok_ = ok_ && nested.ok_; }

  // Copies size bytes from behind an offset in the attribute's payload; false, and not ok(), if it is too
  // short.
  bool Copy(int type, size_t offset, void* to, size_t size);

 private:
  const nlattr* Find(int type) const;
  template <typename T>
  T Get(int type);

  std::vector<const nlattr*> by_type_;
  bool ok_ = true;
};

// The address in the bytes of a family; false if the family is not IP or the bytes are too few.
bool ReadAddress(const void* data, size_t length, uint16_t family, IpAddress* address);

// Whether addresses of this family are IPv4's or IPv6's.
bool IsIp(uint16_t family);

// Bytes of an address on the wire: 4 or 16.
size_t AddressSize(uint16_t family);

}  // namespace netlink_ts
