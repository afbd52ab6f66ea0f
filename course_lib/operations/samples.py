"""Reading `/metrics` as Prometheus does: a scrape is a time and a number for each series."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import httpx
from prometheus_client.parser import text_string_to_metric_families

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scrape:
    """All numbers of one service at one moment.

    Args:
        time: seconds since 1970.
        values: by the name of the series and its labels, sorted.
    """

    time: float
    values: dict[tuple[str, Labels], float] = field(repr=False)

    def total(self, name: str, **labels: str) -> float:
        """The sum of all series of a name whose labels have these values; 0 without any.

        Args:
            name: such as `chat_turns_total`.
            labels: the values that are asked for; other labels may have any value.
        """
        wanted = set(labels.items())
        return sum(
            value
            for (series, given), value in self.values.items()
            if series == name and wanted <= set(given)
        )

    def buckets(self, name: str) -> dict[float, float]:
        """The cumulative buckets of a histogram, all of its series added up, by upper bound."""
        found: dict[float, float] = {}
        for (series, given), value in self.values.items():
            if series == f"{name}_bucket":
                bound = float(dict(given)["le"])
                found[bound] = found.get(bound, 0) + value
        return dict(sorted(found.items()))


def read_samples(text: str, at: float | None = None) -> Scrape:
    """Read the text of a `/metrics` page.

    Args:
        text: in Prometheus' text form.
        at: when it was read, in seconds since 1970; now when left out.
    """
    values = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")  # when a counter was made
    }
    return Scrape(time.time() if at is None else at, values)


def scrape(url: str, seconds: float = 5) -> Scrape:
    """Ask a service for its numbers.

    Args:
        url: of the service itself and not of the proxy before it, without `/metrics`.
        seconds: how long to wait.

    Raises:
        httpx.HTTPError: it does not answer, or not with 200.
    """
    with httpx.Client(trust_env=False, timeout=seconds) as client:
        answer = client.get(f"{url}/metrics").raise_for_status()
    return read_samples(answer.text)


def rate(scrapes: Sequence[Scrape], name: str, **labels: str) -> float:
    """How fast a counter grows, per second, between the first scrape and the last one.

    A counter that became smaller began again with 0, because the service was started again.

    Args:
        scrapes: in the order of time; of fewer than two the rate is 0.
        name: of the counter.
        labels: as `Scrape.total` takes them.
    """
    if len(scrapes) < 2:
        return 0.0
    totals = [each.total(name, **labels) for each in scrapes]
    steps = pairwise(totals)
    grown = sum(after if after < before else after - before for before, after in steps)
    return grown / max(scrapes[-1].time - scrapes[0].time, 1e-9)


def quantile(scrapes: Sequence[Scrape], name: str, share: float) -> float | None:
    """A quantile of what a histogram observed between the first scrape and the last one.

    It is interpolated within its bucket, as Prometheus' `histogram_quantile` does it.

    Args:
        scrapes: in the order of time.
        name: of the histogram, without `_bucket`.
        share: such as 0.95.

    Returns:
        Seconds, or whatever the histogram counts; None where nothing was observed.
    """
    before = scrapes[0].buckets(name) if len(scrapes) > 1 else {}
    after = scrapes[-1].buckets(name)
    counts = {bound: value - before.get(bound, 0) for bound, value in after.items()}
    total = max(counts.values(), default=0)
    if total <= 0:
        return None
    low = seen = 0.0
    for bound, count in counts.items():
        if count >= share * total:
            inside = (share * total - seen) / (count - seen) if count > seen else 1.0
            return low if bound == float("inf") else low + (bound - low) * inside
        low, seen = bound, count
    return low
