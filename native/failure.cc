#include "failure.h"

#include <cerrno>
#include <cstring>
#include <system_error>

namespace netlink_ts {
namespace {

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)

const char* Name(int error) { return strerrorname_np(error); }

#else  // musl and older glibc: what netlink, IPVS, rtnetlink and sockets answer.

const char* Name(int error) {
  switch (error) {
#define NETLINK_TS_ERRNO(name) \
  case name:                   \
    return #name
    NETLINK_TS_ERRNO(E2BIG);
    NETLINK_TS_ERRNO(EACCES);
    NETLINK_TS_ERRNO(EADDRINUSE);
    NETLINK_TS_ERRNO(EADDRNOTAVAIL);
    NETLINK_TS_ERRNO(EAFNOSUPPORT);
    NETLINK_TS_ERRNO(EAGAIN);
    NETLINK_TS_ERRNO(EBADF);
    NETLINK_TS_ERRNO(EBADMSG);
    NETLINK_TS_ERRNO(EBUSY);
    NETLINK_TS_ERRNO(ECONNREFUSED);
    NETLINK_TS_ERRNO(EEXIST);
    NETLINK_TS_ERRNO(EFAULT);
    NETLINK_TS_ERRNO(EHOSTUNREACH);
    NETLINK_TS_ERRNO(EINTR);
    NETLINK_TS_ERRNO(EINVAL);
    NETLINK_TS_ERRNO(EIO);
    NETLINK_TS_ERRNO(EMFILE);
    NETLINK_TS_ERRNO(EMSGSIZE);
    NETLINK_TS_ERRNO(ENETDOWN);
    NETLINK_TS_ERRNO(ENETUNREACH);
    NETLINK_TS_ERRNO(ENFILE);
    NETLINK_TS_ERRNO(ENOBUFS);
    NETLINK_TS_ERRNO(ENODEV);
    NETLINK_TS_ERRNO(ENOENT);
    NETLINK_TS_ERRNO(ENOMEM);
    NETLINK_TS_ERRNO(ENOPROTOOPT);
    NETLINK_TS_ERRNO(ENOSPC);
    NETLINK_TS_ERRNO(ENOSYS);
    NETLINK_TS_ERRNO(ENOTSOCK);
    NETLINK_TS_ERRNO(EOPNOTSUPP);
    NETLINK_TS_ERRNO(EPERM);
    NETLINK_TS_ERRNO(EPROTONOSUPPORT);
    NETLINK_TS_ERRNO(EPROTOTYPE);
    NETLINK_TS_ERRNO(ERANGE);
    NETLINK_TS_ERRNO(ESRCH);
    NETLINK_TS_ERRNO(ETIMEDOUT);
#undef NETLINK_TS_ERRNO
    default:
      return nullptr;
  }
}

#endif

}  // namespace

std::string ErrnoName(int error) {
  const char* name = Name(error);
  return name != nullptr ? name : std::string("E").append(std::to_string(error));
}

std::string ErrnoDescription(int error) { return std::generic_category().message(error); }

}  // namespace netlink_ts
