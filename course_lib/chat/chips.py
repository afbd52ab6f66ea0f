"""The small marks between the messages: a node that ran, a tool call, the progress of something."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from course_lib.chat.forking import NO_RESULT, NOT_ANSWERED, NOT_RUN
from course_lib.chat.markup import exact
from course_lib.display import format_json, summary_line
from course_lib.models.tool_calls import sent_arguments

MAX_DETAIL_LENGTH = 4000
"""Longest text in an opened chip, in characters."""

RETURNED = "\n\nreturned:\n"
"""Stands between what a tool was called with and what it answered."""


@dataclass
class Chip:
    """One node, tool call or progress of a turn.

    Args:
        kind: `node`, `tool` or `progress`.
        name: what is written on it.
        state: `running`, `done`, `waiting`, `stopped` or `failed`.
        detail: what is shown when it is opened.
        share: how much is done, from 0 to 1, where that is known.
        call_id: of a tool call, as the model gave it.
        answered: whether a tool call has its answer.
    """

    kind: str
    name: str
    state: str = "running"
    detail: str = ""
    share: float | None = None
    call_id: str = ""
    answered: bool = False

    @classmethod
    def of_progress(cls, value: Any) -> Chip:
        """Read what a stream writer was given.

        Args:
            value: a text, or a mapping with a `label` and either `progress` (0 to 1) or `done`
                and `total`.
        """
        if not isinstance(value, Mapping):
            return cls("progress", value if isinstance(value, str) else summary_line(value))
        share = value.get("progress")
        done, total = value.get("done"), value.get("total")
        if _is_number(done) and _is_number(total) and total:
            share = done / total
        share = min(1.0, max(0.0, share)) if _is_number(share) else None
        label = value.get("label", "progress")
        name = label if isinstance(label, str) else summary_line(label)
        return cls("progress", name, "running", summary_line(value), share)

    @classmethod
    def of_call(cls, call_id: str, name: str, args: Any, state: str) -> Chip:
        """Return the chip of a tool call.

        Args:
            call_id: as the model gave it.
            name: of the tool.
            args: the arguments.
            state: of the call.
        """
        return cls("tool", name, state, format_json(args), call_id=call_id)

    @property
    def arguments(self) -> str:
        """What a tool was called with; empty for an answer whose call was not seen."""
        return self.detail.partition(RETURNED)[0]

    def returned(self, text: str, failed: bool) -> None:
        """Note what a tool answered.

        Args:
            text: its answer; JSON is shown line by line.
            failed: whether the answer reports an error.
        """
        ended = "failed" if failed else "done"
        self.state = "stopped" if text in (NOT_RUN, NO_RESULT, NOT_ANSWERED) else ended
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
        self.detail = f"{self.arguments}{RETURNED}{text}"
        self.answered = True

    def called_with(self, args: Any) -> None:
        """Note the arguments of a call whose answer came first."""
        self.detail = format_json(args) + self.detail

    def shown(self) -> dict[str, Any]:
        """Return what the browser gets."""
        detail, more = exact(self.detail[:MAX_DETAIL_LENGTH]), len(self.detail) - MAX_DETAIL_LENGTH
        if more > 0:
            detail += f"\n... {more:,} more characters"
        found = {"kind": self.kind, "name": exact(self.name), "state": self.state, "detail": detail}
        return found if self.share is None else {**found, "share": self.share}


def stored_tool_chips(messages: Sequence[BaseMessage], open_state: str) -> list[Chip]:
    """Return a chip for each tool call in some messages, in their order.

    Calls and answers are paired by their position: models leave the id of a call empty, or use
    one id for several calls.

    Args:
        messages: of one turn.
        open_state: the state of a call that has no answer.
    """
    chips: list[Chip] = []
    unanswered: list[Chip] = []
    for message in messages:
        if isinstance(message, AIMessage):
            for call in [*message.tool_calls, *message.invalid_tool_calls]:
                name = call.get("name") or "tool"
                chip = Chip.of_call(call.get("id") or "", name, sent_arguments(call), open_state)
                chips.append(chip)
                unanswered.append(chip)
        elif isinstance(message, ToolMessage):
            chip = answered_chip(unanswered, message.tool_call_id, message.name or "tool")
            if chip is None:
                chip = Chip("tool", message.name or "tool", call_id=message.tool_call_id)
                chips.append(chip)
            else:
                unanswered.remove(chip)
            chip.returned(str(message.text), message.status == "error")
    return chips


def answered_chip(unanswered: Sequence[Chip], call_id: str, name: str) -> Chip | None:
    """Return the chip that an answer belongs to: by the id of its call, else by its name."""
    by_id = (chip for chip in unanswered if chip.call_id == call_id)
    by_name = (chip for chip in unanswered if not chip.call_id and chip.name == name)
    return next(by_id, next(by_name, None))


def merged_chips(live: Sequence[Chip], stored: Sequence[Chip]) -> list[Chip]:
    """Return the chips of a turn: in the order in which things happened, and as they are stored.

    Args:
        live: what was seen while the graph ran.
        stored: the tool calls that the thread holds.
    """
    left, merged = list(stored), list(live)
    open_places = [at for at, chip in enumerate(live) if chip.kind == "tool"]
    # A call that a person's next message has closed may be stored under another id since.
    for same in (_has_same_id, _has_same_arguments):
        for at in list(open_places):
            match = next((n for n, each in enumerate(left) if same(each, live[at])), None)
            if match is not None:
                merged[at] = left.pop(match)
                open_places.remove(at)
    return merged + left


def _has_same_id(one: Chip, other: Chip) -> bool:
    return (one.call_id, one.name) == (other.call_id, other.name)


def _has_same_arguments(one: Chip, other: Chip) -> bool:
    return (one.name, one.arguments) == (other.name, other.arguments)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
