// One request, its answer: sending, deadline, dumps, acknowledgments. Used by one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "message.h"
#include "socket.h"
#include "values.h"

namespace netlink_ts {

using Deadline = std::chrono::steady_clock::time_point;

// Reads one message of an answer; false if it is malformed.
using Decoder = std::function<bool(const nlmsghdr& message, Decoded* value)>;

class Transport {
 public:
  explicit Transport(int protocol) : protocol_(protocol) {}

  // Gives 0 or an errno. Exchange() does it by itself when there is no socket.
  int Open();
  void Close();
  // 0 without a socket. May be asked from any thread.
  uint32_t port_id() const { return port_id_.load(std::memory_order_relaxed); }

  // Sends a request and waits for the end of its answer. An exchange that does not reach that end takes its
  // socket with it, and with the socket whatever may still arrive there.
  Outcome Exchange(const Message& request, Deadline deadline, const Decoder& decode);

 private:
  enum class Progress { kMore, kFinished, kBroken };
  struct Attempt;

  Progress Send(nlmsghdr* request, Attempt* attempt);
  Progress Collect(Attempt* attempt, const Decoder& decode);
  Progress Read(size_t length, Attempt* attempt, const Decoder& decode);
  Progress ReadMessage(const nlmsghdr& message, Attempt* attempt, const Decoder& decode);
  // Until the socket is readable; false when the deadline passes first.
  bool WaitReadable(Deadline deadline) const;

  const int protocol_;
  Socket socket_;
  uint32_t sequence_ = 0;
  std::atomic<uint32_t> port_id_{0};
  std::vector<uint8_t> buffer_;
};

}  // namespace netlink_ts
