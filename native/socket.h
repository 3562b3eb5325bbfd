// A bound netlink socket: libnl's, owned.
#pragma once

#include <netlink/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace netlink_ts {

class Socket {
 public:
  // protocol is NETLINK_GENERIC or NETLINK_ROUTE. Gives 0 or an errno.
  int Open(int protocol);
  void Close() { socket_.reset(); }

  bool is_open() const { return socket_ != nullptr; }
  int fd() const { return nl_socket_get_fd(socket_.get()); }
  // The kernel's name for this socket: what its replies are addressed to.
  uint32_t port_id() const { return nl_socket_get_local_port(socket_.get()); }

  // The next datagram that the kernel itself sent, however long; datagrams of other processes are dropped.
  // Does not block. Gives the length, or a negative errno (-EAGAIN if there is none).
  long Receive(std::vector<uint8_t>* buffer) const;

 private:
  struct Free {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
  };
  std::unique_ptr<nl_sock, Free> socket_;
};

}  // namespace netlink_ts
