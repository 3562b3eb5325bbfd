#include "transport.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "datagram.h"
#include "status_message.h"

namespace netlink_ts {
namespace {

// How often a dump is tried that changes of the table keep interrupting.
constexpr int kDumpAttempts = 8;

}  // namespace

struct Transport::Attempt {
  Deadline deadline;
  bool dump;
  Outcome outcome;
  bool interrupted = false;

  Progress Fail(int error) {
    outcome = Outcome::Failed({error});
    return Progress::kBroken;
  }
};

int Transport::Open() {
  if (socket_.is_open()) return 0;
  const int error = socket_.Open(protocol_);
  if (error == 0) port_id_.store(socket_.port_id(), std::memory_order_relaxed);
  return error;
}

void Transport::Close() {
  socket_.Close();
  port_id_.store(0, std::memory_order_relaxed);
}

Outcome Transport::Exchange(const Message& request, Deadline deadline, const Decoder& decode) {
  if (!request.ok()) return Outcome::Failed({ENOMEM});
  for (int i = 0; i < kDumpAttempts; ++i) {
    if (std::chrono::steady_clock::now() >= deadline) return Outcome::Failed({ETIMEDOUT});
    const int error = Open();
    if (error != 0) return Outcome::Failed({error});
    const bool dump = (request.header()->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    Attempt attempt{deadline, dump, {}};
    Progress progress = Send(request.header(), &attempt);
    if (progress == Progress::kMore) progress = Collect(&attempt, decode);
    if (progress == Progress::kBroken) Close();
    if (!attempt.interrupted || attempt.outcome.failure) return std::move(attempt.outcome);
  }
  return Outcome::Failed({EINTR});
}

Transport::Progress Transport::Send(nlmsghdr* request, Attempt* attempt) {
  if (++sequence_ == 0) ++sequence_;  // 0 is what notifications carry.
  request->nlmsg_seq = sequence_;
  request->nlmsg_pid = socket_.port_id();
  // The kernel handles the request within this call, and so may keep it for as long as a module takes to
  // load.
  ssize_t sent;
  do {
    sent = send(socket_.fd(), request, request->nlmsg_len, MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? attempt->Fail(errno) : Progress::kMore;
}

bool Transport::WaitReadable(Deadline deadline) const {
  for (;;) {
    const auto remaining =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd poll_fd = {socket_.fd(), POLLIN, 0};
    const auto timeout = static_cast<int>(std::clamp<decltype(remaining)>(remaining, 0, INT_MAX));
    // An answer that is already there counts even when the deadline has passed.
    if (poll(&poll_fd, 1, timeout) > 0) return true;
    if (remaining <= 0) return false;
  }
}

Transport::Progress Transport::Collect(Attempt* attempt, const Decoder& decode) {
  Progress progress = Progress::kMore;
  while (progress == Progress::kMore) {
    if (!WaitReadable(attempt->deadline)) return attempt->Fail(ETIMEDOUT);
    const long length = socket_.Receive(&buffer_);
    if (length == -EAGAIN) continue;
    if (length < 0) return attempt->Fail(static_cast<int>(-length));
    progress = Read(static_cast<size_t>(length), attempt, decode);
    // The kernel makes the next part of a dump while we read this one: there always is something to read.
    const bool late = attempt->dump && std::chrono::steady_clock::now() >= attempt->deadline;
    if (progress == Progress::kMore && late) return attempt->Fail(ETIMEDOUT);
  }
  return progress;
}

Transport::Progress Transport::Read(size_t length, Attempt* attempt, const Decoder& decode) {
  Progress progress = Progress::kMore;
  const bool whole = ForEachMessage(buffer_, length, [&](const nlmsghdr& message) {
    // Whatever is not an answer to this very request is none of our business.
    if (message.nlmsg_seq == sequence_ && message.nlmsg_pid == socket_.port_id()) {
      progress = ReadMessage(message, attempt, decode);
    }
    return progress == Progress::kMore;
  });
  return whole ? progress : attempt->Fail(EBADMSG);
}

Transport::Progress Transport::ReadMessage(const nlmsghdr& message, Attempt* attempt, const Decoder& decode) {
  if ((message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) attempt->interrupted = true;
  if (message.nlmsg_type == NLMSG_NOOP) return Progress::kMore;
  if (message.nlmsg_type == NLMSG_OVERRUN) return attempt->Fail(ENOBUFS);
  if (IsStatusMessage(message)) {
    attempt->outcome.failure = ReadStatusMessage(message);
    if (attempt->outcome.failure) attempt->outcome.values.clear();
    return Progress::kFinished;
  }
  Decoded value;
  if (!decode(message, &value)) return attempt->Fail(EBADMSG);
  if (!std::holds_alternative<std::monostate>(value)) attempt->outcome.values.push_back(std::move(value));
  return Progress::kMore;
}

}  // namespace netlink_ts
