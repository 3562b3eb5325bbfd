#include "js_output.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "js_access.h"

namespace netlink_ts {
namespace {

Napi::Value Address(Napi::Env env, const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  if (!address.present() || inet_ntop(address.family, address.bytes.data(), text, sizeof text) == nullptr) {
    return env.Null();
  }
  return Napi::String::New(env, text);
}

Napi::Value Text(Napi::Env env, const std::optional<std::string>& text) {
  return text ? Napi::String::New(env, *text) : env.Null();
}

Napi::Object Kind(Napi::Env env, const char* kind) {
  Napi::Object object = Napi::Object::New(env);
  Set(object, "kind", kind);
  return object;
}

Napi::Value StatsToJs(Napi::Env env, const std::optional<Stats>& stats) {
  if (!stats) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  const auto set = [&](const char* name, uint64_t value) {
    Set(object, name, Napi::BigInt::New(env, value));
  };
  set("connections", stats->connections);
  set("packetsIn", stats->packets_in);
  set("packetsOut", stats->packets_out);
  set("bytesIn", stats->bytes_in);
  set("bytesOut", stats->bytes_out);
  set("connectionsPerSecond", stats->connections_per_second);
  set("packetsInPerSecond", stats->packets_in_per_second);
  set("packetsOutPerSecond", stats->packets_out_per_second);
  set("bytesInPerSecond", stats->bytes_in_per_second);
  set("bytesOutPerSecond", stats->bytes_out_per_second);
  return object;
}

Napi::Value Progress(Napi::Env env, const std::optional<TcpProgress>& progress) {
  if (!progress) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  Set(object, "retransmits", progress->retransmits);
  Set(object, "unacknowledged", progress->unacknowledged);
  Set(object, "sinceLastSentMs", progress->since_last_sent);
  Set(object, "bytesAcknowledged", static_cast<double>(progress->bytes_acknowledged));
  Set(object, "bytesReceived", static_cast<double>(progress->bytes_received));
  return object;
}

struct Converter {
  Napi::Env env;

  Napi::Value operator()(std::monostate) const { return Kind(env, "other"); }

  Napi::Value operator()(const IpvsInfo& info) const {
    Napi::Object object = Kind(env, "info");
    Set(object, "version", info.version);
    Set(object, "connectionTableSize", info.connection_table_size);
    return object;
  }

  Napi::Value operator()(const IpvsTimeouts& timeouts) const {
    Napi::Object object = Kind(env, "timeouts");
    Set(object, "tcp", timeouts.tcp);
    Set(object, "tcpFin", timeouts.tcp_fin);
    Set(object, "udp", timeouts.udp);
    return object;
  }

  Napi::Value operator()(const Service& service) const {
    Napi::Object object = Kind(env, "service");
    Set(object, "family", service.id.family);
    Set(object, "protocol", service.id.protocol);
    Set(object, "address", Address(env, service.id.address));
    Set(object, "port", service.id.port);
    Set(object, "fwmark", service.id.fwmark);
    Set(object, "scheduler", service.config.scheduler);
    Set(object, "flags", service.config.flags);
    Set(object, "timeout", service.config.timeout);
    Set(object, "netmask", service.config.netmask);
    Set(object, "peName", Text(env, service.config.pe_name));
    Set(object, "stats", StatsToJs(env, service.stats));
    return object;
  }

  Napi::Value operator()(const Destination& destination) const {
    Napi::Object object = Kind(env, "destination");
    Set(object, "family", destination.id.address.family);
    Set(object, "address", Address(env, destination.id.address));
    Set(object, "port", destination.id.port);
    Set(object, "forwarding", destination.config.forwarding);
    Set(object, "weight", destination.config.weight);
    Set(object, "upperThreshold", destination.config.upper_threshold);
    Set(object, "lowerThreshold", destination.config.lower_threshold);
    Set(object, "tunnelType", destination.config.tunnel_type);
    Set(object, "tunnelPort", destination.config.tunnel_port);
    Set(object, "tunnelFlags", destination.config.tunnel_flags);
    Set(object, "activeConnections", destination.active_connections);
    Set(object, "inactiveConnections", destination.inactive_connections);
    Set(object, "persistentConnections", destination.persistent_connections);
    Set(object, "stats", StatsToJs(env, destination.stats));
    return object;
  }

  Napi::Value operator()(const GenlFamily& family) const {
    Napi::Object object = Kind(env, "family");
    Set(object, "id", family.id);
    return object;
  }

