"""How many calls one model may get at the same time and in a second, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core.rate_limiters import InMemoryRateLimiter

from course_lib.models import ModelServerError


class ModelBusy(ModelServerError):
    """A model has all the calls that its limit allows; another model is asked."""


class CallLimit:
    """A limit on the calls of one model. A call beyond it is not made to wait: it fails at once.

    The limit counts the calls of this process. Several workers have a limit each.

    Args:
        concurrent: calls at the same time; None for any number.
        per_second: calls in a second, on average; None for any number.
        burst: calls that may come at once after a pause, where `per_second` is given.

    Raises:
        ValueError: a limit that lets no call through.
    """

    def __init__(
        self,
        *,
        concurrent: int | None = None,
        per_second: float | None = None,
        burst: float = 1,
    ) -> None:
        for name, value, least in (
            ("concurrent", concurrent, 1),
            ("per_second", per_second, 1e-9),
            ("burst", burst, 1),
        ):
            if value is not None and not value >= least:
                raise ValueError(
                    f"A CallLimit with {name}={value} lets no call through. Give at least "
                    f"{least:g}, or None for no limit."
                )
        self._slots = threading.BoundedSemaphore(concurrent) if concurrent else None
        self._rate = None
        if per_second:
            self._rate = InMemoryRateLimiter(requests_per_second=per_second, max_bucket_size=burst)
            self._rate.available_tokens = burst  # it begins empty, and would refuse the first call

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Hold a place for one call.

        Args:
            name: of the model, for the error.

        Raises:
            ModelBusy: there is no place.
        """
        if self._slots and not self._slots.acquire(blocking=False):
            raise ModelBusy(f"{name} has all the calls at once that its limit allows")
        try:
            if self._rate and not self._rate.acquire(blocking=False):
                raise ModelBusy(f"{name} has all the calls in a second that its limit allows")
            yield
        finally:
            if self._slots:
                self._slots.release()
