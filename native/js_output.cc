#include "js_output.h"

#include <arpa/inet.h>
#include <sys/socket.h>

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
  object.Set("kind", kind);
  return object;
}

Napi::Value StatsToJs(Napi::Env env, const std::optional<Stats>& stats) {
  if (!stats) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  const auto set = [&](const char* name, uint64_t value) { object.Set(name, Napi::BigInt::New(env, value)); };
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

struct Converter {
  Napi::Env env;

  Napi::Value operator()(std::monostate) const { return Kind(env, "other"); }

  Napi::Value operator()(const IpvsInfo& info) const {
    Napi::Object object = Kind(env, "info");
    object.Set("version", info.version);
    object.Set("connectionTableSize", info.connection_table_size);
    return object;
  }

  Napi::Value operator()(const Service& service) const {
    Napi::Object object = Kind(env, "service");
    object.Set("family", service.id.family);
    object.Set("protocol", service.id.protocol);
    object.Set("address", Address(env, service.id.address));
    object.Set("port", service.id.port);
    object.Set("fwmark", service.id.fwmark);
    object.Set("scheduler", service.config.scheduler);
    object.Set("flags", service.config.flags);
    object.Set("timeout", service.config.timeout);
    object.Set("netmask", service.config.netmask);
    object.Set("peName", Text(env, service.config.pe_name));
    object.Set("stats", StatsToJs(env, service.stats));
    return object;
  }

  Napi::Value operator()(const Destination& destination) const {
    Napi::Object object = Kind(env, "destination");
    object.Set("family", destination.id.address.family);
    object.Set("address", Address(env, destination.id.address));
    object.Set("port", destination.id.port);
    object.Set("forwarding", destination.config.forwarding);
    object.Set("weight", destination.config.weight);
    object.Set("upperThreshold", destination.config.upper_threshold);
    object.Set("lowerThreshold", destination.config.lower_threshold);
    object.Set("tunnelType", destination.config.tunnel_type);
    object.Set("tunnelPort", destination.config.tunnel_port);
    object.Set("tunnelFlags", destination.config.tunnel_flags);
    object.Set("activeConnections", destination.active_connections);
    object.Set("inactiveConnections", destination.inactive_connections);
    object.Set("persistentConnections", destination.persistent_connections);
    object.Set("stats", StatsToJs(env, destination.stats));
    return object;
  }

  Napi::Value operator()(const GenlFamily& family) const {
    Napi::Object object = Kind(env, "family");
    object.Set("id", family.id);
    return object;
  }

  Napi::Value operator()(const Link& link) const {
    Napi::Object object = Kind(env, "link");
    object.Set("deleted", link.deleted);
    object.Set("index", link.index);
    object.Set("name", link.name);
    object.Set("linkKind", Text(env, link.kind));
    object.Set("flags", link.flags);
    object.Set("mtu", link.mtu);
    return object;
  }

  Napi::Value operator()(const InterfaceAddress& address) const {
    Napi::Object object = Kind(env, "address");
    object.Set("deleted", address.deleted);
    object.Set("family", address.family);
    object.Set("address", Address(env, address.address));
    object.Set("prefixLength", address.prefix_length);
    object.Set("interfaceIndex", address.interface_index);
    return object;
  }

  Napi::Value operator()(const Route& route) const {
    Napi::Object object = Kind(env, "route");
    object.Set("deleted", route.deleted);
    object.Set("family", route.family);
    object.Set("destination", Address(env, route.destination));
    object.Set("prefixLength", route.prefix_length);
    object.Set("table", route.table);
    object.Set("type", route.type);
    object.Set("protocol", route.protocol);
    object.Set("scope", route.scope);
    object.Set("flags", route.flags);
    object.Set("metric", route.metric ? Napi::Number::New(env, *route.metric) : env.Null());
    object.Set("gateway", Address(env, route.gateway));
    object.Set("interfaceIndex", route.interface_index);
    object.Set("preferredSource", Address(env, route.preferred_source));
    return object;
  }
};

}  // namespace

Napi::Value ToJs(Napi::Env env, const Decoded& value) { return std::visit(Converter{env}, value); }

Napi::Value ToJs(Napi::Env env, const std::optional<Failure>& failure) {
  if (!failure) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  object.Set("errno", failure->error);
  object.Set("code", ErrnoName(failure->error));
  object.Set("description", ErrnoDescription(failure->error));
  object.Set("kernelMessage", Text(env, failure->kernel_message));
  object.Set("resolvingFamily", failure->resolving_family);
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
      values.Set(static_cast<uint32_t>(j), ToJs(env, outcome.values[j]));
    }
    Napi::Object result = Napi::Object::New(env);
    result.Set("values", values);
    result.Set("failure", ToJs(env, outcome.failure));
    results.Set(static_cast<uint32_t>(i), result);
  }
  return results;
}

}  // namespace netlink_ts
