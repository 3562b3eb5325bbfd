#include "js_input.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "diag_codec.h"
#include "ipvs_codec.h"
#include "js_access.h"
#include "route_codec.h"

namespace netlink_ts {
namespace {

bool ParseIpAddress(const std::string& text, IpAddress* address) {
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, text.c_str(), address->bytes.data()) != 1) continue;
    address->family = static_cast<uint16_t>(family);
    return true;
  }
  return false;
}

// The fields of one object. The first wrong one makes a TypeError pending; from then on every field is zero
// or empty.
class Fields {
 public:
  Fields(const Napi::Value& value, std::string path, bool* ok)
      : env_(value.Env()), path_(std::move(path)), ok_(ok) {
    if (value.IsObject()) {
      object_ = value.As<Napi::Object>();
    } else {
      Refuse("", "an object");
    }
  }

  // An unsigned integer that the target type can hold.
  template <typename T>
  void Read(const char* name, T* out) {
    const Napi::Value value = Get(name);
    if (!*ok_) return;
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
    if (number < 0 || number > std::numeric_limits<T>::max() || std::trunc(number) != number) {
      return Refuse(name, "an unsigned integer that fits");
    }
    *out = static_cast<T>(number);
  }

  void Read(const char* name, std::optional<uint32_t>* out) {
    if (!IsNull(name)) Read(name, &out->emplace());
  }

  void Read(const char* name, std::string* out) {
    const Napi::Value value = Get(name);
    if (!*ok_) return;
    if (!value.IsString()) return Refuse(name, "a string");
    *out = value.As<Napi::String>().Utf8Value();
    if (out->find('\0') != std::string::npos) Refuse(name, "a string without NUL");
  }

  void Read(const char* name, std::optional<std::string>* out) {
    if (!IsNull(name)) Read(name, &out->emplace());
  }

  void Read(const char* name, IpAddress* out) {
    if (IsNull(name)) return;
    std::string text;
    Read(name, &text);
    if (*ok_ && !ParseIpAddress(text, out)) Refuse(name, "an IP address");
  }

  // Calls back with each element of an array.
  template <typename Element>
  void Each(const char* name, Element element) {
    const Napi::Value value = Get(name);
    if (!*ok_) return;
    if (!value.IsArray()) return Refuse(name, "an array");
    const auto array = value.As<Napi::Array>();
    const uint32_t length = array.Length();
    for (uint32_t i = 0; i < length && *ok_; ++i) {
      element(Fields(GetElement(array, i), path_ + "." + name + "[" + std::to_string(i) + "]", ok_));
    }
  }

  bool IsNull(const char* name) { return Get(name).IsNull() || !*ok_; }
  Fields Inner(const char* name) { return Fields(Get(name), path_ + "." + name, ok_); }

  void Refuse(const char* name, const char* expected) {
    if (!*ok_) return;
    *ok_ = false;
    const std::string field = *name == '\0' ? path_ : path_ + "." + name;
    ThrowTypeError(env_, field + ": expected " + expected);
  }

 private:
  Napi::Value Get(const char* name) { return *ok_ ? GetProperty(object_, name) : env_.Undefined(); }

  Napi::Env env_;
  Napi::Object object_;
  std::string path_;
  bool* ok_;
};

ServiceId ReadServiceId(Fields fields) {
  ServiceId id;
  fields.Read("family", &id.family);
  fields.Read("protocol", &id.protocol);
  fields.Read("address", &id.address);
  fields.Read("port", &id.port);
  fields.Read("fwmark", &id.fwmark);
  return id;
}

ServiceConfig ReadServiceConfig(Fields fields) {
  ServiceConfig config;
  fields.Read("scheduler", &config.scheduler);
  fields.Read("flags", &config.flags);
  fields.Read("timeout", &config.timeout);
  fields.Read("netmask", &config.netmask);
  fields.Read("peName", &config.pe_name);
  return config;
}

DestinationId ReadDestinationId(Fields fields) {
  DestinationId id;
  fields.Read("address", &id.address);
  fields.Read("port", &id.port);
  return id;
}

DestinationConfig ReadDestinationConfig(Fields fields) {
  DestinationConfig config;
  fields.Read("forwarding", &config.forwarding);
  fields.Read("weight", &config.weight);
  fields.Read("upperThreshold", &config.upper_threshold);
  fields.Read("lowerThreshold", &config.lower_threshold);
  fields.Read("tunnelType", &config.tunnel_type);
  fields.Read("tunnelPort", &config.tunnel_port);
  fields.Read("tunnelFlags", &config.tunnel_flags);
  return config;
}

Link ReadLink(Fields fields) {
  Link link;
  fields.Read("index", &link.index);
  fields.Read("name", &link.name);
  fields.Read("kind", &link.kind);
  fields.Read("flags", &link.flags);
  fields.Read("change", &link.change);
  return link;
}

InterfaceAddress ReadInterfaceAddress(Fields fields) {
  InterfaceAddress address;
  fields.Read("family", &address.family);
  fields.Read("address", &address.address);
  fields.Read("prefixLength", &address.prefix_length);
  fields.Read("scope", &address.scope);
  fields.Read("interfaceIndex", &address.interface_index);
  return address;
}

Route ReadRoute(Fields fields) {
  Route route;
  fields.Read("family", &route.family);
  fields.Read("destination", &route.destination);
  fields.Read("prefixLength", &route.prefix_length);
  fields.Read("source", &route.source);
  fields.Read("table", &route.table);
  fields.Read("type", &route.type);
  fields.Read("protocol", &route.protocol);
  fields.Read("scope", &route.scope);
  fields.Read("flags", &route.flags);
  fields.Read("metric", &route.metric);
  fields.Read("gateway", &route.gateway);
  fields.Read("interfaceIndex", &route.interface_index);
  fields.Read("preferredSource", &route.preferred_source);
  return route;
}

