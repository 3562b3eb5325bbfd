#include "session.h"

#include <cerrno>

#include "diag_codec.h"
#include "ipvs_codec.h"
#include "route_codec.h"

namespace netlink_ts {

Outcome Session::Run(const Request& request, Deadline deadline) {
  if (const auto* ipvs = std::get_if<IpvsRequest>(&request)) return RunIpvs(*ipvs, deadline);
  if (const auto* diag = std::get_if<DiagRequest>(&request)) {
    return transport_.Exchange(EncodeDiag(*diag), deadline, DecodeDiag);
  }
  const auto& route = std::get<RouteRequest>(request);
  return transport_.Exchange(EncodeRoute(route), deadline, [&](const nlmsghdr& message, Decoded* value) {
    if (!DecodeRoute(message, value)) return false;
    if (!IsWanted(route, *value)) *value = std::monostate{};
    return true;
  });
}

Outcome Session::RunIpvs(const IpvsRequest& request, Deadline deadline) {
  if (ipvs_family_ == 0) {
    if (auto failure = ResolveFamily(deadline)) return Outcome::Failed(*failure);
  }
  Outcome outcome = SendIpvs(request, deadline);
  // ENOENT may be the kernel's word on a scheduler or destination, or generic netlink's on a family id of a
  // module that was unloaded since (EOPNOTSUPP if another family has the id now). Ask for the id again: only
  // if it is a new one was the request not IPVS's to refuse.
  const bool refused =
      outcome.failure && (outcome.failure->error == ENOENT || outcome.failure->error == EOPNOTSUPP);
  if (!refused) return outcome;
  const uint16_t used = ipvs_family_;
  if (auto failure = ResolveFamily(deadline)) return Outcome::Failed(*failure);
  return ipvs_family_ == used ? outcome : SendIpvs(request, deadline);
}

Outcome Session::SendIpvs(const IpvsRequest& request, Deadline deadline) {
  const uint16_t service_family = request.service ? request.service->family : uint16_t{0};
  return transport_.Exchange(EncodeIpvs(request, ipvs_family_), deadline,
                             [this, service_family](const nlmsghdr& message, Decoded* value) {
                               return message.nlmsg_type == ipvs_family_ &&
                                      DecodeIpvs(message, service_family, value);
                             });
}

std::optional<Failure> Session::ResolveFamily(Deadline deadline) {
  ipvs_family_ = 0;
  Outcome outcome = transport_.Exchange(
      EncodeIpvsFamilyLookup(), deadline,
      [](const nlmsghdr& message, Decoded* value) { return DecodeIpvs(message, 0, value); });
  if (!outcome.failure) {
    for (const Decoded& value : outcome.values) {
      if (const auto* family = std::get_if<GenlFamily>(&value)) ipvs_family_ = family->id;
    }
    if (ipvs_family_ == 0) outcome.failure = Failure{EBADMSG};
  }
  if (outcome.failure) outcome.failure->resolving_family = true;
  return outcome.failure;
}

}  // namespace netlink_ts
