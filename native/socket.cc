#include "socket.h"

#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace netlink_ts {
namespace {

// The kernel sizes the datagrams of a dump by the largest buffer it has seen, up to this.
constexpr size_t kInitialBufferSize = 32 * 1024;

void SetOption(int fd, int option) {
  const int on = 1;
  // Older kernels lack some of these (EXT_ACK and CAP_ACK 4.12, GET_STRICT_CHK 4.20) and we do without.
  setsockopt(fd, SOL_NETLINK, option, &on, sizeof on);
}

}  // namespace

int Socket::Open(int protocol) {
  socket_.reset(nl_socket_alloc());
  if (socket_ == nullptr) return ENOMEM;
  errno = 0;
  // libnl's result is its own code; the errno of the call that failed is still there.
  if (nl_connect(socket_.get(), protocol) < 0) {
    const int error = errno != 0 ? errno : EADDRINUSE;
    socket_.reset();
    return error;
  }
  // Connected to the kernel, the socket takes nothing from other processes: they can neither answer in the
  // kernel's name nor fill the buffer up.
  const sockaddr_nl kernel = {AF_NETLINK, 0, 0, 0};
  if (connect(fd(), reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) != 0) {
    const int error = errno;
    socket_.reset();
    return error;
  }
  SetOption(fd(), NETLINK_EXT_ACK);
  SetOption(fd(), NETLINK_CAP_ACK);
  if (protocol == NETLINK_ROUTE) SetOption(fd(), NETLINK_GET_STRICT_CHK);
  return 0;
}

long Socket::Receive(std::vector<uint8_t>* buffer) const {
  if (buffer->size() < kInitialBufferSize) buffer->resize(kInitialBufferSize);
  for (;;) {
    const ssize_t length = recv(fd(), nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return -errno;
    if (static_cast<size_t>(length) > buffer->size()) buffer->resize(static_cast<size_t>(length));

    sockaddr_nl sender{};
    iovec io = {buffer->data(), buffer->size()};
    msghdr datagram{};
    datagram.msg_name = &sender;
    datagram.msg_namelen = sizeof sender;
    datagram.msg_iov = &io;
    datagram.msg_iovlen = 1;
    const ssize_t received = recvmsg(fd(), &datagram, MSG_DONTWAIT);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return -errno;
    if ((datagram.msg_flags & MSG_TRUNC) != 0) return -EMSGSIZE;
    if (datagram.msg_namelen != sizeof sender || sender.nl_family != AF_NETLINK || sender.nl_pid != 0)
      continue;
    return received;
  }
}

}  // namespace netlink_ts
