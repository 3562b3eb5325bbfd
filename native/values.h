// The plain values that cross from JavaScript to the kernel and back. They own their memory, so that they may
// be made on one thread and used on another; numbers are in host byte order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "failure.h"

namespace netlink_ts {

// AF_INET uses the first four bytes. Family 0 is "no address".
struct IpAddress {
  uint16_t family = 0;
  std::array<uint8_t, 16> bytes{};

  bool present() const { return family != 0; }
};

// ---- IPVS
// ---------------------------------------------------------------------------------------------------

// By address, or by firewall mark if that is not zero.
struct ServiceId {
  uint16_t family = 0;
  uint16_t protocol = 0;
  IpAddress address;
  uint16_t port = 0;
  uint32_t fwmark = 0;
};

struct ServiceConfig {
  std::string scheduler;
  uint32_t flags = 0;
  uint32_t timeout = 0;
  uint32_t netmask = 0;  // IPv4: the mask; IPv6: the prefix length.
  std::optional<std::string> pe_name;
};

struct Stats {
  uint64_t connections = 0;
  uint64_t packets_in = 0;
  uint64_t packets_out = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t connections_per_second = 0;
  uint64_t packets_in_per_second = 0;
  uint64_t packets_out_per_second = 0;
  uint64_t bytes_in_per_second = 0;
  uint64_t bytes_out_per_second = 0;
};

struct Service {
  ServiceId id;
  ServiceConfig config;
  std::optional<Stats> stats;
};

struct DestinationId {
  IpAddress address;
  uint16_t port = 0;
};

struct DestinationConfig {
  uint32_t forwarding = 0;
  uint32_t weight = 0;
  uint32_t upper_threshold = 0;
  uint32_t lower_threshold = 0;
  uint8_t tunnel_type = 0;
  uint16_t tunnel_port = 0;
  uint16_t tunnel_flags = 0;
};

struct Destination {
  DestinationId id;
  DestinationConfig config;
  uint32_t active_connections = 0;
  uint32_t inactive_connections = 0;
  uint32_t persistent_connections = 0;
  std::optional<Stats> stats;
};

// In seconds. In requests 0 leaves a timeout as it is; in answers it is one that the kernel does not have.
struct IpvsTimeouts {
  uint32_t tcp = 0;
  uint32_t tcp_fin = 0;
  uint32_t udp = 0;
};

struct IpvsInfo {
  uint32_t version = 0;
  uint32_t connection_table_size = 0;
};

// What the generic netlink controller knows about a family.
struct GenlFamily {
  uint16_t id = 0;
};

// ---- rtnetlink
// ----------------------------------------------------------------------------------------------

struct Link {
  bool deleted = false;  // The message announced its end.
  uint32_t index = 0;
  std::string name;
  std::optional<std::string> kind;
  uint32_t flags = 0;
  uint32_t change = 0;  // In requests: which of the flags to set.
  uint32_t mtu = 0;
};

struct InterfaceAddress {
  bool deleted = false;
  uint16_t family = 0;  // In a dump request, 0 is any.
  IpAddress address;
  uint8_t prefix_length = 0;
  uint8_t scope = 0;
  uint32_t interface_index = 0;  // In a dump request, 0 is any.
};

struct Route {
  bool deleted = false;
  uint16_t family = 0;  // In a dump request, 0 is any.
  IpAddress destination;
  uint8_t prefix_length = 0;
  IpAddress source;    // The packet's source, in lookups.
  uint32_t table = 0;  // In a dump request, 0 is any.
  uint8_t type = 0;
  uint8_t protocol = 0;
  uint8_t scope = 0;
  uint32_t flags = 0;
  std::optional<uint32_t> metric;
  IpAddress gateway;
  uint32_t interface_index = 0;  // 0 is none.
  IpAddress preferred_source;
};

// ---- sock_diag
// ----------------------------------------------------------------------------------------------

// How far the exchange on a TCP socket came: a part of tcp_info.
struct TcpProgress {
  uint8_t retransmits = 0;       // How often in a row the oldest segment without an answer was sent again.
  uint32_t unacknowledged = 0;   // segments
  uint32_t since_last_sent = 0;  // ms; of data, so it means nothing before the first.
  uint64_t bytes_acknowledged = 0;  // The SYN counts as one.
  uint64_t bytes_received = 0;
};

// Somebody's TCP socket, as the kernel sees it.
struct TcpSocket {
  uint8_t family = 0;
  uint8_t state = 0;  // TCP_*
  IpAddress local_address;
  uint16_t local_port = 0;
  IpAddress remote_address;
  uint16_t remote_port = 0;
  uint32_t interface_index = 0;  // that it is bound to; 0 is none.
  uint32_t cookie_low = 0;       // Both together name this very socket.
  uint32_t cookie_high = 0;
  std::optional<TcpProgress> progress;
};

// ---- TCP sockets of our own
// ---------------------------------------------------------------------------------

// As getsockopt(2) gives them.
struct TcpOptions {
  int keep_alive = 0;     // SO_KEEPALIVE
  int keep_idle = 0;      // TCP_KEEPIDLE, s
  int keep_interval = 0;  // TCP_KEEPINTVL, s
  int keep_count = 0;     // TCP_KEEPCNT
  int user_timeout = 0;   // TCP_USER_TIMEOUT, ms
};

// ---- Unix sockets
// -------------------------------------------------------------------------------------------

// As SO_PEERCRED gives them.
struct PeerCredentials {
  int pid = 0;  // 0 is a process of another PID namespace.
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// ---- requests and answers
// -----------------------------------------------------------------------------------

// A row of a codec's table of requests.
struct Operation {
  const char* name;
  uint16_t command;  // IPVS_CMD_*, RTM_* or SOCK_*
  uint16_t flags;    // NLM_F_* beyond NLM_F_REQUEST
};

struct IpvsRequest {
  const Operation* operation = nullptr;
  std::optional<ServiceId> service;
  std::optional<ServiceConfig> service_config;
  std::optional<DestinationId> destination;
  std::optional<DestinationConfig> destination_config;
  std::optional<IpvsTimeouts> timeouts;
};

struct RouteRequest {
  const Operation* operation = nullptr;
  std::variant<Link, InterfaceAddress, Route> subject;
};

// An address and a port.
struct IpEndpoint {
  IpAddress address;
  uint16_t port = 0;
};

struct DiagRequest {
  const Operation* operation = nullptr;
  TcpSocket socket;     // In a dump request only its family counts.
  uint32_t states = 0;  // In a dump request: which to list, a bit for each TCP_*.
  std::vector<IpEndpoint> remotes;  // In a dump request: those connected to one of these.
};

using Request = std::variant<IpvsRequest, RouteRequest, DiagRequest>;

// One decoded message; monostate is a message that is not about anything of ours.
using Decoded = std::variant<std::monostate, IpvsInfo, IpvsTimeouts, Service, Destination, GenlFamily, Link,
                             InterfaceAddress, Route, TcpSocket>;

struct Outcome {
  std::vector<Decoded> values;
  std::optional<Failure> failure{};

  static Outcome Failed(Failure failure) { return Outcome{{}, std::move(failure)}; }
};

}  // namespace netlink_ts
