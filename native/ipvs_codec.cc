#include "ipvs_codec.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <netlink/genl/genl.h>
#include <sys/socket.h>

#include <utility>

#include "attributes.h"

namespace netlink_ts {
namespace {

constexpr Operation kOperations[] = {
    {"getInfo", IPVS_CMD_GET_INFO, NLM_F_ACK},            // ipvsadm -v
    {"listServices", IPVS_CMD_GET_SERVICE, NLM_F_DUMP},   // ipvsadm -L
    {"getService", IPVS_CMD_GET_SERVICE, NLM_F_ACK},      // ipvsadm -L -t ...
    {"createService", IPVS_CMD_NEW_SERVICE, NLM_F_ACK},   // ipvsadm -A
    {"updateService", IPVS_CMD_SET_SERVICE, NLM_F_ACK},   // ipvsadm -E
    {"deleteService", IPVS_CMD_DEL_SERVICE, NLM_F_ACK},   // ipvsadm -D
    {"listDestinations", IPVS_CMD_GET_DEST, NLM_F_DUMP},  // ipvsadm -L -t ...
    {"createDestination", IPVS_CMD_NEW_DEST, NLM_F_ACK},  // ipvsadm -a
    {"updateDestination", IPVS_CMD_SET_DEST, NLM_F_ACK},  // ipvsadm -e
    {"deleteDestination", IPVS_CMD_DEL_DEST, NLM_F_ACK},  // ipvsadm -d
    {"getTimeouts", IPVS_CMD_GET_CONFIG, NLM_F_ACK},      // ipvsadm -L --timeout
    {"setTimeouts", IPVS_CMD_SET_CONFIG, NLM_F_ACK},      // ipvsadm --set
};

constexpr Operation kFamilyLookup = {"resolveFamily", CTRL_CMD_GETFAMILY, NLM_F_ACK};
constexpr uint8_t kControllerVersion = 2;

// ---- pack
// ---------------------------------------------------------------------------------------------------

// A union nf_inet_addr: always 16 bytes, an IPv4 address in the first four.
void PutInetAddress(Message* message, int type, const IpAddress& address) {
  message->PutBytes(type, address.bytes.data(), address.bytes.size());
}

void PutServiceId(Message* message, const ServiceId& id) {
  message->Put<uint16_t>(IPVS_SVC_ATTR_AF, id.family);
  if (id.fwmark != 0) {
    message->Put<uint32_t>(IPVS_SVC_ATTR_FWMARK, id.fwmark);
  } else {
    message->Put<uint16_t>(IPVS_SVC_ATTR_PROTOCOL, id.protocol);
    PutInetAddress(message, IPVS_SVC_ATTR_ADDR, id.address);
    message->Put<uint16_t>(IPVS_SVC_ATTR_PORT, htons(id.port));
  }
}

void PutServiceConfig(Message* message, const ServiceConfig& config, uint16_t family) {
  message->PutString(IPVS_SVC_ATTR_SCHED_NAME, config.scheduler);
  if (config.pe_name) message->PutString(IPVS_SVC_ATTR_PE_NAME, *config.pe_name);
  // The kernel changes only the flags in the mask: all, so that an update also clears. Its own mark it sets by
  // itself; a new service that comes with it is taken for one that is in the table already, and never put there.
  const ip_vs_flags flags = {config.flags & ~uint32_t{IP_VS_SVC_F_HASHED}, ~uint32_t{0}};
  message->PutBytes(IPVS_SVC_ATTR_FLAGS, &flags, sizeof flags);
  message->Put<uint32_t>(IPVS_SVC_ATTR_TIMEOUT, config.timeout);
  // One attribute, two meanings: a big-endian mask for IPv4, a prefix length in host order for IPv6.
  message->Put<uint32_t>(IPVS_SVC_ATTR_NETMASK, family == AF_INET6 ? config.netmask : htonl(config.netmask));
}

void PutDestinationConfig(Message* message, const DestinationConfig& config) {
  message->Put<uint32_t>(IPVS_DEST_ATTR_FWD_METHOD, config.forwarding);
  message->Put<uint32_t>(IPVS_DEST_ATTR_WEIGHT, config.weight);
  message->Put<uint32_t>(IPVS_DEST_ATTR_U_THRESH, config.upper_threshold);
  message->Put<uint32_t>(IPVS_DEST_ATTR_L_THRESH, config.lower_threshold);
  // Kernels before 5.3 know no tunnel attributes, and their default is this one: say it by saying nothing.
  if (config.tunnel_type != IP_VS_CONN_F_TUNNEL_TYPE_IPIP || config.tunnel_flags != 0) {
    message->Put<uint8_t>(IPVS_DEST_ATTR_TUN_TYPE, config.tunnel_type);
    message->Put<uint16_t>(IPVS_DEST_ATTR_TUN_PORT, htons(config.tunnel_port));
    message->Put<uint16_t>(IPVS_DEST_ATTR_TUN_FLAGS, config.tunnel_flags);
  }
}

// ---- unpack
// -------------------------------------------------------------------------------------------------

template <typename Read>
Stats ReadStats(Read read) {
  Stats stats;
  stats.connections = read(IPVS_STATS_ATTR_CONNS);
  stats.packets_in = read(IPVS_STATS_ATTR_INPKTS);
  stats.packets_out = read(IPVS_STATS_ATTR_OUTPKTS);
  stats.bytes_in = read(IPVS_STATS_ATTR_INBYTES);
  stats.bytes_out = read(IPVS_STATS_ATTR_OUTBYTES);
  stats.connections_per_second = read(IPVS_STATS_ATTR_CPS);
  stats.packets_in_per_second = read(IPVS_STATS_ATTR_INPPS);
  stats.packets_out_per_second = read(IPVS_STATS_ATTR_OUTPPS);
  stats.bytes_in_per_second = read(IPVS_STATS_ATTR_INBPS);
  stats.bytes_out_per_second = read(IPVS_STATS_ATTR_OUTBPS);
  return stats;
}

// Kernels from 4.1 send both: 64 bits wide, and 32 bits for those who know no better. Byte counters are 64
// bits wide in either.
std::optional<Stats> DecodeStats(Attributes* outer, int narrow_type, int wide_type) {
  if (outer->Has(wide_type)) {
    Attributes wide = outer->Nested(wide_type, IPVS_STATS_ATTR_MAX);
    const Stats stats = ReadStats([&](int type) { return wide.U64(type); });
    outer->Absorb(wide);
    return stats;
  }
  if (outer->Has(narrow_type)) {
    Attributes narrow = outer->Nested(narrow_type, IPVS_STATS_ATTR_MAX);
    const Stats stats = ReadStats([&](int type) {
      const bool bytes = type == IPVS_STATS_ATTR_INBYTES || type == IPVS_STATS_ATTR_OUTBYTES;
      return bytes ? narrow.U64(type) : uint64_t{narrow.U32(type)};
    });
    outer->Absorb(narrow);
    return stats;
  }
  return std::nullopt;
}

bool DecodeService(Attributes attributes, Service* service) {
  attributes.Require({IPVS_SVC_ATTR_AF, IPVS_SVC_ATTR_SCHED_NAME, IPVS_SVC_ATTR_FLAGS, IPVS_SVC_ATTR_TIMEOUT,
                      IPVS_SVC_ATTR_NETMASK});
  ServiceId& id = service->id;
  id.family = attributes.U16(IPVS_SVC_ATTR_AF);
  if (id.family != AF_INET && id.family != AF_INET6) return false;
  id.fwmark = attributes.U32(IPVS_SVC_ATTR_FWMARK);
  if (id.fwmark == 0) {
    attributes.Require({IPVS_SVC_ATTR_PROTOCOL, IPVS_SVC_ATTR_ADDR, IPVS_SVC_ATTR_PORT});
    id.protocol = attributes.U16(IPVS_SVC_ATTR_PROTOCOL);
    id.address = attributes.Address(IPVS_SVC_ATTR_ADDR, id.family);
    id.port = attributes.BigEndianU16(IPVS_SVC_ATTR_PORT);
  }

  ServiceConfig& config = service->config;
  config.scheduler = attributes.String(IPVS_SVC_ATTR_SCHED_NAME);
  ip_vs_flags flags{};
  attributes.Copy(IPVS_SVC_ATTR_FLAGS, 0, &flags, sizeof flags);
  config.flags = flags.flags;
  config.timeout = attributes.U32(IPVS_SVC_ATTR_TIMEOUT);
  config.netmask = id.family == AF_INET6 ? attributes.U32(IPVS_SVC_ATTR_NETMASK)
                                         : attributes.BigEndianU32(IPVS_SVC_ATTR_NETMASK);
  if (attributes.Has(IPVS_SVC_ATTR_PE_NAME)) config.pe_name = attributes.String(IPVS_SVC_ATTR_PE_NAME);
  service->stats = DecodeStats(&attributes, IPVS_SVC_ATTR_STATS, IPVS_SVC_ATTR_STATS64);
  return attributes.ok();
}

bool DecodeDestination(Attributes attributes, uint16_t service_family, Destination* destination) {
  attributes.Require({IPVS_DEST_ATTR_ADDR, IPVS_DEST_ATTR_PORT, IPVS_DEST_ATTR_FWD_METHOD,
                      IPVS_DEST_ATTR_WEIGHT, IPVS_DEST_ATTR_U_THRESH, IPVS_DEST_ATTR_L_THRESH,
                      IPVS_DEST_ATTR_ACTIVE_CONNS, IPVS_DEST_ATTR_INACT_CONNS, IPVS_DEST_ATTR_PERSIST_CONNS});
  // Kernels before 3.18 knew no destinations of another family than their service's, and do not name it.
  const uint16_t family = attributes.Has(IPVS_DEST_ATTR_ADDR_FAMILY)
                              ? attributes.U16(IPVS_DEST_ATTR_ADDR_FAMILY)
                              : service_family;
  destination->id.address = attributes.Address(IPVS_DEST_ATTR_ADDR, family);
  destination->id.port = attributes.BigEndianU16(IPVS_DEST_ATTR_PORT);

  DestinationConfig& config = destination->config;
  // The kernel keeps connection flags in the same word.
  config.forwarding = attributes.U32(IPVS_DEST_ATTR_FWD_METHOD) & IP_VS_CONN_F_FWD_MASK;
  config.weight = attributes.U32(IPVS_DEST_ATTR_WEIGHT);
  config.upper_threshold = attributes.U32(IPVS_DEST_ATTR_U_THRESH);
  config.lower_threshold = attributes.U32(IPVS_DEST_ATTR_L_THRESH);
  config.tunnel_type = attributes.U8(IPVS_DEST_ATTR_TUN_TYPE);
  config.tunnel_port = attributes.BigEndianU16(IPVS_DEST_ATTR_TUN_PORT);
  config.tunnel_flags = attributes.U16(IPVS_DEST_ATTR_TUN_FLAGS);

  destination->active_connections = attributes.U32(IPVS_DEST_ATTR_ACTIVE_CONNS);
  destination->inactive_connections = attributes.U32(IPVS_DEST_ATTR_INACT_CONNS);
  destination->persistent_connections = attributes.U32(IPVS_DEST_ATTR_PERSIST_CONNS);
  destination->stats = DecodeStats(&attributes, IPVS_DEST_ATTR_STATS, IPVS_DEST_ATTR_STATS64);
  return attributes.ok();
}

bool DecodeInfo(Attributes attributes, IpvsInfo* info) {
  attributes.Require({IPVS_INFO_ATTR_VERSION, IPVS_INFO_ATTR_CONN_TAB_SIZE});
  info->version = attributes.U32(IPVS_INFO_ATTR_VERSION);
  info->connection_table_size = attributes.U32(IPVS_INFO_ATTR_CONN_TAB_SIZE);
  return attributes.ok();
}

// A kernel that was built without a protocol sends none of its timeouts.
bool DecodeTimeouts(Attributes attributes, IpvsTimeouts* timeouts) {
  timeouts->tcp = attributes.U32(IPVS_CMD_ATTR_TIMEOUT_TCP);
  timeouts->tcp_fin = attributes.U32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN);
  timeouts->udp = attributes.U32(IPVS_CMD_ATTR_TIMEOUT_UDP);
  return attributes.ok();
}

bool DecodeFamily(Attributes attributes, GenlFamily* family) {
  attributes.Require({CTRL_ATTR_FAMILY_ID});
  family->id = attributes.U16(CTRL_ATTR_FAMILY_ID);
  return attributes.ok() && family->id >= NLMSG_MIN_TYPE;
}

}  // namespace

