// JavaScript objects, as src/netlink/contract.ts describes them, to plain values. Runs on the JavaScript
// thread.
#pragma once

#include <napi.h>

#include <optional>
#include <string>

#include "codec.h"
#include "values.h"

namespace netlink_ts {

std::optional<Codec> ReadCodec(const Napi::Value& value);

// Without a value a TypeError that names the field is pending: TypeScript checks all input before, so that
// this is a fault of the caller of the addon, not of the user.
std::optional<Request> ReadRequest(Codec codec, const Napi::Value& value, const std::string& path);

// The same of an address; one without a family for null.
std::optional<IpAddress> ReadIpAddress(const Napi::Value& value, const std::string& path);

// The same of a file descriptor's number, and of what to set on it.
std::optional<int> ReadDescriptor(const Napi::Value& value);
std::optional<TcpOptions> ReadTcpOptions(const Napi::Value& value, const std::string& path);

}  // namespace netlink_ts
