"""The small marks between the messages: a node that ran, a tool call, how far something is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from course_lib.chat.markup import exact
from course_lib.display import summary_line

MAX_DETAIL_LENGTH = 4000
"""Longest text in an opened chip, in characters."""


@dataclass
class Chip:
    """One node, tool call or progress of a turn.

    Args:
        kind: `node`, `tool` or `progress`.
        name: what is on it.
        state: `running`, `done`, `waiting`, `stopped` or `failed`.
        detail: what opens.
        share: how far, from 0 to 1, where that is known.
    """

    kind: str
    name: str
    state: str = "running"
    detail: str = ""
    share: float | None = None

    @classmethod
    def of_progress(cls, value: Any) -> Chip:
        """Read what a stream writer was given.

        Args:
            value: a text, or a mapping with a `label` and either `progress` (0 to 1) or `done`
                and `total`.
        """
        if not isinstance(value, Mapping):
            return cls("progress", value if isinstance(value, str) else summary_line(value))
        share, total = value.get("progress"), value.get("total")
        if (
            isinstance(total, (int, float))
            and total
            and isinstance(value.get("done"), (int, float))
        ):
            share = value["done"] / total
        share = min(1.0, max(0.0, share)) if isinstance(share, (int, float)) else None
        return cls(
            "progress", str(value.get("label", "progress")), "running", summary_line(value), share
        )

    def returned(self, text: str, failed: bool) -> None:
        """Note what a tool answered."""
        self.state = "failed" if failed else "done"
        with suppress(ValueError):
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
        arguments = self.detail.partition("\n\nreturned:\n")[0]
        self.detail = f"{arguments}\n\nreturned:\n{text}"

    def shown(self) -> dict[str, Any]:
        """Return what the browser gets."""
        detail, more = exact(self.detail[:MAX_DETAIL_LENGTH]), len(self.detail) - MAX_DETAIL_LENGTH
        if more > 0:
            detail += f"\n... {more:,} more characters"
        found = {"kind": self.kind, "name": exact(self.name), "state": self.state, "detail": detail}
        return found if self.share is None else {**found, "share": self.share}
