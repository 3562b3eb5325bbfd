// A libFuzzer target: any bytes are a datagram as the kernel might send it. The first byte chooses the protocol and the family of the
// service. scripts/fuzz-decoders builds and runs it.
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>

#include "codec.h"
#include "datagram.h"
#include "ipvs_codec.h"
#include "route_codec.h"
#include "status_message.h"

namespace netlink_ts {
namespace {

constexpr uint16_t kFamilyId = 0x1c;

void Check(bool is_so) {
  if (!is_so) abort();
}

// A value that was decoded is encoded as the request to make it, if there is one, and decoded again.
void RoundTrip(const Service& service) {
  IpvsRequest request;
  request.operation = FindIpvsOperation("createService");
  request.service = service.id;
  request.service_config = service.config;
  const Message message = Encode(request, kFamilyId);
  if (!message.ok()) return;  // Names of more than a page.
  Decoded again;
  Check(Decode(Codec::kIpvs, *message.header(), AF_INET, &again));
  const auto* decoded = std::get_if<Service>(&again);
  Check(decoded != nullptr && decoded->id.port == service.id.port && decoded->id.fwmark == service.id.fwmark &&
        decoded->id.address.bytes == service.id.address.bytes &&
        decoded->config.scheduler == service.config.scheduler &&
        decoded->config.netmask == service.config.netmask &&
        decoded->config.pe_name == service.config.pe_name);
}

void RoundTrip(const Route& route) {
  RouteRequest request;
  request.operation = FindRouteOperation("replaceRoute");
  request.subject = route;
  const Message message = Encode(request, kFamilyId);
  Check(message.ok());
  Decoded again;
  Check(Decode(Codec::kRoute, *message.header(), AF_INET, &again));
  // The same route, unless the kernel keeps it as a cache entry only.
  Check(IsWanted(route, again) || (route.flags & RTM_F_CLONED) != 0);
}

void Read(Codec codec, const nlmsghdr& message, uint16_t service_family) {
  if (IsStatusMessage(message)) {
    const auto failure = ReadStatusMessage(message);
    Check(!failure || (failure->error > 0 && failure->error <= 4095 && !ErrnoName(failure->error).empty()));
    return;
  }
  Decoded value;
  if (!Decode(codec, message, service_family, &value)) return;
  if (const auto* service = std::get_if<Service>(&value)) RoundTrip(*service);
  if (const auto* route = std::get_if<Route>(&value)) RoundTrip(*route);
}

}  // namespace
}  // namespace netlink_ts

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using netlink_ts::Codec;
  if (size == 0) return 0;
  constexpr Codec kCodecs[] = {Codec::kIpvs, Codec::kRoute, Codec::kDiag};
  const uint16_t service_family = (data[0] & 0x80) != 0 ? AF_INET6 : AF_INET;
  // Of exactly this size and aligned, as a buffer of the transport.
  const std::vector<uint8_t> datagram(data + 1, data + size);
  netlink_ts::ForEachMessage(datagram, datagram.size(), [&](const nlmsghdr& message) {
    netlink_ts::Read(kCodecs[(data[0] & 0x7f) % 3], message, service_family);
    return true;
  });
  return 0;
}
