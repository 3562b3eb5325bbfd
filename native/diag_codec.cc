#include "diag_codec.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <cstring>

#include "attributes.h"

namespace netlink_ts {
namespace {

constexpr Operation kOperations[] = {
    {"listTcpSockets", SOCK_DIAG_BY_FAMILY, NLM_F_DUMP},  // ss -tn
    {"endTcpSocket", SOCK_DESTROY, NLM_F_ACK},            // ss -K
};

// An address in an inet_diag_sockid: four words, IPv4 in the first.
void PutAddress(const IpAddress& address, __be32 (&words)[4]) {
  static_assert(sizeof words == sizeof address.bytes);
  memcpy(words, address.bytes.data(), sizeof words);
}

IpAddress ReadAddress(uint8_t family, const __be32 (&words)[4]) {
  IpAddress address;
  address.family = family;
  memcpy(address.bytes.data(), words, AddressSize(family));
  return address;
}

}  // namespace

const Operation* FindDiagOperation(std::string_view name) {
  for (const Operation& operation : kOperations) {
    if (name == operation.name) return &operation;
  }
  return nullptr;
}

Message EncodeDiag(const DiagRequest& request) {
  const TcpSocket& socket = request.socket;
  inet_diag_req_v2 header{};
  header.sdiag_family = socket.family;
  header.sdiag_protocol = IPPROTO_TCP;
  header.idiag_states = request.states;
  header.id.idiag_sport = htons(socket.local_port);
  header.id.idiag_dport = htons(socket.remote_port);
  PutAddress(socket.local_address, header.id.idiag_src);
  PutAddress(socket.remote_address, header.id.idiag_dst);
  header.id.idiag_if = socket.interface_index;
  header.id.idiag_cookie[0] = socket.cookie_low;
  header.id.idiag_cookie[1] = socket.cookie_high;
  return Message::WithHeader(*request.operation, header);
}

bool DecodeDiag(const nlmsghdr& message, Decoded* value) {
  *value = std::monostate{};
  if (message.nlmsg_type != SOCK_DIAG_BY_FAMILY) return true;
  inet_diag_msg header{};
  if (nlmsg_valid_hdr(&message, sizeof header) == 0) return false;
  memcpy(&header, nlmsg_data(&message), sizeof header);
  if (!IsIp(header.idiag_family)) return true;
  TcpSocket& socket = value->emplace<TcpSocket>();
  socket.family = header.idiag_family;
  socket.state = header.idiag_state;
  socket.local_address = ReadAddress(header.idiag_family, header.id.idiag_src);
  socket.local_port = ntohs(header.id.idiag_sport);
  socket.remote_address = ReadAddress(header.idiag_family, header.id.idiag_dst);
  socket.remote_port = ntohs(header.id.idiag_dport);
  socket.interface_index = header.id.idiag_if;
  socket.cookie_low = header.id.idiag_cookie[0];
  socket.cookie_high = header.id.idiag_cookie[1];
  return true;
}

}  // namespace netlink_ts
