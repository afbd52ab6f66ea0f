"""The faults of a gateway that can be asked for: refusals, a stalled answer, a broken one."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Faults(BaseModel):
    """What goes wrong with the next requests for an answer.

    Args:
        status: 503 (overloaded) or 429 (too many requests): every request is refused with it.
        retry_after: seconds that a refusal names in its header `retry-after`.
        stall_after: after so many tokens nothing comes any more, and the connection stays open; 0
            for before the first token.
        break_after: after so many tokens the connection is closed in the middle of the answer; a
            number beyond its last token closes it before the client is told of the end.
        times: only the next so many requests are hit; None for all until the faults are changed.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    status: Literal[429, 503] | None = None
    retry_after: float = Field(default=1, ge=0, le=3600)
    stall_after: int | None = Field(default=None, ge=0)
    break_after: int | None = Field(default=None, ge=0)
    times: int | None = Field(default=None, ge=1)

    def take(self) -> Faults:
        """Return the faults of one request, and count it."""
        if self.times is None:
            return self
        if self.times == 0:
            return Faults()
        self.times -= 1
        return self