  Napi::Value operator()(const Link& link) const {
    Napi::Object object = Kind(env, "link");
    Set(object, "deleted", link.deleted);
    Set(object, "index", link.index);
    Set(object, "name", link.name);
    Set(object, "linkKind", Text(env, link.kind));
    Set(object, "flags", link.flags);
    Set(object, "mtu", link.mtu);
    return object;
  }

  Napi::Value operator()(const InterfaceAddress& address) const {
    Napi::Object object = Kind(env, "address");
    Set(object, "deleted", address.deleted);
    Set(object, "family", address.family);
    Set(object, "address", Address(env, address.address));
    Set(object, "prefixLength", address.prefix_length);
    Set(object, "interfaceIndex", address.interface_index);
    return object;
  }

  Napi::Value operator()(const Route& route) const {
    Napi::Object object = Kind(env, "route");
    Set(object, "deleted", route.deleted);
    Set(object, "family", route.family);
    Set(object, "destination", Address(env, route.destination));
    Set(object, "prefixLength", route.prefix_length);
    Set(object, "table", route.table);
    Set(object, "type", route.type);
    Set(object, "protocol", route.protocol);
    Set(object, "scope", route.scope);
    Set(object, "flags", route.flags);
    Set(object, "metric", route.metric ? Napi::Number::New(env, *route.metric) : env.Null());
    Set(object, "gateway", Address(env, route.gateway));
    Set(object, "interfaceIndex", route.interface_index);
    Set(object, "preferredSource", Address(env, route.preferred_source));
    return object;
  }

  Napi::Value operator()(const TcpSocket& socket) const {
    Napi::Object object = Kind(env, "tcpSocket");
    Set(object, "family", socket.family);
    Set(object, "state", socket.state);
    Set(object, "localAddress", Address(env, socket.local_address));
    Set(object, "localPort", socket.local_port);
    Set(object, "remoteAddress", Address(env, socket.remote_address));
    Set(object, "remotePort", socket.remote_port);
    Set(object, "interfaceIndex", socket.interface_index);
    Set(object, "cookieLow", socket.cookie_low);
    Set(object, "cookieHigh", socket.cookie_high);
    Set(object, "progress", Progress(env, socket.progress));
    return object;
  }
};

}  // namespace

Napi::Value ToJs(Napi::Env env, const Decoded& value) { return std::visit(Converter{env}, value); }

Napi::Value ToJs(Napi::Env env, const std::optional<Failure>& failure) {
  if (!failure) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  Set(object, "errno", failure->error);
  Set(object, "code", ErrnoName(failure->error));
  Set(object, "description", ErrnoDescription(failure->error));
  Set(object, "kernelMessage", Text(env, failure->kernel_message));
  Set(object, "resolvingFamily", failure->resolving_family);
  return object;
}

Napi::Value ToJs(Napi::Env env, const std::vector<Outcome>& outcomes) {
  Napi::Array results = Napi::Array::New(env, outcomes.size());
  for (size_t i = 0; i < outcomes.size(); ++i) {
    Napi::HandleScope scope(env);
    const Outcome& outcome = outcomes[i];
    Napi::Array values = Napi::Array::New(env, outcome.values.size());
    for (size_t j = 0; j < outcome.values.size(); ++j) {
      Napi::HandleScope value_scope(env);
      SetElement(values, static_cast<uint32_t>(j), ToJs(env, outcome.values[j]));
    }
    Napi::Object result = Napi::Object::New(env);
    Set(result, "values", values);
    Set(result, "failure", ToJs(env, outcome.failure));
    SetElement(results, static_cast<uint32_t>(i), result);
  }
  return results;
}

Napi::Value ToJs(Napi::Env env, const TcpOptions& options) {
  Napi::Object object = Napi::Object::New(env);
  Set(object, "keepAlive", options.keep_alive);
  Set(object, "keepIdle", options.keep_idle);
  Set(object, "keepInterval", options.keep_interval);
  Set(object, "keepCount", options.keep_count);
  Set(object, "userTimeout", options.user_timeout);
  return object;
}

Napi::Value ToJs(Napi::Env env, const PeerCredentials& credentials) {
  Napi::Object object = Napi::Object::New(env);
  Set(object, "pid", credentials.pid);
  Set(object, "uid", credentials.uid);
  Set(object, "gid", credentials.gid);
  return object;
}

}  // namespace netlink_ts
