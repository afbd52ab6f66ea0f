"""What a run cost: its seconds, and the tokens that its models report."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult


@dataclass(frozen=True)
class RunCost:
    """What one run cost, or several together.

    Args:
        seconds: from the beginning of the run to its end.
        calls: how many calls of a model began; None where the run is on a server that does not
            report them.
        unreported: how many of these calls reported no tokens: the server sends no usage, or the
            call failed or was stopped.
        input_tokens: what the models read, in the calls that reported it.
        output_tokens: what they wrote.
    """

    seconds: float
    calls: int | None = 0
    unreported: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int | None:
        """Tokens read and written together; None where they are not all known."""
        if self.calls is None or self.unreported:
            return None
        return self.input_tokens + self.output_tokens

    def __add__(self, other: RunCost) -> RunCost:
        calls = None if self.calls is None or other.calls is None else self.calls + other.calls
        return RunCost(
            self.seconds + other.seconds,
            calls,
            self.unreported + other.unreported,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )


class CostCounter(BaseCallbackHandler):
    """Counts what one run costs, as a callback of the run.

    It sees every call of a LangChain model, also of a router whose answers are not stored.

    Args:
        sees_calls: whether the run is in this process, so that it calls the callback.
    """

    run_inline = True  # a few additions are not worth a thread of their own

    def __init__(self, *, sees_calls: bool) -> None:
        self._sees_calls = sees_calls
        self._lock = threading.Lock()  # nodes of one super-step may run in several threads
        self._calls = self._reported = self._input = self._output = 0
        self._began = time.monotonic()

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        """Count a call that begins."""
        with self._lock:
            self._calls += 1

    def on_llm_start(self, serialized: Any, prompts: Any, **kwargs: Any) -> None:
        """Count a call that begins, of a model that completes texts."""
        with self._lock:
            self._calls += 1

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Add up what a call reports."""
        found = [
            usage
            for generations in response.generations
            for each in generations
            if (usage := getattr(getattr(each, "message", None), "usage_metadata", None))
        ]
        with self._lock:
            self._reported += bool(found)
            self._input += sum(usage.get("input_tokens") or 0 for usage in found)
            self._output += sum(usage.get("output_tokens") or 0 for usage in found)

    def cost(self) -> RunCost:
        """Return what the run has cost until now."""
        with self._lock:
            return RunCost(
                time.monotonic() - self._began,
                self._calls if self._sees_calls else None,
                self._calls - self._reported,
                self._input,
                self._output,
            )


def tokens_of(messages: Sequence[BaseMessage]) -> int:
    """Return how many tokens the models report for the messages of a turn, in and out together."""
    total = 0
    for message in messages:
        usage: Any = getattr(message, "usage_metadata", None) or {}
        count = usage.get("total_tokens", 0)
        total += count if isinstance(count, int) else 0
    return total


def cost_parts(cost: RunCost | None, stored: int, *, whole: bool = True) -> list[str]:
    """Return seconds and tokens as they are shown.

    Args:
        cost: of the runs that are over; None where none was seen, as in a reopened thread.
        stored: tokens that the stored messages report; calls whose answers are not stored, such as
            a router's, are not in it.
        whole: whether every run of the turn was seen.
    """
    parts = [] if cost is None else [f"{cost.seconds:.1f} s"]
    counted = 0 if cost is None else cost.input_tokens + cost.output_tokens
    if cost is not None and cost.calls and not counted and not stored:
        return [*parts, "tokens unknown"]
    total = max(counted, stored)
    exact = cost is not None and cost.tokens is not None and counted >= stored and whole
    if total:
        parts.append(f"{'' if exact else 'at least '}{total:,} tokens")
    return parts
