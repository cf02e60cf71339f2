# bench/io/network.py: a network of our own, a loopback on which nobody else is.
# Its congestion control is reno wherever this runs: one that paces, as BBR does, sets timers for what a loopback could
# carry at once, and that would be measured with the servers.

import ctypes
import fcntl
import os
import pathlib
import socket
import struct

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_CONGESTION = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")


def have_our_own():
    """Moves this process, and so its children, into a new network. Returns None, or what stood against it, in words."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        why = os.strerror(ctypes.get_errno())
        return f"no network of its own ({why}); the congestion control is {_CONGESTION.read_text().strip()}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
    _CONGESTION.write_text("reno")
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
