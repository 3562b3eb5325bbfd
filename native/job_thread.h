// A thread of its own for each handle, so that nothing else of the process, such as file reads that hang, can take the threads that
// its requests need. A kernel that is loading a module, or waits for a lock, keeps it and no other.
#pragma once

#include <napi.h>
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "session.h"
#include "values.h"
#include "wakeup.h"

namespace netlink_ts {

struct Job {
  uint32_t ticket = 0;
  std::vector<Request> requests;
  Deadline deadline;
  Napi::FunctionReference callback;  // Empty once answered.

  // Shared with the thread.
  std::atomic<bool> abandoned{false};
  std::mutex mutex;
  std::vector<Outcome> outcomes;  // Of the first requests, as they finish. Under the mutex.
};

// All but what says otherwise is the JavaScript thread's.
class JobThread {
 public:
  explicit JobThread(Session* session) : session_(session) {}
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;
  ~JobThread() { Stop(); }

  // Starts the thread. `finished` is called on the event loop after each job. Gives 0 or an errno.
  int Start(Napi::Env env, Wakeup::Callback finished, void* context);
  // Waits until the request under way has ended; its job is not reported.
  void Stop();
  bool is_running() const { return running_; }

  // One at a time. The job must live until it is reported, or the thread has stopped. Keeps the process alive until then.
  void Run(Job* job);

 private:
  static void JobFinished(void* thread);
  static void* ThreadMain(void* thread);
  void Loop();  // On the thread.

  Session* const session_;
  Wakeup wakeup_;
  Wakeup::Callback finished_ = nullptr;
  void* context_ = nullptr;
  pthread_t thread_{};
  bool running_ = false;

  std::mutex mutex_;  // For the following.
  std::condition_variable changed_;
  Job* next_ = nullptr;
  bool stopping_ = false;
};

}  // namespace netlink_ts
