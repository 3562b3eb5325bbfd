#include "wakeup.h"

#include <cerrno>

namespace netlink_ts {

int Wakeup::Open(Napi::Env env, const char* name, Callback callback, void* context) {
  const Napi::HandleScope scope(env);
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, name), 0, 1, nullptr, nullptr,
                                      this, &Wakeup::Call, &function_);
  if (status != napi_ok) {
    function_ = nullptr;
    return ENOMEM;
  }
  env_ = env;
  callback_ = callback;
  context_ = context;
  KeepAlive(false);
  return 0;
}

void Wakeup::Close() {
  if (function_ == nullptr) return;
  napi_release_threadsafe_function(function_, napi_tsfn_abort);
  function_ = nullptr;
}

void Wakeup::KeepAlive(bool alive) {
  if (alive) {
    napi_ref_threadsafe_function(env_, function_);
  } else {
    napi_unref_threadsafe_function(env_, function_);
  }
}

void Wakeup::Send() { napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking); }

void Wakeup::Call(napi_env env, napi_value, void* wakeup, void*) {
  if (env == nullptr) return;  // It was closed, and may be gone.
  const Napi::HandleScope scope(env);
  const auto* self = static_cast<Wakeup*>(wakeup);
  self->callback_(self->context_);
}

}  // namespace netlink_ts