const Operation* FindIpvsOperation(std::string_view name) {
  for (const Operation& operation : kOperations) {
    if (name == operation.name) return &operation;
  }
  return nullptr;
}

Message EncodeIpvs(const IpvsRequest& request, uint16_t family_id) {
  Message message = Message::Generic(family_id, IPVS_GENL_VERSION, *request.operation);
  if (request.service) {
    nlattr* nested = message.BeginNested(IPVS_CMD_ATTR_SERVICE);
    PutServiceId(&message, *request.service);
    if (request.service_config) PutServiceConfig(&message, *request.service_config, request.service->family);
    message.EndNested(nested);
  }
  if (request.destination) {
    nlattr* nested = message.BeginNested(IPVS_CMD_ATTR_DEST);
    PutInetAddress(&message, IPVS_DEST_ATTR_ADDR, request.destination->address);
    message.Put<uint16_t>(IPVS_DEST_ATTR_PORT, htons(request.destination->port));
    message.Put<uint16_t>(IPVS_DEST_ATTR_ADDR_FAMILY, request.destination->address.family);
    if (request.destination_config) PutDestinationConfig(&message, *request.destination_config);
    message.EndNested(nested);
  }
  if (request.timeouts) {
    message.Put<uint32_t>(IPVS_CMD_ATTR_TIMEOUT_TCP, request.timeouts->tcp);
    message.Put<uint32_t>(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, request.timeouts->tcp_fin);
    message.Put<uint32_t>(IPVS_CMD_ATTR_TIMEOUT_UDP, request.timeouts->udp);
  }
  return message;
}

