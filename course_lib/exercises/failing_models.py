"""Models that break off, count or fail, for the exercises of chapter 15."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage

from course_lib.models import OfflineChatModel


class Pieces:
    """Streams pieces, and breaks off after some of them.

    Args:
        name: of which its pieces are made.
        breaks_after: how many pieces come before the error; None for a whole answer.
        error: what it raises then.
    """

    def __init__(
        self, name: str, breaks_after: int | None = None, error: type[Exception] = ConnectionError
    ) -> None:
        self.name, self.breaks_after, self.error, self.asked = name, breaks_after, error, 0

    def stream(self, text: str) -> Iterator[str]:
        """Yield three pieces, or fewer and an error."""
        self.asked += 1
        for n in range(3):
            if n == self.breaks_after:
                raise self.error(f"{self.name} broke off after {n} pieces")
            yield f"{self.name}{n} "
        if self.breaks_after == 3:
            raise self.error(f"{self.name} broke off after 3 pieces")


class CountedModel(OfflineChatModel):
    """The offline model, counting how often it was asked."""

    asked: int = 0

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Any:
        self.asked += 1
        yield from super()._stream(messages, stop, **kwargs)

    async def _astream(self, *given: Any, **options: Any) -> Any:
        self.asked += 1
        async for chunk in super()._astream(*given, **options):
            yield chunk


class FailingModel(OfflineChatModel):
    """The offline model, failing with an error of any type."""

    error: Any = None

    def _stream(self, *given: Any, **options: Any) -> Any:
        raise self.error
        yield  # what makes a generator of it

    async def _astream(self, *given: Any, **options: Any) -> Any:
        raise self.error
        yield
