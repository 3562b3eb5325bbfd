/**
 * What the Go program of the same name leaves in a kernel, as a script for bash that does it by hand. It is what its sources
 * say, at its defaults: mark 0x1, and of IPv4 only.
 */

/** Its ipset. */
const GO_SET = 'VIRTUAL-IP';

/** Route mode: the virtual server's address leads to the node itself. */
export function goRouteMode(virtualAddress: string, nodeAddress: string): string {
  return `ip route add ${virtualAddress}/32 via ${nodeAddress} metric 50`;
}

/** Link mode: the interface, which is never brought up, and the masquerading of what goes to the virtual server. */
export function goLinkMode(virtualAddress: string, port: number, iptables = 'iptables-legacy'): string {
  return `
    sysctl -q net.ipv4.vs.conntrack=1
    ip link add lvscare type dummy
    ip address add ${virtualAddress}/32 dev lvscare
    ${goSet(virtualAddress, port)}
    ${goNat(iptables)}
    ${goFilter(iptables)}`;
}

/** Its set, with one virtual server in it. */
export function goSet(virtualAddress: string, port: number): string {
  return `
    ipset create ${GO_SET} hash:ip,port family inet hashsize 1024 maxelem 65536 -exist
    ipset add ${GO_SET} ${virtualAddress},tcp:${port} -exist`;
}

/** Its rules in the table nat; the set has to be there. */
export function goNat(iptables: string): string {
  const nat = `${iptables} -w -t nat`;
  return `
    ${nat} -N VIRTUAL-SERVICES
    ${nat} -N VIRTUAL-POSTROUTING
    ${nat} -N VIRTUAL-MARK-MASQ
    ${nat} -A OUTPUT -m comment --comment "virtual service portals" -j VIRTUAL-SERVICES
    ${nat} -A PREROUTING -m comment --comment "virtual service portals" -j VIRTUAL-SERVICES
    ${nat} -A POSTROUTING -m comment --comment "virtual service postrouting rules" -j VIRTUAL-POSTROUTING
    ${nat} -A VIRTUAL-SERVICES -m comment --comment "virtual service ip + port for masquerade purpose" \
      -m set --match-set ${GO_SET} dst,dst -j VIRTUAL-MARK-MASQ
    ${nat} -A VIRTUAL-MARK-MASQ -j MARK --or-mark 0x00000001
    ${nat} -A VIRTUAL-POSTROUTING -m mark ! --mark 0x00000001 -j RETURN
    ${nat} -A VIRTUAL-POSTROUTING -m comment --comment "virtual service traffic requiring SNAT" \
      -j MASQUERADE --random-fully
    ${nat} -N VIRTUAL-CANARY`;
}

/** Its rule and its canary in the table filter. */
export function goFilter(iptables: string): string {
  const filter = `${iptables} -w -t filter`;
  return `
    ${filter} -I OUTPUT -m comment --comment "accept for all marked by lvscare" -m mark --mark 0x00000001 -j ACCEPT
    ${filter} -N VIRTUAL-CANARY`;
}

/** Prints every rule and every set there is, without counters: to compare before and after. */
export const SHOW_RULES = `
  for variant in iptables-legacy iptables-nft; do
    $variant-save | sed -n 's/^[*:-].*/&/p' | sed "s/ \\[.*//; s/^/$variant /"
  done
  ipset save | sed 's/ initval .*//'`;