Message EncodeIpvsFamilyLookup() {
  Message message = Message::Generic(GENL_ID_CTRL, kControllerVersion, kFamilyLookup);
  message.PutString(CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME);
  return message;
}

bool DecodeIpvs(const nlmsghdr& message, uint16_t service_family, Decoded* value) {
  *value = std::monostate{};
  if (genlmsg_valid_hdr(const_cast<nlmsghdr*>(&message), 0) == 0) return false;
  const auto* header = static_cast<const genlmsghdr*>(nlmsg_data(&message));
  const auto length = static_cast<size_t>(genlmsg_attrlen(header, 0));
  const nlattr* data = genlmsg_attrdata(header, 0);

  if (message.nlmsg_type == GENL_ID_CTRL) {
    if (header->cmd != CTRL_CMD_NEWFAMILY) return true;
    return DecodeFamily(Attributes(data, length, CTRL_ATTR_MAX), &value->emplace<GenlFamily>());
  }
  if (header->cmd == IPVS_CMD_SET_INFO) {
    return DecodeInfo(Attributes(data, length, IPVS_INFO_ATTR_MAX), &value->emplace<IpvsInfo>());
  }
  Attributes attributes(data, length, IPVS_CMD_ATTR_MAX);
  if (header->cmd == IPVS_CMD_SET_CONFIG) {
    return DecodeTimeouts(std::move(attributes), &value->emplace<IpvsTimeouts>());
  }
  if (header->cmd == IPVS_CMD_NEW_SERVICE) {
    attributes.Require({IPVS_CMD_ATTR_SERVICE});
    return attributes.ok() && DecodeService(attributes.Nested(IPVS_CMD_ATTR_SERVICE, IPVS_SVC_ATTR_MAX),
                                            &value->emplace<Service>());
  }
  if (header->cmd == IPVS_CMD_NEW_DEST) {
    attributes.Require({IPVS_CMD_ATTR_DEST});
    return attributes.ok() && DecodeDestination(attributes.Nested(IPVS_CMD_ATTR_DEST, IPVS_DEST_ATTR_MAX),
                                                service_family, &value->emplace<Destination>());
  }
  return attributes.ok();
}

}  // namespace netlink_ts
