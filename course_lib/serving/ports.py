"""TCP ports of 127.0.0.1: a free one, whether one is free, and asking what answers there."""

from __future__ import annotations

import socket
import urllib.request


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def port_of(url: str) -> int:
    """Return the port in an address such as `http://127.0.0.1:8000`."""
    return int(url.rsplit(":", 1)[1])


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def local_opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses of this machine, past whatever proxy the person uses."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
