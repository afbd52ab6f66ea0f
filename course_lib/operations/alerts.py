"""From a rule that holds to somebody who knows: alerts, sent to a webhook.

What is sent has the form of the webhooks of Prometheus' Alertmanager, version 4:
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import httpx

from course_lib.operations.alert_rules import RULES, AlertRule
from course_lib.operations.samples import Scrape, scrape

State = Literal["quiet", "pending", "firing"]
"""`pending`: the condition holds, and not for long enough yet."""

KEEP_SECONDS = 3_600.0
"""How long scrapes are kept; no rule looks further back."""


class Alerts:
    """Evaluates rules over scrapes, and tells a receiver of every alert that begins or ends.

    Args:
        receiver: address of a webhook.
        rules: of the service.
    """

    def __init__(self, receiver: str, rules: Sequence[AlertRule] = RULES) -> None:
        self._receiver = receiver
        self._rules = list(rules)
        self._scrapes: list[Scrape] = []
        self._since: dict[str, float] = {}
        self._firing: set[str] = set()

    def see(self, seen: Scrape) -> dict[str, State]:
        """Evaluate all rules with one more scrape, and return the state of each.

        Args:
            seen: later than the one before it.

        Raises:
            httpx.HTTPError: the receiver does not take an alert; it is sent again next time.
        """
        oldest = seen.time - KEEP_SECONDS
        self._scrapes = [each for each in self._scrapes if each.time >= oldest] + [seen]
        unsent: httpx.HTTPError | None = None
        for rule in self._rules:
            try:
                self._evaluate(rule, seen.time)
            except httpx.HTTPError as error:  # the other rules are evaluated all the same
                unsent = error
        if unsent is not None:
            raise unsent
        return {rule.name: self._state(rule.name) for rule in self._rules}

    def watch(self, url: str, seconds: float, every: float = 1.0) -> dict[str, State]:
        """Scrape a service again and again, and return the states at the end.

        A service or a receiver that is away for a while is asked again at the next look.

        Args:
            url: of the service itself, without `/metrics`.
            seconds: for how long.
            every: seconds between two scrapes.

        Raises:
            httpx.HTTPError: the service or the receiver did not answer at the last look.
        """
        until = time.monotonic() + seconds
        while True:
            last = time.monotonic() >= until
            try:
                states = self.see(scrape(url))
            except httpx.HTTPError:
                if last:
                    raise
            else:
                if last:
                    return states
            time.sleep(every)

    def _evaluate(self, rule: AlertRule, now: float) -> None:
        if rule.value(self._scrapes) > rule.above:
            since = self._since.setdefault(rule.name, now)
            if now - since >= rule.for_seconds and rule.name not in self._firing:
                self._send("firing", rule)
                self._firing.add(rule.name)
        else:
            if rule.name in self._firing:
                self._send("resolved", rule)
                self._firing.discard(rule.name)
            self._since.pop(rule.name, None)

    def _state(self, name: str) -> State:
        if name in self._firing:
            return "firing"
        return "pending" if name in self._since else "quiet"

    def _send(self, status: str, rule: AlertRule) -> None:
        since = datetime.fromtimestamp(self._since[rule.name], UTC).isoformat()
        labels = {"alertname": rule.name, "severity": rule.severity}
        told: dict[str, Any] = {
            "version": "4",
            "status": status,
            "alerts": [
                {
                    "status": status,
                    "labels": labels,
                    "annotations": {"summary": rule.summary},
                    "startsAt": since,
                }
            ],
        }
        with httpx.Client(trust_env=False, timeout=5) as client:
            client.post(self._receiver, json=told).raise_for_status()
