#include "tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace netlink_ts {
namespace {

int GetOption(int fd, int level, int option, int* value) {
  socklen_t length = sizeof *value;
  return getsockopt(fd, level, option, value, &length) == 0 ? 0 : errno;
}

int SetOption(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : errno;
}

// The protocol alone does not tell: 6 is XFRM among netlink sockets, and a raw socket may have it.
int CheckTcp(int fd) {
  int type = 0;
  int protocol = 0;
  int error = GetOption(fd, SOL_SOCKET, SO_TYPE, &type);
  if (error == 0) error = GetOption(fd, SOL_SOCKET, SO_PROTOCOL, &protocol);
  if (error != 0) return error;
  return type == SOCK_STREAM && protocol == IPPROTO_TCP ? 0 : EPROTOTYPE;
}

}  // namespace

int SetTcpOptions(int fd, const TcpOptions& options) {
  int error = CheckTcp(fd);
  if (error == 0) error = SetOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, options.user_timeout);
  if (error == 0) error = SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, options.keep_count);
  if (error == 0) error = SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, options.keep_interval);
  if (error == 0) error = SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, options.keep_idle);
  // Last, so that its timer starts with these values, or, if one was refused, not at all.
  if (error == 0) error = SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, options.keep_alive);
  return error;
}

int GetTcpOptions(int fd, TcpOptions* options) {
  int error = CheckTcp(fd);
  if (error == 0) error = GetOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &options->user_timeout);
  if (error == 0) error = GetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, &options->keep_count);
  if (error == 0) error = GetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, &options->keep_interval);
  if (error == 0) error = GetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, &options->keep_idle);
  if (error == 0) error = GetOption(fd, SOL_SOCKET, SO_KEEPALIVE, &options->keep_alive);
  return error;
}

}  // namespace netlink_ts
