#include "job_thread.h"

#include <utility>

namespace netlink_ts {
namespace {

void RunJob(Session* session, Job* job) {
  for (const Request& request : job->requests) {
    if (job->abandoned) return;
    Outcome outcome = session->Run(request, job->deadline);
    // Without IPVS there is nothing to ask for a second time within one job, least of all a module to be
    // loaded.
    const bool no_ipvs = outcome.failure && outcome.failure->resolving_family;
    const std::lock_guard<std::mutex> lock(job->mutex);
    if (job->abandoned) return;
    job->outcomes.push_back(std::move(outcome));
    if (no_ipvs) job->outcomes.resize(job->requests.size(), job->outcomes.back());
    if (no_ipvs) return;
  }
}

}  // namespace

int JobThread::Start(Napi::Env env, Wakeup::Callback finished, void* context) {
  finished_ = finished;
  context_ = context;
  int error = wakeup_.Open(env, "netlink-ts", &JobThread::JobFinished, this);
  if (error == 0) error = pthread_create(&thread_, nullptr, &JobThread::ThreadMain, this);
  running_ = error == 0;
  if (!running_) wakeup_.Close();
  return error;
}

void JobThread::Stop() {
  if (!running_) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  pthread_join(thread_, nullptr);
  running_ = false;
  stopping_ = false;
  next_ = nullptr;
  wakeup_.Close();
}

void JobThread::Run(Job* job) {
  wakeup_.KeepAlive(true);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    next_ = job;
  }
  changed_.notify_one();
}

void JobThread::JobFinished(void* thread) {
  auto* self = static_cast<JobThread*>(thread);
  self->wakeup_.KeepAlive(false);
  self->finished_(self->context_);
}

void* JobThread::ThreadMain(void* thread) {
  static_cast<JobThread*>(thread)->Loop();
  return nullptr;
}

void JobThread::Loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || next_ != nullptr; });
    if (stopping_) return;
    Job* const job = std::exchange(next_, nullptr);
    lock.unlock();
    RunJob(session_, job);
    wakeup_.Send();
    lock.lock();
  }
}

}  // namespace netlink_ts
