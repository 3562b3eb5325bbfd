// What one handle knows about its side of the kernel: the transport and, for IPVS, the family's id. Used by
// one thread at a time.
#pragma once

#include "transport.h"
#include "values.h"

namespace netlink_ts {

class Session {
 public:
  explicit Session(int protocol) : transport_(protocol) {}

  int Open() { return transport_.Open(); }
  void Close() { transport_.Close(); }
  uint32_t port_id() const { return transport_.port_id(); }

  Outcome Run(const Request& request, Deadline deadline);

 private:
  Outcome RunIpvs(const IpvsRequest& request, Deadline deadline);
  Outcome SendIpvs(const IpvsRequest& request, Deadline deadline);
  std::optional<Failure> ResolveFamily(Deadline deadline);

  Transport transport_;
  uint16_t ipvs_family_ = 0;  // 0 until it was asked for
};

}  // namespace netlink_ts
