#include "peer_credentials.h"

#include <sys/socket.h>

#include <cerrno>

namespace netlink_ts {
namespace {

template <typename Value>
int GetOption(int fd, int option, Value* value) {
  socklen_t length = sizeof *value;
  return getsockopt(fd, SOL_SOCKET, option, value, &length) == 0 ? 0 : errno;
}

int CheckUnixStream(int fd) {
  int domain = 0;
  int type = 0;
  int error = GetOption(fd, SO_DOMAIN, &domain);
  if (error == 0) error = GetOption(fd, SO_TYPE, &type);
  if (error != 0) return error;
  return domain == AF_UNIX && type == SOCK_STREAM ? 0 : EPROTOTYPE;
}

}  // namespace

int GetPeerCredentials(int fd, PeerCredentials* credentials) {
  ucred peer{};
  int error = CheckUnixStream(fd);
  if (error == 0) error = GetOption(fd, SO_PEERCRED, &peer);
  if (error == 0) *credentials = {peer.pid, peer.uid, peer.gid};
  return error;
}

}  // namespace netlink_ts
