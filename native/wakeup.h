// The way of another thread to have something called on the event loop.
#pragma once

#include <napi.h>

namespace netlink_ts {

class Wakeup {
 public:
  using Callback = void (*)(void* context);

  Wakeup() = default;
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  ~Wakeup() { Close(); }

  // The JavaScript thread's, but for Send(). Until Close() each Send() calls back once; the callback may close, and destroy, this.
  // Gives 0 or an errno. Node closes it by itself when the environment ends: hooks run in reverse order of their registration, so that
  // a hook that is registered after this call, and ends the thread, comes first.
  int Open(Napi::Env env, const char* name, Callback callback, void* context);
  void Close();
  bool is_open() const { return function_ != nullptr; }
  // Whether the process is to stay for a call. Not at first.
  void KeepAlive(bool alive);

  // Any thread's, while it is open.
  void Send();

 private:
  static void Call(napi_env env, napi_value, void* wakeup, void*);

  napi_env env_ = nullptr;
  napi_threadsafe_function function_ = nullptr;
  Callback callback_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace netlink_ts
