#include "diag_codec.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <vector>

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

// A condition of inet_diag's filter, as the kernel runs it: `op` skips `yes` bytes if the socket is connected to the host, else `no`.
// The end of the filter accepts; beyond it is refused.
// The address follows its hostcond.
struct HostCondition {
  inet_diag_bc_op op;
  uint8_t family;
  uint8_t prefix_length;
  int port;
  __be32 address[4];
};
static_assert(sizeof(HostCondition) == sizeof(inet_diag_bc_op) + sizeof(inet_diag_hostcond) + 16);
static_assert(offsetof(HostCondition, port) ==
              sizeof(inet_diag_bc_op) + offsetof(inet_diag_hostcond, port));

// Accepts what is connected to one of these: conditions, each followed by a jump to the end.
std::vector<std::byte> ConnectedToAny(const std::vector<IpEndpoint>& remotes) {
  constexpr size_t kStep = sizeof(HostCondition) + sizeof(inet_diag_bc_op);
  std::vector<std::byte> filter(remotes.size() * kStep);
  for (size_t i = 0; i < remotes.size(); ++i) {
    const IpEndpoint& remote = remotes[i];
    HostCondition condition{};
    condition.op.code = INET_DIAG_BC_D_COND;
    condition.op.yes = sizeof condition;
    // The last one's leads beyond the end.
    condition.op.no = static_cast<uint16_t>(i + 1 < remotes.size() ? kStep : kStep + sizeof(inet_diag_bc_op));
    condition.family = static_cast<uint8_t>(remote.address.family);
    condition.prefix_length = static_cast<uint8_t>(AddressSize(remote.address.family) * 8);
    condition.port = remote.port;
    PutAddress(remote.address, condition.address);
    inet_diag_bc_op jump{};
    jump.code = INET_DIAG_BC_JMP;
    jump.yes = sizeof jump;
    jump.no = static_cast<uint16_t>(filter.size() - i * kStep - sizeof condition);
    memcpy(filter.data() + i * kStep, &condition, sizeof condition);
    memcpy(filter.data() + i * kStep + sizeof condition, &jump, sizeof jump);
  }
  return filter;
}

// Where tcpi_bytes_acked and tcpi_bytes_received are in a struct tcp_info. The one of <netinet/tcp.h>, which libnl includes, ends
// before them, and <linux/tcp.h>, which has them, cannot be included beside that one.
constexpr size_t kBytesAcked = 120;
constexpr size_t kBytesReceived = 128;

// A socket that is closed has no tcp_info. Older kernels send a shorter one; all have what is read here.
bool ReadProgress(const nlmsghdr& message, std::optional<TcpProgress>* progress) {
  const auto* header = static_cast<const inet_diag_msg*>(nlmsg_data(&message));
  Attributes attributes(header + 1, static_cast<size_t>(nlmsg_datalen(&message)) - sizeof *header,
                        INET_DIAG_INFO);
  if (!attributes.ok()) return false;
  if (!attributes.Has(INET_DIAG_INFO)) return true;
  tcp_info info{};
  TcpProgress& read = progress->emplace();
  if (!attributes.Copy(INET_DIAG_INFO, 0, &info, sizeof info) ||
      !attributes.Copy(INET_DIAG_INFO, kBytesAcked, &read.bytes_acknowledged, sizeof read.bytes_acknowledged) ||
      !attributes.Copy(INET_DIAG_INFO, kBytesReceived, &read.bytes_received, sizeof read.bytes_received)) {
    return false;
  }
  read.retransmits = info.tcpi_retransmits;
  read.unacknowledged = info.tcpi_unacked;
  read.since_last_sent = info.tcpi_last_data_sent;
  return true;
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
  if (request.operation->command == SOCK_DIAG_BY_FAMILY) header.idiag_ext = 1 << (INET_DIAG_INFO - 1);
  header.id.idiag_sport = htons(socket.local_port);
  header.id.idiag_dport = htons(socket.remote_port);
  PutAddress(socket.local_address, header.id.idiag_src);
  PutAddress(socket.remote_address, header.id.idiag_dst);
  header.id.idiag_if = socket.interface_index;
  header.id.idiag_cookie[0] = socket.cookie_low;
  header.id.idiag_cookie[1] = socket.cookie_high;
  Message message = Message::WithHeader(*request.operation, header);
  if (!request.remotes.empty()) {
    const std::vector<std::byte> filter = ConnectedToAny(request.remotes);
    message.PutBytes(INET_DIAG_REQ_BYTECODE, filter.data(), filter.size());
  }
  return message;
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
  return ReadProgress(message, &socket.progress);
}

}  // namespace netlink_ts
