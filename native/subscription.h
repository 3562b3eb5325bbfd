// Notifications of rtnetlink: a socket of its own, a thread that reads it, and a bounded queue from which
// JavaScript takes what it wants when it wants it.
#pragma once

#include <napi.h>

#include <memory>

#include "values.h"

namespace netlink_ts {

class Subscription : public Napi::ObjectWrap<Subscription> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Subscription(const Napi::CallbackInfo& info);
  ~Subscription() override;

 private:
  class Feed;

  Napi::Value Start(const Napi::CallbackInfo& info);
  Napi::Value Take(const Napi::CallbackInfo& info);
  Napi::Value Wait(const Napi::CallbackInfo& info);
  Napi::Value Stop(const Napi::CallbackInfo& info);
  static void EnvironmentEnds(void* subscription);

  void End();

  std::unique_ptr<Feed> feed_;
};

}  // namespace netlink_ts
