// Why a request failed: the kernel's errno, never libnl's code, which merges errnos that we must tell apart.
#pragma once

#include <optional>
#include <string>

namespace netlink_ts {

struct Failure {
  int error = 0;                                // errno, positive
  std::optional<std::string> kernel_message{};  // the extended ACK's text
  bool resolving_family = false;  // the IPVS family could not be asked for: the request was not sent
};

// `ENOENT`; `E<number>` for an errno without a name.
std::string ErrnoName(int error);

// `No such file or directory`.
std::string ErrnoDescription(int error);

}  // namespace netlink_ts
