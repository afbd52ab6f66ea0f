"""From a measured load to a number of servers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.sizing.limits import SizingError, amount, count, share


@dataclass(frozen=True)
class LoadPoint:
    """What one server did at one load.

    Args:
        at_once: requests in flight at the same time, at most.
        requests_per_second: requests that it finished per second.
        median: seconds in which half of the requests were answered.
        p95: seconds in which 95 of 100 requests were answered.
        waiting: most requests that waited inside the server at the same moment.

    Raises:
        SizingError: a number is out of range.
    """

    at_once: int
    requests_per_second: float
    median: float
    p95: float
    waiting: int = 0

    def __post_init__(self) -> None:
        count("at_once", self.at_once)
        amount("requests_per_second", self.requests_per_second, above=0)
        amount("median", self.median)
        amount("p95", self.p95)
        count("waiting", self.waiting, least=0)


def best_within(points: Sequence[LoadPoint], limit: float) -> LoadPoint:
    """Return the load with the most requests per second that keeps a latency limit.

    Args:
        points: what one server did at several loads, in any order.
        limit: longest time that 95 of 100 requests may take, in seconds.

    Raises:
        SizingError: there is no load, or none keeps the limit.
    """
    amount("limit", limit, above=0)
    if not points:
        raise SizingError("There is no measured load. Measure one server at several loads.")
    fast = [point for point in points if point.p95 <= limit]
    if not fast:
        best = min(point.p95 for point in points)
        raise SizingError(
            f"No load keeps {limit:g} s: the fastest p95 is {best:g} s. More servers do not make "
            "one request faster. Take a smaller model, a faster GPU, or fewer tokens."
        )
    return max(fast, key=lambda point: point.requests_per_second)


def servers_needed(
    requests_per_second: float, one_server: float, *, headroom: float = 0.4, spare: int = 1
) -> int:
    """Return how many servers carry a load at its peak.

    Args:
        requests_per_second: the peak of the workload.
        one_server: what one server carries within the latency limit, in requests per second.
        headroom: share of that which is kept free, because requests do not come evenly.
        spare: servers that may fail while the others still carry the peak.

    Raises:
        SizingError: a number is out of range, or the headroom leaves nothing.
    """
    need = amount("requests_per_second", requests_per_second, above=0)
    each = amount("one_server", one_server, above=0)
    if headroom != 0:
        share("headroom", headroom)
    if headroom == 1:
        raise SizingError("headroom is 1, which leaves nothing to work with. Give 0.3 to 0.5.")
    # Rounded first: 3.0000000000000004 servers are three.
    return math.ceil(round(need / (each * (1 - headroom)), 9)) + count("spare", spare, least=0)


def in_flight(requests_per_second: float, seconds: float) -> float:
    """Return how many requests are being answered at the same time, by Little's law.

    Args:
        requests_per_second: how many come.
        seconds: how long each one takes.

    Raises:
        SizingError: a number is negative.
    """
    return amount("requests_per_second", requests_per_second) * amount("seconds", seconds)
