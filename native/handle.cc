#include "handle.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>

#include "js_access.h"
#include "js_output.h"

namespace netlink_ts {
namespace {

// Fills up what a job has not got to: those requests are answered without having been sent, or without
// anybody knowing what became of them.
std::vector<Outcome> WithTimeouts(std::vector<Outcome> outcomes, size_t count) {
  while (outcomes.size() < count) outcomes.push_back(Outcome::Failed({ETIMEDOUT}));
  return outcomes;
}

int ProtocolOf(Codec codec) {
  switch (codec) {
    case Codec::kIpvs:
      return NETLINK_GENERIC;
    case Codec::kRoute:
      return NETLINK_ROUTE;
    case Codec::kDiag:
      return NETLINK_SOCK_DIAG;
  }
  return -1;
}

}  // namespace

Napi::Function Handle::Define(Napi::Env env) {
  return DefineClass(env, "Handle",
                     {
                         InstanceMethod<&Handle::Open>("open"),
                         InstanceMethod<&Handle::Submit>("submit"),
                         InstanceMethod<&Handle::Expire>("expire"),
                         InstanceMethod<&Handle::Close>("close"),
                         InstanceAccessor<&Handle::PortId>("portId"),
                     });
}

Handle::Handle(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const auto codec = ReadCodec(info[0]);
  if (!codec) return;
  codec_ = *codec;
  session_ = std::make_unique<Session>(ProtocolOf(codec_));
}

Handle::~Handle() { EndThread(); }

// open(): the failure, or null.
Napi::Value Handle::Open(const Napi::CallbackInfo& info) {
  if (closed_ || running_) return info.Env().Null();
  const int error = session_->Open();
  return ToJs(info.Env(), error == 0 ? std::nullopt : std::optional(Failure{error}));
}

// submit(requests, timeoutMs, callback): a ticket. The callback gets the results.
Napi::Value Handle::Submit(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArray() || !info[1].IsNumber() || !info[2].IsFunction() || closed_) {
    ThrowTypeError(env, "submit: expected requests, timeout and callback, and an open handle");
    return env.Undefined();
  }
  auto job = std::make_shared<Job>();
  const auto requests = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < requests.Length(); ++i) {
    auto request = ReadRequest(codec_, GetElement(requests, i), "requests[" + std::to_string(i) + "]");
    if (!request) return env.Undefined();
    job->requests.push_back(std::move(*request));
  }
  if (const int error = StartThread()) {
    napi_throw_error(env, nullptr, ("submit: no thread: " + ErrnoDescription(error)).c_str());
    return env.Undefined();
  }
  job->ticket = next_ticket_++;
  job->deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(info[1].As<Napi::Number>().Int64Value());
  job->callback = Napi::Persistent(info[2].As<Napi::Function>());
  queue_.push_back(job);
  if (!running_) {
    Ref();
    StartNext();
  }
  return Napi::Number::New(env, job->ticket);
}

// expire(ticket): the results of a job whose deadline has passed, as far as they are known; null if it was
// answered already. A job that has not been started never will be, and its callback is never called.
Napi::Value Handle::Expire(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t ticket = info[0].IsNumber() ? info[0].As<Napi::Number>().Uint32Value() : 0;
  std::shared_ptr<Job> job;
  const auto queued =
      std::find_if(queue_.begin(), queue_.end(), [&](const auto& j) { return j->ticket == ticket; });
  if (queued != queue_.end()) {
    job = *queued;
    queue_.erase(queued);
  } else if (running_ && running_->ticket == ticket && !running_->callback.IsEmpty()) {
    job = running_;
  } else {
    return env.Null();
  }
  job->callback.Reset();
  std::vector<Outcome> outcomes;
  {
    const std::lock_guard<std::mutex> lock(job->mutex);
    job->abandoned = true;
    outcomes.swap(job->outcomes);
  }
  return ToJs(env, WithTimeouts(std::move(outcomes), job->requests.size()));
}

// close(callback): called once when all jobs are done and the socket is closed. No job may follow.
Napi::Value Handle::Close(const Napi::CallbackInfo& info) {
  if (closed_ || !info[0].IsFunction()) return info.Env().Undefined();
  closed_ = true;
  if (!running_) {
    EndThread();
    session_->Close();
    CallFunction(info[0].As<Napi::Function>(), {});
  } else {
    on_closed_ = Napi::Persistent(info[0].As<Napi::Function>());
  }
  return info.Env().Undefined();
}

Napi::Value Handle::PortId(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), session_->port_id());
}

int Handle::StartThread() {
  if (thread_) return 0;
  auto thread = std::make_unique<JobThread>(session_.get());
  const auto finished = [](void* handle) { static_cast<Handle*>(handle)->Finished(); };
  const int error = thread->Start(Env(), finished, this);
  if (error != 0) return error;
  thread_ = std::move(thread);
  napi_add_env_cleanup_hook(Env(), &Handle::EnvironmentEnds, this);
  return 0;
}

void Handle::EndThread() {
  if (!thread_) return;
  napi_remove_env_cleanup_hook(Env(), &Handle::EnvironmentEnds, this);
  // Of a job that has not ended, no more is sent than the request under way.
  if (running_) running_->abandoned = true;
  thread_.reset();
}

void Handle::EnvironmentEnds(void* handle) { static_cast<Handle*>(handle)->EndThread(); }

void Handle::StartNext() {
  running_ = queue_.front();
  queue_.pop_front();
  thread_->Run(running_.get());
}

void Handle::Finished() {
  const Napi::Env env = Env();
  const std::shared_ptr<Job> job = running_;
  bool alive = true;
  if (!job->callback.IsEmpty()) {
    const Napi::FunctionReference callback = std::move(job->callback);
    // Callbacks settle promises and do not throw: if it fails, a worker is being terminated. Send nothing
    // more.
    alive = CallFunction(callback.Value(),
                         {ToJs(env, WithTimeouts(std::move(job->outcomes), job->requests.size()))});
  }
  if (!alive) queue_.clear();
  running_.reset();
  if (queue_.empty()) {
    Idle();
  } else {
    StartNext();
  }
}

void Handle::Idle() {
  if (closed_) {
    EndThread();
    session_->Close();
  }
  if (!on_closed_.IsEmpty()) {
    const Napi::FunctionReference callback = std::move(on_closed_);
    CallFunction(callback.Value(), {});
  }
  Unref();
}

}  // namespace netlink_ts
