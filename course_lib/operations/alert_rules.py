"""The rules of alerts, as data: evaluated here over scrapes, and written out for Prometheus.

Both are made from the same rules, so what the notebook shows firing is what fires in production.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from course_lib.operations.samples import Scrape, quantile, rate

Severity = Literal["page", "ticket"]
"""`page` wakes somebody up; `ticket` waits for the morning."""


@dataclass(frozen=True)
class AlertRule:
    """A condition that somebody has to know about.

    Args:
        name: of the alert.
        kind: `value` of a series, `rate` of a counter per second, `ratio` of the rates of a
            counter's series with some labels to all of its series, or `p95` of a histogram.
        metric: its name, without `_bucket` for a histogram.
        above: fires when the value is greater.
        for_seconds: how long it has to be so.
        summary: what is wrong, and what to do first.
        severity: how fast somebody has to know.
        labels: which series; all where it is empty.
        window_seconds: over which time rates and quantiles are taken.
    """

    name: str
    kind: Literal["value", "rate", "ratio", "p95"]
    metric: str
    above: float
    for_seconds: float
    summary: str
    severity: Severity = "ticket"
    labels: tuple[tuple[str, str], ...] = ()
    window_seconds: float = 300.0

    @property
    def expression(self) -> str:
        """The condition in PromQL."""
        chosen = ",".join(f'{name}="{value}"' for name, value in self.labels)
        series = f"{self.metric}{{{chosen}}}" if chosen else self.metric
        window = f"[{self.window_seconds:g}s]"
        written = {
            "value": f"sum({series})",
            "rate": f"sum(rate({series}{window}))",
            "ratio": f"sum(rate({series}{window})) / sum(rate({self.metric}{window}))",
            "p95": f"histogram_quantile(0.95, sum by (le) (rate({self.metric}_bucket{window})))",
        }
        return f"{written[self.kind]} > {self.above:g}"

    def value(self, scrapes: Sequence[Scrape]) -> float:
        """The number that is compared, of the scrapes of the window; 0 where there is none.

        Args:
            scrapes: in the order of time; at least one.
        """
        since = scrapes[-1].time - self.window_seconds
        inside = [each for each in scrapes if each.time >= since]
        labels = dict(self.labels)
        if self.kind == "value":
            return inside[-1].total(self.metric, **labels)
        if self.kind == "p95":
            return quantile(inside, self.metric, 0.95) or 0.0
        part = rate(inside, self.metric, **labels)
        if self.kind == "rate":
            return part
        whole = rate(inside, self.metric)
        return part / whole if whole else 0.0


RULES = (
    AlertRule(
        "ManyTurnsFail",
        "ratio",
        "chat_turns_total",
        above=0.05,
        for_seconds=60,
        severity="page",
        labels=(("outcome", "failed"),),
        summary="More than 5 % of the turns fail. Look at the label problem of chat_turns_total.",
    ),
    AlertRule(
        "FirstTokenSlow",
        "p95",
        "chat_first_token_seconds",
        above=5,
        for_seconds=120,
        severity="page",
        summary="One turn in twenty waits more than 5 s for its first token. Look at the model "
        "server's queue.",
    ),
    AlertRule(
        "ThreadsBusy",
        "p95",
        "chat_lock_wait_seconds",
        above=10,
        for_seconds=300,
        summary="Turns wait more than 10 s for their thread. Look for a run that does not end.",
    ),
    AlertRule(
        "TurnsPileUp",
        "value",
        "chat_turns_running",
        above=200,
        for_seconds=120,
        severity="page",
        summary="More than 200 turns run at once. Start workers, or model replicas.",
    ),
    AlertRule(
        "ManyTurnsRefused",
        "rate",
        "chat_turns_refused_total",
        above=1,
        for_seconds=300,
        summary="Rate limits refuse more than one turn a second. Look for a client that repeats.",
    ),
    AlertRule(
        "ManyForks",
        "rate",
        "chat_forks_total",
        above=1,
        for_seconds=600,
        summary="People go back more than once a second: the answers may have become worse.",
    ),
)
"""The rules of the chat service."""


def prometheus_rules(rules: Iterable[AlertRule] = RULES) -> dict[str, Any]:
    """Return rules in the form of Prometheus' rule files.

    Args:
        rules: in the order in which they are written.
    """
    written = [
        {
            "alert": rule.name,
            "expr": rule.expression,
            "for": f"{rule.for_seconds:g}s",
            "labels": {"severity": rule.severity},
            "annotations": {"summary": rule.summary},
        }
        for rule in rules
    ]
    return {"groups": [{"name": "chat", "rules": written}]}
