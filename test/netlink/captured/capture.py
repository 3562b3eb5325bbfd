#!/usr/bin/env python3
"""Writes the *.hex files beside it: what ipvsadm, ip and ss say to a real kernel, and what it answers.

Run once, by hand, in a guest that has IPVS and nlmon:  scripts/with-ipvs --kernel uml python3 test/netlink/captured/capture.py
With arguments (ipvs, timeouts, route, diag) only those.

The bytes come from an nlmon device (every netlink datagram of this network namespace), so neither the addon
nor libnl nor this script had a say in them. One line per message: '>' was sent, '<' was received.
"""

import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_GENERIC = 0, 4, 16
NLM_F_REQUEST, NLMSG_ERROR, NLMSG_DONE = 1, 2, 3
GENL_ID_CTRL, IPVS_CMD_GET_INFO, RTM_GETLINK = 16, 15, 18


def run(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True, text=True)


def version(command):
    output = run(command, check=False)
    return (output.stdout or output.stderr).splitlines()[0].strip()


HEADER = f"# kernel: Linux {os.uname().release} {os.uname().machine} (User-Mode Linux)\n" \
         f"# tools: {version('ip -V')}; {re.sub(' .compiled.*', '', version('ipvsadm --version'))}\n"


def messages(datagram):
    at = 0
    while at + 16 <= len(datagram) and any(datagram[at:]):  # ip sends zeros behind a short request
        length = struct.unpack_from("=I", datagram, at)[0]
        if length < 16 or at + length > len(datagram):
            raise SystemExit(f"not netlink at {at}: {datagram.hex()}")
        yield datagram[at:at + length]
        at += (length + 3) & ~3


class Capture:
    def __init__(self):
        run("ip link add nlmon0 type nlmon && ip link set nlmon0 up")
        self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.tap.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.tap.bind(("nlmon0", 0))
        self.tap.setblocking(False)

    def drain(self):
        datagrams = []
        while True:
            try:
                data, address = self.tap.recvfrom(1 << 20)
            except BlockingIOError:
                return datagrams
            datagrams.append((data, address))

    def command(self, command, family, check=True, boring=lambda message: False):
        self.drain()
        result = run(command, check=check)
        lines = [f"\n# command: {command}"]
        if result.returncode:
            lines.append(f"# printed: {(result.stderr or result.stdout).strip().splitlines()[0]}")
        elif result.stdout:
            lines += ["#| " + line.rstrip() for line in result.stdout.splitlines()]
        dropping = False  # Both tools wait for each answer, so that what follows a request answers it.
        for data, (_, protocol, *_) in self.drain():
            if protocol != family:
                continue
            for message in messages(data):
                _, kind, flags = struct.unpack_from("=IHH", message)
                sent = flags & NLM_F_REQUEST and kind not in (NLMSG_ERROR, NLMSG_DONE)
                if sent:
                    dropping = boring(message)
                if not dropping:
                    lines.append(("> " if sent else "< ") + message.hex())
        return lines


def save(name, sections):
    with open(os.path.join(HERE, name + ".hex"), "w", encoding="ascii") as file:
        file.write(HEADER + "\n".join(line for section in sections for line in section) + "\n")


def kind_of(message):
    return struct.unpack_from("=H", message, 4)[0]


def ctrl(message):
    """The look-up of the family's number by its name."""
    return kind_of(message) == GENL_ID_CTRL


def ctrl_or_info(message):
    """ipvsadm asks for the version before everything else."""
    return ctrl(message) or message[16] == IPVS_CMD_GET_INFO


def link_lookup(message):
    """ip asks for the interface's number before it names it, and probes the kernel with sequence number 0."""
    return kind_of(message) == RTM_GETLINK or message[8:12] == bytes(4)


