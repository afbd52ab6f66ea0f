"""Run a Python command line where loopback is all the network there is (Linux).

Started inside a fresh network namespace, whose loopback interface is still down:

    unshare -n python tools/loopback.py -m pytest ...
"""

import fcntl
import os
import socket
import struct
import sys

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
    request = struct.pack("16sH14x", b"lo", 0)
    (flags,) = struct.unpack_from("H", fcntl.ioctl(handle, SIOCGIFFLAGS, request), 16)
    fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))

if [name for _, name in socket.if_nameindex()] != ["lo"]:
    sys.exit("tools/loopback.py: this is no network namespace of its own; start it with unshare -n")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
