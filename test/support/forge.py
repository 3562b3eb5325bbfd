"""Sends forged netlink messages to another process's socket, as only root may.

Each line on stdin: PROTOCOL PORT_ID FIRST_SEQUENCE LAST_SEQUENCE MESSAGE_TYPE. For every sequence number it sends
what a kernel could: an acknowledgment, two errors, the end of a dump, and one message of that type with a service
10.66.6.6:666 (generic netlink) or an address 10.66.6.6 (rtnetlink) in it. Answers each line with how many arrived.
"""

import socket
import struct
import sys


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def message(kind, flags, sequence, port, payload):
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, port) + payload


def error(code, sequence, port):
    return message(2, 0, sequence, port, struct.pack("=iIHHII", code, 20, 16, 5, sequence, port))


SERVICE = struct.pack("=BBH", 1, 1, 0) + attribute(1 | 0x8000, b"".join((
    attribute(1, struct.pack("=H", 2)), attribute(2, struct.pack("=H", 6)),
    attribute(3, socket.inet_aton("10.66.6.6") + bytes(12)), attribute(4, struct.pack(">H", 666)),
    attribute(6, b"rr\0"), attribute(7, struct.pack("=II", 0, 0xffffffff)),
    attribute(8, bytes(4)), attribute(9, b"\xff" * 4))))
ADDRESS = struct.pack("=BBBBI", 2, 32, 0, 0, 1) + b"".join(
    attribute(kind, socket.inet_aton("10.66.6.6")) for kind in (1, 2))

sockets = {protocol: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) for protocol in (0, 16)}
for line in sys.stdin:
    protocol, port, first, last, kind = (int(word) for word in line.split())
    sent = 0
    for sequence in range(first, last + 1):
        for forged in (message(kind, 2, sequence, port, SERVICE if protocol == 16 else ADDRESS),
                       error(-5, sequence, port), error(-2, sequence, port), error(0, sequence, port),
                       message(3, 2, sequence, port, bytes(4))):
            try:
                sockets[protocol].sendto(forged, socket.MSG_DONTWAIT, (port, 0))
                sent += 1
            except (BlockingIOError, ConnectionRefusedError):
                pass  # The other side's buffer is full; the other side listens to the kernel only.
    print(sent, flush=True)
