#include "subscription.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <iterator>
#include <mutex>
#include <string_view>

#include "datagram.h"
#include "js_access.h"
#include "js_input.h"
#include "js_output.h"
#include "route_codec.h"
#include "socket.h"
#include "wakeup.h"

namespace netlink_ts {
namespace {

// Beyond these the reader is told that it missed something.
constexpr size_t kMaxQueuedEvents = 4096;
constexpr int kSocketBufferSize = 1024 * 1024;

struct Group {
  const char* name;
  int number;
};
constexpr Group kGroups[] = {
    {"link", RTNLGRP_LINK},
    {"ipv4-address", RTNLGRP_IPV4_IFADDR},
    {"ipv6-address", RTNLGRP_IPV6_IFADDR},
    {"ipv4-route", RTNLGRP_IPV4_ROUTE},
    {"ipv6-route", RTNLGRP_IPV6_ROUTE},
};

int FindGroup(std::string_view name) {
  for (const Group& group : kGroups) {
    if (name == group.name) return group.number;
  }
  return 0;
}

class FileDescriptor {
 public:
  FileDescriptor() = default;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { Reset(); }
  void Reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace

class Subscription::Feed {
 public:
  ~Feed() { Stop(); }

  // On return the kernel has the subscription and the thread runs; or an errno. JavaScript thread, as all up
  // to the next remark.
  int Start(Napi::Env env, const std::vector<int>& groups, const IpAddress& route_destination);
  void Stop();

  // What has arrived, oldest first and at most so many; overrun says that something was lost before it, error that
  // nothing follows.
  std::vector<Decoded> Take(size_t most, bool* overrun, int* error);
  // The callback is called once, as soon as there is something to take, and keeps the process alive until
  // then. False if there is something already.
  bool Wait(Napi::Function callback);

 private:
  static void Wake(void* feed);

  // The rest runs on the thread.
  static void* ThreadMain(void* feed);
  void Run();
  bool ReadSocket();
  void ReadDatagram(size_t length);
  bool IsOfInterest(const Decoded& value) const;
  void Push(Decoded value);
  void PushOverrun();
  void Announce();  // Under the mutex.

  Socket socket_;
  FileDescriptor stop_event_;
  pthread_t thread_{};
  bool running_ = false;
  Wakeup wakeup_;
  Napi::FunctionReference waiting_callback_;
  Route wanted_route_;

  // The thread's.
  std::vector<uint8_t> buffer_;
  bool congested_ = false;

