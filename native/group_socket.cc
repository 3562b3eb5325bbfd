#include "group_socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace netlink_ts {
namespace {

int Bind(int fd, uint32_t groups, uint32_t* port_id) {
  // Every user may send to these groups: what arrives is never read, so the queue is as short as the kernel allows.
  const int least = 0;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  socklen_t length = sizeof address;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) return errno;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return errno;
  *port_id = address.nl_pid;
  return 0;
}

}  // namespace

int OpenGroupSocket(uint32_t groups, GroupSocket* opened) {
  const int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_USERSOCK);
  if (fd < 0) return errno;
  const int error = Bind(fd, groups, &opened->port_id);
  if (error != 0) {
    close(fd);
    return error;
  }
  opened->fd = fd;
  return 0;
}

}  // namespace netlink_ts