IpvsTimeouts ReadTimeouts(Fields fields) {
  IpvsTimeouts timeouts;
  fields.Read("tcp", &timeouts.tcp);
  fields.Read("tcpFin", &timeouts.tcp_fin);
  fields.Read("udp", &timeouts.udp);
  return timeouts;
}

IpvsRequest ReadIpvsRequest(Fields* fields) {
  IpvsRequest request;
  std::string name;
  fields->Read("operation", &name);
  request.operation = FindIpvsOperation(name);
  if (request.operation == nullptr) fields->Refuse("operation", "an IPVS operation");
  if (!fields->IsNull("service")) request.service = ReadServiceId(fields->Inner("service"));
  if (!fields->IsNull("serviceConfig")) {
    request.service_config = ReadServiceConfig(fields->Inner("serviceConfig"));
  }
  if (!fields->IsNull("destination")) request.destination = ReadDestinationId(fields->Inner("destination"));
  if (!fields->IsNull("destinationConfig")) {
    request.destination_config = ReadDestinationConfig(fields->Inner("destinationConfig"));
  }
  if (!fields->IsNull("timeouts")) request.timeouts = ReadTimeouts(fields->Inner("timeouts"));
  return request;
}

RouteRequest ReadRouteRequest(Fields* fields) {
  RouteRequest request;
  std::string name;
  fields->Read("operation", &name);
  request.operation = FindRouteOperation(name);
  if (request.operation == nullptr) fields->Refuse("operation", "an rtnetlink operation");
  if (!fields->IsNull("link")) {
    request.subject = ReadLink(fields->Inner("link"));
  } else if (!fields->IsNull("address")) {
    request.subject = ReadInterfaceAddress(fields->Inner("address"));
  } else {
    request.subject = ReadRoute(fields->Inner("route"));
  }
  return request;
}

TcpSocket ReadTcpSocket(Fields fields) {
  TcpSocket socket;
  fields.Read("family", &socket.family);
  fields.Read("state", &socket.state);
  fields.Read("localAddress", &socket.local_address);
  fields.Read("localPort", &socket.local_port);
  fields.Read("remoteAddress", &socket.remote_address);
  fields.Read("remotePort", &socket.remote_port);
  fields.Read("interfaceIndex", &socket.interface_index);
  fields.Read("cookieLow", &socket.cookie_low);
  fields.Read("cookieHigh", &socket.cookie_high);
  return socket;
}

DiagRequest ReadDiagRequest(Fields* fields) {
  DiagRequest request;
  std::string name;
  fields->Read("operation", &name);
  request.operation = FindDiagOperation(name);
  if (request.operation == nullptr) fields->Refuse("operation", "a sock_diag operation");
  request.socket = ReadTcpSocket(fields->Inner("socket"));
  fields->Read("states", &request.states);
  fields->Each("remotes", [&](Fields remote) {
    IpEndpoint& read = request.remotes.emplace_back();
    remote.Read("address", &read.address);
    remote.Read("port", &read.port);
    if (remote.IsNull("address")) remote.Refuse("address", "an IP address");
  });
  return request;
}

}  // namespace

std::optional<Codec> ReadCodec(const Napi::Value& value) {
  if (value.IsString()) {
    const std::string name = value.As<Napi::String>().Utf8Value();
    if (name == "ipvs") return Codec::kIpvs;
    if (name == "route") return Codec::kRoute;
    if (name == "diag") return Codec::kDiag;
  }
  ThrowTypeError(value.Env(), "protocol: expected 'ipvs', 'route' or 'diag'");
  return std::nullopt;
}

std::optional<Request> ReadRequest(Codec codec, const Napi::Value& value, const std::string& path) {
  bool ok = true;
  Fields fields(value, path, &ok);
  Request request;
  switch (codec) {
    case Codec::kIpvs:
      request = ReadIpvsRequest(&fields);
      break;
    case Codec::kRoute:
      request = ReadRouteRequest(&fields);
      break;
    case Codec::kDiag:
      request = ReadDiagRequest(&fields);
      break;
  }
  if (!ok) return std::nullopt;
  return request;
}

std::optional<IpAddress> ReadIpAddress(const Napi::Value& value, const std::string& path) {
  IpAddress address;
  if (value.IsNull()) return address;
  if (value.IsString() && ParseIpAddress(value.As<Napi::String>().Utf8Value(), &address)) return address;
  ThrowTypeError(value.Env(), path + ": expected an IP address or null");
  return std::nullopt;
}

std::optional<int> ReadDescriptor(const Napi::Value& value) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (number >= 0 && number <= std::numeric_limits<int>::max() && std::trunc(number) == number) {
    return static_cast<int>(number);
  }
  ThrowTypeError(value.Env(), "fd: expected a file descriptor");
  return std::nullopt;
}

std::optional<TcpOptions> ReadTcpOptions(const Napi::Value& value, const std::string& path) {
  bool ok = true;
  Fields fields(value, path, &ok);
  TcpOptions options;
  fields.Read("keepAlive", &options.keep_alive);
  fields.Read("keepIdle", &options.keep_idle);
  fields.Read("keepInterval", &options.keep_interval);
  fields.Read("keepCount", &options.keep_count);
  fields.Read("userTimeout", &options.user_timeout);
  if (!ok) return std::nullopt;
  return options;
}

}  // namespace netlink_ts