  std::mutex mutex_;  // For the following.
  std::deque<Decoded> events_;
  bool overrun_ = false;
  int error_ = 0;
  bool waiting_ = false;
};

int Subscription::Feed::Start(Napi::Env env, const std::vector<int>& groups,
                              const IpAddress& route_destination) {
  wanted_route_.destination = route_destination;
  int error = socket_.Open(NETLINK_ROUTE);
  if (error != 0) return error;
  // The force needs CAP_NET_ADMIN; without it the kernel gives what it allows.
  if (setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &kSocketBufferSize, sizeof kSocketBufferSize) !=
      0) {
    setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVBUF, &kSocketBufferSize, sizeof kSocketBufferSize);
  }
  for (const int group : groups) {
    if (setsockopt(socket_.fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
      return errno;
  }
  stop_event_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (stop_event_.get() < 0) return errno;

  error = wakeup_.Open(env, "netlink-ts subscription", &Feed::Wake, this);
  if (error != 0) return error;
  error = pthread_create(&thread_, nullptr, &Feed::ThreadMain, this);
  running_ = error == 0;
  if (!running_) Stop();
  return error;
}

void Subscription::Feed::Stop() {
  if (running_) {
    const uint64_t one = 1;
    // An eventfd at zero takes a one.
    while (write(stop_event_.get(), &one, sizeof one) < 0 && errno == EINTR) continue;
    pthread_join(thread_, nullptr);
    running_ = false;
  }
  wakeup_.Close();
  waiting_callback_.Reset();
  stop_event_.Reset();
  socket_.Close();
}

std::vector<Decoded> Subscription::Feed::Take(size_t most, bool* overrun, int* error) {
  const std::lock_guard<std::mutex> lock(mutex_);
  *overrun = std::exchange(overrun_, false);
  const auto end = events_.begin() + static_cast<ptrdiff_t>(std::min(most, events_.size()));
  std::vector<Decoded> taken(std::make_move_iterator(events_.begin()), std::make_move_iterator(end));
  events_.erase(events_.begin(), end);
  *error = events_.empty() ? error_ : 0;
  return taken;
}

bool Subscription::Feed::Wait(Napi::Function callback) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!wakeup_.is_open() || !events_.empty() || overrun_ || error_ != 0) return false;
  waiting_callback_ = Napi::Persistent(callback);
  waiting_ = true;
  wakeup_.KeepAlive(true);  // Only a reader that waits keeps the process alive.
  return true;
}

void Subscription::Feed::Wake(void* feed) {
  auto* self = static_cast<Feed*>(feed);
  if (self->waiting_callback_.IsEmpty()) return;
  const Napi::FunctionReference callback = std::move(self->waiting_callback_);
  self->wakeup_.KeepAlive(false);
  CallFunction(callback.Value(), {});  // It may stop, and destroy, the feed.
}

void* Subscription::Feed::ThreadMain(void* feed) {
  static_cast<Feed*>(feed)->Run();
  return nullptr;
}

void Subscription::Feed::Run() {
  for (;;) {
    pollfd poll_fds[] = {{stop_event_.get(), POLLIN, 0}, {socket_.fd(), POLLIN, 0}};
    const int ready = poll(poll_fds, 2, congested_ ? 0 : -1);
    if (ready < 0) continue;  // EINTR
    if (ready == 0) {
      congested_ = false;
      PushOverrun();
      continue;
    }
    if (poll_fds[0].revents != 0) return;
    if (poll_fds[1].revents != 0 && !ReadSocket()) return;
  }
}

bool Subscription::Feed::ReadSocket() {
  const long length = socket_.Receive(&buffer_);
  if (length >= 0) {
    if (!congested_) ReadDatagram(static_cast<size_t>(length));
    return true;
  }
  if (length == -EAGAIN) return true;
  // The kernel had no room left. What it still has is older than the loss, and until all of that is read it drops what
  // comes, without another word: only then is the loss complete, and announced.
  if (length == -ENOBUFS || length == -EMSGSIZE) {
    congested_ = true;
    return true;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  error_ = static_cast<int>(-length);
  Announce();
  return false;
}

void Subscription::Feed::ReadDatagram(size_t length) {
  const bool whole = ForEachMessage(buffer_, length, [&](const nlmsghdr& message) {
    Decoded value;
    if (message.nlmsg_type == NLMSG_OVERRUN || !DecodeRoute(message, &value)) {
      PushOverrun();  // We cannot say what happened: who cares must look.
    } else if (IsOfInterest(value)) {
      Push(std::move(value));
    }
    return true;
  });
  if (!whole) PushOverrun();
}

bool Subscription::Feed::IsOfInterest(const Decoded& value) const {
  if (std::holds_alternative<Route>(value)) return IsWanted(wanted_route_, value);
  return !std::holds_alternative<std::monostate>(value);
}

void Subscription::Feed::Push(Decoded value) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (events_.size() >= kMaxQueuedEvents) {
    events_.clear();
    overrun_ = true;
  }
  events_.push_back(std::move(value));
  Announce();
}

void Subscription::Feed::PushOverrun() {
  const std::lock_guard<std::mutex> lock(mutex_);
  events_.clear();
  overrun_ = true;
  Announce();
}

void Subscription::Feed::Announce() {
  if (!waiting_) return;
  waiting_ = false;
  wakeup_.Send();
}

// ---- the object that JavaScript holds
// -----------------------------------------------------------------------

Napi::Function Subscription::Define(Napi::Env env) {
  return DefineClass(env, "Subscription",
                     {
                         InstanceMethod<&Subscription::Start>("start"),
                         InstanceMethod<&Subscription::Take>("take"),
                         InstanceMethod<&Subscription::Wait>("wait"),
                         InstanceMethod<&Subscription::Stop>("stop"),
                     });
}

Subscription::Subscription(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

Subscription::~Subscription() { End(); }

// start(groups, routeDestination): the failure, or null. Once per object.
Napi::Value Subscription::Start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::vector<int> groups;
  if (info[0].IsArray() && !feed_) {
    const auto names = info[0].As<Napi::Array>();
    for (uint32_t i = 0; i < names.Length(); ++i) {
      const Napi::Value name = GetElement(names, i);
      const int group = name.IsString() ? FindGroup(name.As<Napi::String>().Utf8Value()) : 0;
      if (group == 0) {
        groups.clear();
        break;
      }
      groups.push_back(group);
    }
  }
  if (groups.empty()) {
    ThrowTypeError(env, "start: expected names of groups");
    return env.Undefined();
  }
  const auto route_destination = ReadIpAddress(info[1], "routeDestination");
  if (!route_destination) return env.Undefined();
  feed_ = std::make_unique<Feed>();
  const int error = feed_->Start(env, groups, *route_destination);
  if (error != 0) {
    feed_->Stop();
    feed_.reset();
    return ToJs(env, std::optional(Failure{error}));
  }
  // Hooks run in reverse order of their registration: this one before the thread-safe function's own, which
  // so is still there while the thread may use it.
  napi_add_env_cleanup_hook(env, &Subscription::EnvironmentEnds, this);
  return env.Null();
}

// take(most): { events, overrun, failure }.
Napi::Value Subscription::Take(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  bool overrun = false;
  int error = 0;
  std::vector<Decoded> events;
  if (feed_ && info[0].IsNumber()) {
    events = feed_->Take(info[0].As<Napi::Number>().Uint32Value(), &overrun, &error);
  }
  Napi::Array list = Napi::Array::New(env, events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    const Napi::HandleScope scope(env);
    SetElement(list, static_cast<uint32_t>(i), ToJs(env, events[i]));
  }
  Napi::Object taken = Napi::Object::New(env);
  Set(taken, "events", list);
  Set(taken, "overrun", overrun);
  Set(taken, "failure", ToJs(env, error == 0 ? std::nullopt : std::optional(Failure{error})));
  return taken;
}

// wait(callback): false if there is something to take already, and the callback then is not called.
Napi::Value Subscription::Wait(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!feed_ || !info[0].IsFunction()) return Napi::Boolean::New(env, false);
  return Napi::Boolean::New(env, feed_->Wait(info[0].As<Napi::Function>()));
}

// stop(): ends the thread and closes the socket. A callback that waits is dropped.
Napi::Value Subscription::Stop(const Napi::CallbackInfo& info) {
  End();
  return info.Env().Undefined();
}

void Subscription::EnvironmentEnds(void* subscription) { static_cast<Subscription*>(subscription)->End(); }

void Subscription::End() {
  if (!feed_) return;
  napi_remove_env_cleanup_hook(Env(), &Subscription::EnvironmentEnds, this);
  feed_->Stop();
  feed_.reset();
}

}  // namespace netlink_ts
