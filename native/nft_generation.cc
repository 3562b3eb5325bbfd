#include "nft_generation.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cerrno>

#include "attributes.h"
#include "transport.h"

namespace netlink_ts {
namespace {

constexpr Operation kGetGeneration = {"nftGeneration", (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, NLM_F_ACK};
constexpr uint16_t kGeneration = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN;

// The kernel has answered before send(2) returns.
constexpr auto kTimeLimit = std::chrono::milliseconds(100);

}  // namespace

int NftGeneration(uint32_t* generation) {
  nfgenmsg header{};
  header.version = NFNETLINK_V0;
  bool found = false;
  const auto decode = [&](const nlmsghdr& message, Decoded*) {
    if (message.nlmsg_type != kGeneration || nlmsg_valid_hdr(&message, sizeof header) == 0) return false;
    Attributes attributes(nlmsg_attrdata(&message, sizeof header),
                          static_cast<size_t>(nlmsg_attrlen(&message, sizeof header)), NFTA_GEN_MAX);
    attributes.Require({NFTA_GEN_ID});
    *generation = attributes.BigEndianU32(NFTA_GEN_ID);
    found = attributes.ok();
    return found;
  };
  Transport transport(NETLINK_NETFILTER);
  const Outcome outcome = transport.Exchange(Message::WithHeader(kGetGeneration, header),
                                             std::chrono::steady_clock::now() + kTimeLimit, decode);
  if (outcome.failure) return outcome.failure->error;
  return found ? 0 : EBADMSG;
}

}  // namespace netlink_ts
