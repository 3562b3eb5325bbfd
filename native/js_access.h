// Reading, writing and calling JavaScript objects, with failure as a result. While a worker is being
// terminated every such access fails without an exception to go with it, which node-addon-api takes for a
// reason to end the process.
#pragma once

#include <napi.h>

#include <initializer_list>
#include <string>

namespace netlink_ts {

// Undefined if it failed; an exception may be pending.
inline Napi::Value GetProperty(Napi::Object object, const char* name) {
  napi_value value = nullptr;
  const napi_status status = napi_get_named_property(object.Env(), object, name, &value);
  return status == napi_ok ? Napi::Value(object.Env(), value) : object.Env().Undefined();
}

inline Napi::Value GetElement(Napi::Array array, uint32_t index) {
  napi_value value = nullptr;
  const napi_status status = napi_get_element(array.Env(), array, index, &value);
  return status == napi_ok ? Napi::Value(array.Env(), value) : array.Env().Undefined();
}

// A number, a boolean, a string or a value. What cannot be set will not be read either.
template <typename T>
void Set(Napi::Object object, const char* name, const T& value) {
  napi_set_named_property(object.Env(), object, name, Napi::Value::From(object.Env(), value));
}

inline void SetElement(Napi::Array array, uint32_t index, napi_value value) {
  napi_set_element(array.Env(), array, index, value);
}

// False if JavaScript threw or cannot run any more.
inline bool CallFunction(Napi::Function function, std::initializer_list<napi_value> arguments) {
  const Napi::Env env = function.Env();
  return napi_call_function(env, env.Undefined(), function, arguments.size(), arguments.begin(), nullptr) ==
         napi_ok;
}

inline void ThrowTypeError(Napi::Env env, const std::string& message) {
  napi_throw_type_error(env, nullptr, message.c_str());
}

}  // namespace netlink_ts