def ipvs(capture):
    def one(command, check=True):
        return capture.command(command, NETLINK_GENERIC, check, ctrl_or_info)

    save("ipvs-info", [capture.command("ipvsadm -L -n", NETLINK_GENERIC, True, ctrl)])

    save("ipvs-requests", [one("ipvsadm " + arguments) for arguments in (
        "-A -t 10.103.97.2:6443 -s rr",
        "-A -u 10.0.0.53:53 -s wrr -o",
        "-A --sctp-service 10.0.0.3:5000 -s lc",
        "-A -t [fd00::2]:6443 -s wlc",
        "-A -f 1 -s rr",
        "-A -f 4294967295 -6 -s sed",
        "-A -t 10.0.0.4:443 -s nq -p 300 -M 255.255.255.0",
        "-A -t [fd00::4]:443 -s lblc -p 600 -M 64",
        "-A -t 10.0.0.5:0 -s dh -p 360",
        "-A -u 10.0.0.6:5060 -s rr -p 60 --pe sip",
        "-A -t 10.0.0.7:80 -s sh -b sh-port,sh-fallback",
        "-A -t 10.0.0.8:80 -s mh -b mh-port",
        "-E -t 10.103.97.2:6443 -s wrr",
        "-a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m -w 1",
        "-a -t 10.103.97.2:6443 -r 10.103.97.201:6443 -m -w 0",
        "-a -t 10.103.97.2:6443 -r 10.103.97.202:6443 -g -w 2147483647 -x 1000 -y 500",
        "-a -t 10.103.97.2:6443 -r 10.103.97.203:6443 -i -w 2",
        "-a -t 10.103.97.2:6443 -r 10.103.97.204:6443 -i -w 3 --tun-type gue --tun-port 6080 --tun-remcsum",
        "-a -t 10.103.97.2:6443 -r 10.103.97.205:6443 -i -w 4 --tun-type gre --tun-csum",
        "-a -t [fd00::2]:6443 -r [fd00::200]:6443 -m -w 1",
        "-a -t [fd00::2]:6443 -r 10.103.97.200:6443 -i -w 1",
        "-a -f 1 -r 10.103.97.200 -g -w 1",
        "-e -t 10.103.97.2:6443 -r 10.103.97.201:6443 -m -w 7",
        "-d -t 10.103.97.2:6443 -r 10.103.97.205:6443",
        "-a -t 10.103.97.2:6443 -r 10.103.97.205:6443 -i -w 4 --tun-type gre --tun-csum",
        "-D -u 10.0.0.53:53",
        "-A -u 10.0.0.53:53 -s wrr -o",
    )])

    save("ipvs-errors", [one("ipvsadm " + arguments, check=False) for arguments in (
        "-A -t 10.103.97.2:6443 -s rr",
        "-A -t 10.9.9.9:80 -s nosuch",
        "-D -t 10.9.9.9:80",
        "-a -t 10.9.9.9:80 -r 10.0.0.1:80 -m",
        "-a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m",
        "-e -t 10.103.97.2:6443 -r 10.9.9.9:80 -m",
    )])

    traffic()
    save("ipvs-tables", [one("ipvsadm -L -n --stats --exact"), one("ipvsadm -L -n --rate --exact")])


def timeouts(capture):
    save("ipvs-timeouts", [capture.command("ipvsadm " + arguments, NETLINK_GENERIC, True, ctrl_or_info) for arguments in (
        "--set 7500 0 0",
        "--set 0 60 30",
        "-L --timeout",
    )])


def traffic():
    """Three connections through a virtual server on the loopback, one of them left open."""
    for command in ("ip addr add 10.7.0.1/32 dev lo", "ip addr add 10.7.0.2/32 dev lo",
                    "ipvsadm -A -t 10.7.0.1:7000 -s rr", "ipvsadm -a -t 10.7.0.1:7000 -r 10.7.0.2:7000 -m"):
        run(command)
    server = socket.create_server(("10.7.0.2", 7000))
    accepted = []
    thread = threading.Thread(target=lambda: accepted.extend(server.accept()[0] for _ in range(3)))
    thread.start()
    clients = [socket.create_connection(("10.7.0.1", 7000)) for _ in range(3)]
    thread.join()
    for client in clients:
        client.sendall(b"x" * 1000)
    for peer in accepted:
        while len(peer.recv(1000, socket.MSG_WAITALL)) != 1000:
            raise SystemExit("short read")
    for client, peer in list(zip(clients, accepted))[:2]:
        client.close()
        peer.close()
    time.sleep(2.5)  # The kernel sums its counters up every two seconds.
    globals()["kept"] = (clients, accepted, server)


