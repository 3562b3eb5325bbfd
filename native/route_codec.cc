#include "route_codec.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "attributes.h"

namespace netlink_ts {
namespace {

constexpr uint16_t kNew = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
constexpr uint16_t kReplace = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;

constexpr Operation kOperations[] = {
    {"listLinks", RTM_GETLINK, NLM_F_DUMP},      // ip link
    {"findLink", RTM_GETLINK, NLM_F_ACK},        // ip link show dev NAME
    {"createDummyLink", RTM_NEWLINK, kNew},      // ip link add NAME type dummy
    {"setLinkUp", RTM_NEWLINK, NLM_F_ACK},       // ip link set DEV up
    {"deleteLink", RTM_DELLINK, NLM_F_ACK},      // ip link del DEV
    {"listAddresses", RTM_GETADDR, NLM_F_DUMP},  // ip address
    {"addAddress", RTM_NEWADDR, kNew},           // ip address add
    {"deleteAddress", RTM_DELADDR, NLM_F_ACK},   // ip address del
    {"listRoutes", RTM_GETROUTE, NLM_F_DUMP},    // ip route show
    {"replaceRoute", RTM_NEWROUTE, kReplace},    // ip route replace
    {"deleteRoute", RTM_DELROUTE, NLM_F_ACK},    // ip route del
    {"lookupRoute", RTM_GETROUTE, NLM_F_ACK},    // ip route get
};

// ---- pack
// ---------------------------------------------------------------------------------------------------

Message Encode(const Operation& operation, const Link& link) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(link.index);
  header.ifi_flags = link.flags;
  header.ifi_change = link.change;
  Message message = Message::WithHeader(operation, header);
  if (!link.name.empty()) message.PutString(IFLA_IFNAME, link.name);
  if (link.kind) {
    nlattr* info = message.BeginNested(IFLA_LINKINFO);
    message.PutString(IFLA_INFO_KIND, *link.kind);
    message.EndNested(info);
  }
  return message;
}

// A list's request names only what the kernel filters by; an address or a destination it would refuse.
bool IsDump(const Operation& operation) { return (operation.flags & NLM_F_DUMP) == NLM_F_DUMP; }

Message Encode(const Operation& operation, const InterfaceAddress& address) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<uint8_t>(address.family);
  header.ifa_prefixlen = address.prefix_length;
  header.ifa_scope = address.scope;
  header.ifa_index = address.interface_index;
  Message message = Message::WithHeader(operation, header);
  if (address.address.present() && !IsDump(operation)) {
    message.PutAddress(IFA_LOCAL, address.address);
    message.PutAddress(IFA_ADDRESS, address.address);
  }
  return message;
}

// An IPv4 route through an IPv6 gateway (Linux 5.2) has it in RTA_VIA, a struct rtvia: its family and its
// bytes.
void PutGateway(Message* message, const Route& route) {
  const IpAddress& gateway = route.gateway;
  if (!gateway.present()) return;
  if (gateway.family == route.family) return message->PutAddress(RTA_GATEWAY, gateway);
  std::array<uint8_t, sizeof gateway.family + sizeof gateway.bytes> via;
  memcpy(via.data(), &gateway.family, sizeof gateway.family);
  memcpy(via.data() + sizeof gateway.family, gateway.bytes.data(), sizeof gateway.bytes);
  message->PutBytes(RTA_VIA, via.data(), sizeof gateway.family + AddressSize(gateway.family));
}

Message Encode(const Operation& operation, const Route& route) {
  rtmsg header{};
  header.rtm_family = static_cast<uint8_t>(route.family);
  header.rtm_dst_len = route.prefix_length;
  header.rtm_src_len =
      static_cast<uint8_t>(route.source.present() ? AddressSize(route.source.family) * 8 : 0);
  header.rtm_table = static_cast<uint8_t>(route.table <= 255 ? route.table : uint32_t{RT_TABLE_UNSPEC});
  header.rtm_protocol = route.protocol;
  header.rtm_scope = route.scope;
  header.rtm_type = route.type;
  header.rtm_flags = route.flags;
  Message message = Message::WithHeader(operation, header);
  if (route.destination.present() && !IsDump(operation)) message.PutAddress(RTA_DST, route.destination);
  if (route.source.present()) message.PutAddress(RTA_SRC, route.source);
  if (route.table != 0) message.Put<uint32_t>(RTA_TABLE, route.table);
  PutGateway(&message, route);
  if (route.interface_index != 0) message.Put<uint32_t>(RTA_OIF, route.interface_index);
  if (route.preferred_source.present()) message.PutAddress(RTA_PREFSRC, route.preferred_source);
  if (route.metric) message.Put<uint32_t>(RTA_PRIORITY, *route.metric);
  return message;
}

// ---- unpack
// -------------------------------------------------------------------------------------------------

// The family's header in front of the attributes; false if the message ends within it.
template <typename Header>
bool ReadHeader(const nlmsghdr& message, Header* header) {
  if (nlmsg_valid_hdr(&message, sizeof *header) == 0) return false;
  memcpy(header, nlmsg_data(&message), sizeof *header);
  return true;
}

Attributes ReadAttributes(const nlmsghdr& message, size_t header_size, int max_type) {
  const auto size = static_cast<int>(header_size);
  return Attributes(nlmsg_attrdata(&message, size), static_cast<size_t>(nlmsg_attrlen(&message, size)),
                    max_type);
}

