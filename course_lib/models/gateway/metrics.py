"""What a gateway counts, in Prometheus' text form."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""The upper bounds of the histograms' buckets, in seconds."""


class Metrics:
    """The counters of one gateway, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        common = {"registry": self.registry}
        self.requests = Counter(
            "gateway_requests", "Requests for an answer, by their end", ["status"], **common
        )
        self.running = Gauge("gateway_requests_running", "Requests being answered", **common)
        self.waiting = Gauge(
            "gateway_requests_waiting", "Requests that wait for a free place", **common
        )
        self.prompt_tokens = Counter(
            "gateway_prompt_tokens", "Tokens of the requests that were answered", **common
        )
        self.generation_tokens = Counter(
            "gateway_generation_tokens", "Tokens of answers that were sent", **common
        )
        self.first_token = Histogram(
            "gateway_time_to_first_token_seconds",
            "Seconds from a request to the first token of its answer, waiting included",
            buckets=SECONDS,
            **common,
        )
        self.latency = Histogram(
            "gateway_request_seconds",
            "Seconds from a request to the end of its answer, waiting included",
            buckets=SECONDS,
            **common,
        )

    def text(self) -> bytes:
        """Return everything that was counted."""
        return generate_latest(self.registry)
