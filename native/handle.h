// The object that JavaScript holds: a queue of jobs, each a batch of requests, of which one at a time runs on
// a thread of libuv's pool. All members are the JavaScript thread's but those that say otherwise.
#pragma once

#include <napi.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "js_input.h"
#include "session.h"
#include "values.h"

namespace netlink_ts {

struct Job {
  uint32_t ticket = 0;
  std::vector<Request> requests;
  Deadline deadline;
  Napi::FunctionReference callback;  // Empty once answered.

  // Shared with the working thread.
  std::atomic<bool> abandoned{false};
  std::mutex mutex;
  std::vector<Outcome> outcomes;  // Of the first requests, as they finish. Under the mutex.
};

class Handle : public Napi::ObjectWrap<Handle> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Handle(const Napi::CallbackInfo& info);

 private:
  class Work;

  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Submit(const Napi::CallbackInfo& info);
  Napi::Value Expire(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value PortId(const Napi::CallbackInfo& info);

  void StartNext();
  void Finished(const std::shared_ptr<Job>& job);
  void Idle();

  Codec codec_ = Codec::kIpvs;
  uint32_t next_ticket_ = 1;
  std::deque<std::shared_ptr<Job>> queue_;
  std::shared_ptr<Job> running_;
  Napi::FunctionReference on_closed_;
  bool closed_ = false;
  // Used by the working thread while a job runs, and by the JavaScript thread while none does.
  std::shared_ptr<Session> session_;
};

}  // namespace netlink_ts
