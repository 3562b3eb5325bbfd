// Plain values to JavaScript objects, as src/netlink/contract.ts describes them. Runs on the JavaScript
// thread.
#pragma once

#include <napi.h>

#include <vector>

#include "values.h"

namespace netlink_ts {

Napi::Value ToJs(Napi::Env env, const Decoded& value);
Napi::Value ToJs(Napi::Env env, const std::optional<Failure>& failure);
Napi::Value ToJs(Napi::Env env, const std::vector<Outcome>& outcomes);
Napi::Value ToJs(Napi::Env env, const TcpOptions& options);
Napi::Value ToJs(Napi::Env env, const PeerCredentials& credentials);

}  // namespace netlink_ts
