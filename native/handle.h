// The object that JavaScript holds: a queue of jobs, each a batch of requests, of which one at a time runs on
// the handle's thread. All members are the JavaScript thread's but those that say otherwise.
#pragma once

#include <napi.h>

#include <deque>
#include <memory>

#include "job_thread.h"
#include "js_input.h"
#include "session.h"

namespace netlink_ts {

class Handle : public Napi::ObjectWrap<Handle> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Handle(const Napi::CallbackInfo& info);
  ~Handle() override;

 private:
  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Submit(const Napi::CallbackInfo& info);
  Napi::Value Expire(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value PortId(const Napi::CallbackInfo& info);

  // The errno if there can be no thread, or 0.
  int StartThread();
  void EndThread();
  static void EnvironmentEnds(void* handle);
  void StartNext();
  void Finished();
  void Idle();

  Codec codec_ = Codec::kIpvs;
  uint32_t next_ticket_ = 1;
  std::deque<std::shared_ptr<Job>> queue_;
  std::shared_ptr<Job> running_;
  Napi::FunctionReference on_closed_;
  bool closed_ = false;
  // Used by the thread while a job runs, and by the JavaScript thread while none does.
  std::unique_ptr<Session> session_;
  std::unique_ptr<JobThread> thread_;  // From the first job on.
};

}  // namespace netlink_ts