bool DecodeLink(const nlmsghdr& message, Decoded* value) {
  ifinfomsg header{};
  if (!ReadHeader(message, &header)) return false;
  // AF_BRIDGE reuses the message for bridge ports: "deleted" is then a port that left its bridge, not a link.
  if (header.ifi_family != AF_UNSPEC) return true;
  Attributes attributes = ReadAttributes(message, sizeof header, IFLA_MAX);
  attributes.Require({IFLA_IFNAME});
  Link& link = value->emplace<Link>();
  link.deleted = message.nlmsg_type == RTM_DELLINK;
  link.index = static_cast<uint32_t>(header.ifi_index);
  link.flags = header.ifi_flags;
  link.name = attributes.String(IFLA_IFNAME);
  link.mtu = attributes.U32(IFLA_MTU);
  Attributes info = attributes.Nested(IFLA_LINKINFO, IFLA_INFO_MAX);
  if (info.Has(IFLA_INFO_KIND)) link.kind = info.String(IFLA_INFO_KIND);
  attributes.Absorb(info);
  return attributes.ok();
}

bool DecodeAddress(const nlmsghdr& message, Decoded* value) {
  ifaddrmsg header{};
  if (!ReadHeader(message, &header)) return false;
  if (!IsIp(header.ifa_family)) return true;
  Attributes attributes = ReadAttributes(message, sizeof header, IFA_MAX);
  // On a point-to-point link IFA_ADDRESS is the other end, and IFA_LOCAL ours; elsewhere IPv6 sends no
  // IFA_LOCAL.
  const int type = attributes.Has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS;
  attributes.Require({type});
  InterfaceAddress& address = value->emplace<InterfaceAddress>();
  address.deleted = message.nlmsg_type == RTM_DELADDR;
  address.family = header.ifa_family;
  address.address = attributes.Address(type, header.ifa_family);
  address.prefix_length = header.ifa_prefixlen;
  address.scope = header.ifa_scope;
  address.interface_index = header.ifa_index;
  return attributes.ok() && address.prefix_length <= AddressSize(address.family) * 8;
}

IpAddress ReadGateway(Attributes* attributes, uint16_t family) {
  if (!attributes->Has(RTA_VIA)) return attributes->Address(RTA_GATEWAY, family);
  uint16_t via_family = 0;
  IpAddress gateway;
  if (!attributes->Copy(RTA_VIA, 0, &via_family, sizeof via_family) || !IsIp(via_family)) return gateway;
  if (attributes->Copy(RTA_VIA, sizeof via_family, gateway.bytes.data(), AddressSize(via_family))) {
    gateway.family = via_family;
  }
  return gateway;
}

bool DecodeRouteEntry(const nlmsghdr& message, Decoded* value) {
  rtmsg header{};
  if (!ReadHeader(message, &header)) return false;
  if (!IsIp(header.rtm_family)) return true;
  Attributes attributes = ReadAttributes(message, sizeof header, RTA_MAX);
  Route& route = value->emplace<Route>();
  route.deleted = message.nlmsg_type == RTM_DELROUTE;
  route.family = header.rtm_family;
  route.prefix_length = header.rtm_dst_len;
  if (header.rtm_dst_len != 0) attributes.Require({RTA_DST});
  route.destination = attributes.Address(RTA_DST, header.rtm_family);
  route.destination.family = header.rtm_family;  // The default route names no destination: all zeros.
  route.table = attributes.Has(RTA_TABLE) ? attributes.U32(RTA_TABLE) : header.rtm_table;
  route.type = header.rtm_type;
  route.protocol = header.rtm_protocol;
  route.scope = header.rtm_scope;
  route.flags = header.rtm_flags;
  if (attributes.Has(RTA_PRIORITY)) route.metric = attributes.U32(RTA_PRIORITY);
  route.gateway = ReadGateway(&attributes, header.rtm_family);
  route.interface_index = attributes.U32(RTA_OIF);
  route.preferred_source = attributes.Address(RTA_PREFSRC, header.rtm_family);
  return attributes.ok() && route.prefix_length <= AddressSize(route.family) * 8;
}

bool IsSame(const IpAddress& wanted, const IpAddress& found) {
  return !wanted.present() || (wanted.family == found.family && wanted.bytes == found.bytes);
}

}  // namespace

const Operation* FindRouteOperation(std::string_view name) {
  for (const Operation& operation : kOperations) {
    if (name == operation.name) return &operation;
  }
  return nullptr;
}

Message EncodeRoute(const RouteRequest& request) {
  return std::visit([&](const auto& subject) { return Encode(*request.operation, subject); },
                    request.subject);
}

bool IsWanted(const Route& wanted, const Decoded& value) {
  const auto* route = std::get_if<Route>(&value);
  return route != nullptr && (route->flags & RTM_F_CLONED) == 0 &&
         (wanted.family == 0 || wanted.family == route->family) &&
         (wanted.table == 0 || wanted.table == route->table) && IsSame(wanted.destination, route->destination);
}

bool IsWanted(const InterfaceAddress& wanted, const Decoded& value) {
  const auto* address = std::get_if<InterfaceAddress>(&value);
  return address != nullptr && (wanted.family == 0 || wanted.family == address->family) &&
         (wanted.interface_index == 0 || wanted.interface_index == address->interface_index) &&
         IsSame(wanted.address, address->address);
}

bool IsWanted(const RouteRequest& request, const Decoded& value) {
  if (!IsDump(*request.operation)) return true;
  if (const auto* route = std::get_if<Route>(&request.subject)) return IsWanted(*route, value);
  if (const auto* address = std::get_if<InterfaceAddress>(&request.subject)) return IsWanted(*address, value);
  return true;
}

bool DecodeRoute(const nlmsghdr& message, Decoded* value) {
  *value = std::monostate{};
  switch (message.nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return DecodeLink(message, value);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return DecodeAddress(message, value);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return DecodeRouteEntry(message, value);
    default:
      return true;
  }
}

}  // namespace netlink_ts
