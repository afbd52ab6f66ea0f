"""TCP ports of 127.0.0.1: a free one, whether one is free, and asking what answers there."""

from __future__ import annotations

import socket
import urllib.request

LAST = 65_535
"""The highest TCP port."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check_port_number(port: int, name: str = "port") -> None:
    """Refuse what is no TCP port; whether a port is free is another question.

    Args:
        port: what was given.
        name: of the argument, for the message.

    Raises:
        ValueError: it is no whole number from 1 to 65535.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= LAST:
        raise ValueError(
            f"{name}={port!r} is no TCP port. Give a whole number from 1 to {LAST}, or leave it "
            "out, and a free one is taken."
        )


def port_or_free(port: int | None) -> int:
    """Return the port that somebody asked for, or a free one of 127.0.0.1 for None.

    Raises:
        ValueError: it is no TCP port.
    """
    if port is None:
        return free_port()
    check_port_number(port)
    return port


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
