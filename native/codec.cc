#include "codec.h"

#include "diag_codec.h"
#include "ipvs_codec.h"
#include "route_codec.h"

namespace netlink_ts {

Message Encode(const Request& request, uint16_t family_id) {
  if (const auto* ipvs = std::get_if<IpvsRequest>(&request)) return EncodeIpvs(*ipvs, family_id);
  if (const auto* diag = std::get_if<DiagRequest>(&request)) return EncodeDiag(*diag);
  return EncodeRoute(std::get<RouteRequest>(request));
}

bool Decode(Codec codec, const nlmsghdr& message, uint16_t service_family, Decoded* value) {
  switch (codec) {
    case Codec::kIpvs:
      return DecodeIpvs(message, service_family, value);
    case Codec::kRoute:
      return DecodeRoute(message, value);
    case Codec::kDiag:
      return DecodeDiag(message, value);
  }
  return false;
}

}  // namespace netlink_ts