def route(capture):
    def one(command, check=True):
        return capture.command(command, NETLINK_ROUTE, check, link_lookup)

    def show(command):
        return capture.command(command, NETLINK_ROUTE)

    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
    #              link    v4 addr    v4 route    v6 addr    v6 route
    events.bind((0, 1 << 0 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10))
    events.setblocking(False)

    def event(command):
        run(command)
        lines = [f"\n# command: {command}"]
        while True:
            try:
                datagram = events.recv(1 << 16)
            except BlockingIOError:
                return lines
            lines += ["< " + message.hex() for message in messages(datagram)]

    save("route-link-requests", [one(command) for command in (
        "ip link add lvscare type dummy",
        "ip link set lvscare addrgenmode none",
        "ip link set lvscare up",
        "ip link add short type dummy",
        "ip link delete short",
        "ip link add vleft type veth peer name vright",
        "ip link add br0 type bridge",
    )])
    save("route-address-requests", [one(command) for command in (
        "ip addr add 10.103.97.2/32 dev lvscare",
        "ip addr add 10.103.97.10/24 dev lvscare",
        "ip addr add fd00:97::2/128 dev lvscare nodad",
        "ip addr add fd00:97::10/64 dev lvscare nodad",
        "ip addr add 10.5.0.1 peer 10.5.0.2/32 dev lvscare",
        "ip addr add 10.6.0.1/24 dev lvscare",
        "ip addr del 10.6.0.1/24 dev lvscare",
    )])
    save("route-requests", [one("ip " + command) for command in (
        "route replace local 10.99.0.1 dev lo table local src 10.103.97.10",
        "route replace 10.99.1.0/24 via 10.103.97.1 metric 50",
        "route replace 10.99.2.0/24 dev lvscare proto static scope link src 10.103.97.10",
        "route replace default via 10.103.97.1 dev lvscare table 1000",
        "route replace 10.99.3.0/24 dev lvscare table 4294967295",
        "route replace blackhole 10.99.4.0/24",
        "route replace unreachable 10.99.5.0/24 metric 7",
        "route replace prohibit 10.99.6.0/24",
        "route replace throw 10.99.7.0/24 table 100",
        "route replace 10.99.8.0/24 nexthop via 10.103.97.1 weight 1 nexthop via 10.103.97.3 weight 2",
        "route replace 10.99.9.0/24 via inet6 fd00:97::1 dev lvscare",
        "route replace 10.99.10.0/24 via 10.103.97.1 dev lvscare mtu 1400",
        "-6 route replace local fd00:99::1 dev lo table local src fd00:97::10",
        "-6 route replace fd00:99:1::/48 via fd00:97::1 metric 50",
        "-6 route replace default via fd00:97::1 dev lvscare table 1000",
        "-6 route replace blackhole fd00:99:4::/48",
        "-6 route replace fd00:99:8::/48 nexthop via fd00:97::1 nexthop via fd00:97::3",
        "route replace 10.99.11.0/24 dev lvscare",
        "route del 10.99.11.0/24 dev lvscare",
    )])
    save("route-errors", [one("ip " + command, check=False) for command in (
        "route add 10.98.0.0/24 dev lvscare src 192.0.2.1",
        "route add 10.98.0.0/24 via 192.0.2.1",
        "route add blackhole 10.99.4.0/24",
        "route del 10.97.0.0/24",
        "-6 route add fd00:98::/64 dev lvscare src fd99::1",
        "addr add 10.103.97.2/32 dev lvscare",
        "link add lvscare type dummy",
        "link add nosuch type nosuch",
        "route get 10.99.4.1",
        "route get 10.99.5.1",
    )])
    save("route-links", [show("ip link show")])
    save("route-addresses", [show("ip -4 addr show"), show("ip -6 addr show")])
    save("route-routes", [show("ip -4 route show table all"), show("ip -6 route show table all")])
    save("route-get", [one("ip " + command) for command in (
        "route get 10.99.1.5",
        "route get 10.99.0.1",
        "route get 10.99.1.5 from 10.103.97.2",
        "route get 10.103.97.77 oif lvscare",
        "-6 route get fd00:99:1::5",
        "-6 route get fd00:99::1",
    )])
    event("true")
    save("route-events", [event(command) for command in (
        "ip link add ev type dummy",
        "ip link set ev addrgenmode none",
        "ip link set ev up",
        "ip addr add 10.4.0.1/24 dev ev",
        "ip addr add fd00:4::1/64 dev ev nodad",
        "ip route add 10.98.1.0/24 via 10.4.0.2 metric 20",
        "ip route del 10.98.1.0/24 via 10.4.0.2 metric 20",
        "ip -6 route add fd00:98::/64 via fd00:4::2",
        "ip addr del 10.4.0.1/24 dev ev",
        "ip link set ev down",
        "ip link delete ev",
    )])


def diag(capture):
    """Two connections on the loopback, of either family, and one of IPv6 that speaks IPv4."""
    kept = []
    for client_family, family, address, to in ((socket.AF_INET, socket.AF_INET, "127.0.0.1", "127.0.0.1"),
                                               (socket.AF_INET6, socket.AF_INET6, "::1", "::1"),
                                               (socket.AF_INET6, socket.AF_INET, "127.0.0.2", "::ffff:127.0.0.2")):
        port = 7000 + len(kept)
        server = socket.create_server((address, port), family=family)
        client = socket.socket(client_family)
        client.bind((to, 40000 + len(kept)))
        client.connect((to, port))
        kept.append((server, client, server.accept()[0]))

    def one(command, check=True):
        return capture.command(command, NETLINK_SOCK_DIAG, check)

    # This kernel was built without CONFIG_INET_DIAG_DESTROY: it refuses, and ss says nothing of it.
    save("diag", [one(command) for command in (
        "ss -Hten4 state established",
        "ss -Hten6 state established",
        "ss -Htan4 state listening",
        "ss -HtK4 state established dst 127.0.0.1 dport = :7000",
        "ss -HtK6 state established dst [::1] dport = :7001",
    )])


if __name__ == "__main__":
    run("ip link set lo up")
    tap = Capture()
    for section in (ipvs, timeouts, route, diag):
        if len(sys.argv) == 1 or section.__name__ in sys.argv[1:]:
            section(tap)
    sys.exit(0)
