// What the addon exports; src/netlink/contract.ts is its description. Everything here belongs to one
// environment, so that each worker_thread has its own.
#include <napi.h>

#include <cstring>

#include "codec.h"
#include "group_socket.h"
#include "handle.h"
#include "js_access.h"
#include "js_input.h"
#include "js_output.h"
#include "nft_generation.h"
#include "peer_credentials.h"
#include "status_message.h"
#include "subscription.h"
#include "tcp_options.h"

namespace netlink_ts {
namespace {

// encode(protocol, request, familyId): the message as it would be sent, with sequence number and port id
// zero.
Napi::Value EncodeForTest(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto codec = ReadCodec(info[0]);
  if (!codec) return env.Undefined();
  const auto request = ReadRequest(*codec, info[1], "request");
  if (!request) return env.Undefined();
  const auto family_id =
      static_cast<uint16_t>(info[2].IsNumber() ? info[2].As<Napi::Number>().Uint32Value() : 0);
  const Message message = Encode(*request, family_id);
  if (!message.ok()) {
    napi_throw_error(env, nullptr, "encode: out of memory");
    return env.Undefined();
  }
  return Napi::Buffer<uint8_t>::Copy(env, reinterpret_cast<const uint8_t*>(message.header()),
                                     message.header()->nlmsg_len);
}

// decode(protocol, bytes, serviceFamily): the first message's value; null if it is malformed.
Napi::Value DecodeForTest(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto codec = ReadCodec(info[0]);
  if (!codec) return env.Undefined();
  if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    ThrowTypeError(env, "bytes: expected a Uint8Array");
    return env.Undefined();
  }
  const auto input = info[1].As<Napi::Uint8Array>();
  const auto service_family =
      static_cast<uint16_t>(info[2].IsNumber() ? info[2].As<Napi::Number>().Uint32Value() : 0);

  // A copy of exactly this size: aligned, and a sanitizer sees every byte read behind it.
  std::vector<uint8_t> bytes(input.Data(), input.Data() + input.ByteLength());
  const auto* message = reinterpret_cast<const nlmsghdr*>(bytes.data());
  if (bytes.size() > INT32_MAX || nlmsg_ok(message, static_cast<int>(bytes.size())) == 0) return env.Null();
  if (IsStatusMessage(*message)) {
    Napi::Object status = Napi::Object::New(env);
    Set(status, "kind", message->nlmsg_type == NLMSG_DONE ? "done" : "acknowledgment");
    Set(status, "failure", ToJs(env, ReadStatusMessage(*message)));
    return status;
  }
  Decoded value;
  return Decode(*codec, *message, service_family, &value) ? ToJs(env, value) : env.Null();
}

Napi::Value ErrnoToJs(Napi::Env env, int error) {
  return ToJs(env, error == 0 ? std::nullopt : std::optional(Failure{error}));
}

// setTcpOptions(fd, options): the failure, or null.
Napi::Value SetTcpOptionsOfFd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto fd = ReadDescriptor(info[0]);
  if (!fd) return env.Undefined();
  const auto options = ReadTcpOptions(info[1], "options");
  if (!options) return env.Undefined();
  return ErrnoToJs(env, SetTcpOptions(*fd, *options));
}

// getTcpOptions(fd): the options or the failure; the other is null.
Napi::Value GetTcpOptionsOfFd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto fd = ReadDescriptor(info[0]);
  if (!fd) return env.Undefined();
  TcpOptions options;
  const int error = GetTcpOptions(*fd, &options);
  Napi::Object result = Napi::Object::New(env);
  Set(result, "options", error == 0 ? ToJs(env, options) : env.Null());
  Set(result, "failure", ErrnoToJs(env, error));
  return result;
}

// getPeerCredentials(fd): the credentials or the failure; the other is null.
Napi::Value GetPeerCredentialsOfFd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto fd = ReadDescriptor(info[0]);
  if (!fd) return env.Undefined();
  PeerCredentials credentials;
  const int error = GetPeerCredentials(*fd, &credentials);
  Napi::Object result = Napi::Object::New(env);
  Set(result, "credentials", error == 0 ? ToJs(env, credentials) : env.Null());
  Set(result, "failure", ErrnoToJs(env, error));
  return result;
}

// openGroupSocket(groups): the descriptor and the port id, or the failure; the other is null.
Napi::Value OpenGroupSocketWith(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsNumber()) {
    ThrowTypeError(env, "groups: expected a number");
    return env.Undefined();
  }
  GroupSocket opened{};
  const int error = OpenGroupSocket(info[0].As<Napi::Number>().Uint32Value(), &opened);
  Napi::Object socket = Napi::Object::New(env);
  Set(socket, "fd", opened.fd);
  Set(socket, "portId", opened.port_id);
  Napi::Object result = Napi::Object::New(env);
  Set(result, "socket", error == 0 ? Napi::Value(socket) : env.Null());
  Set(result, "failure", ErrnoToJs(env, error));
  return result;
}

// nftGeneration(): the number or the failure; the other is null.
Napi::Value NftGenerationNow(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint32_t generation = 0;
  const int error = NftGeneration(&generation);
  Napi::Object result = Napi::Object::New(env);
  Set(result, "generation", error == 0 ? Napi::Value(Napi::Number::New(env, generation)) : env.Null());
  Set(result, "failure", ErrnoToJs(env, error));
  return result;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Set(exports, "Handle", Handle::Define(env));
  Set(exports, "Subscription", Subscription::Define(env));
  Set(exports, "encode", Napi::Function::New(env, EncodeForTest, "encode"));
  Set(exports, "decode", Napi::Function::New(env, DecodeForTest, "decode"));
  Set(exports, "setTcpOptions", Napi::Function::New(env, SetTcpOptionsOfFd, "setTcpOptions"));
  Set(exports, "getTcpOptions", Napi::Function::New(env, GetTcpOptionsOfFd, "getTcpOptions"));
  Set(exports, "getPeerCredentials",
      Napi::Function::New(env, GetPeerCredentialsOfFd, "getPeerCredentials"));
  Set(exports, "nftGeneration", Napi::Function::New(env, NftGenerationNow, "nftGeneration"));
  Set(exports, "openGroupSocket", Napi::Function::New(env, OpenGroupSocketWith, "openGroupSocket"));
  return exports;
}

}  // namespace
}  // namespace netlink_ts

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return netlink_ts::Init(env, exports); }
NODE_API_MODULE(netlink, InitAddon)
