#include "nft_generation.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace netlink_ts {
namespace {

struct Query {
  nlmsghdr header;
  nfgenmsg family;
};

int Ask(int fd, uint32_t* generation) {
  Query query{};
  query.header.nlmsg_len = sizeof query;
  query.header.nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN;
  query.header.nlmsg_flags = NLM_F_REQUEST;
  query.family.version = NFNETLINK_V0;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (sendto(fd, &query, sizeof query, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0) return errno;
  // The kernel has answered before sendto returns.
  alignas(nlmsghdr) char buffer[1024];
  const ssize_t received = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (received < 0) return errno;
  auto* header = reinterpret_cast<nlmsghdr*>(buffer);
  if (nlmsg_ok(header, static_cast<int>(received)) == 0) return EBADMSG;
  if (header->nlmsg_type == NLMSG_ERROR && header->nlmsg_len >= NLMSG_LENGTH(sizeof(nlmsgerr))) {
    const int error = static_cast<const nlmsgerr*>(nlmsg_data(header))->error;
    return error == 0 ? EBADMSG : -error;
  }
  const nlattr* found = nlmsg_find_attr(header, sizeof(nfgenmsg), NFTA_GEN_ID);
  if (found == nullptr || nla_len(found) < static_cast<int>(sizeof(uint32_t))) return EBADMSG;
  *generation = ntohl(nla_get_u32(found));
  return 0;
}

}  // namespace

int NftGeneration(uint32_t* generation) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return errno;
  const int error = Ask(fd, generation);
  close(fd);
  return error;
}

}  // namespace netlink_ts
