"""Dialogues as data: what a person says in each turn, and what must hold afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from course_lib.evaluation.judging import complaints


@dataclass(frozen=True)
class TurnResult:
    """One turn of a dialogue as it was held.

    Args:
        user: what the person said.
        expect: what had to hold afterwards.
        state: the state of the graph after the turn.
        past: the places recommended after each earlier turn.
        complaints: what is wrong, by the judge; empty for a right turn.
    """

    user: str
    expect: Mapping[str, Any]
    state: Mapping[str, Any]
    past: Sequence[Any]
    complaints: Sequence[str]

    @property
    def is_right(self) -> bool:
        """Whether the judge found nothing wrong."""
        return not self.complaints


def load_dialogues(path: Path) -> list[dict[str, Any]]:
    """Read a file with one dialogue in each line.

    Args:
        path: a file such as `data/dialogues_long.jsonl`, as its card describes it.

    Raises:
        ValueError: a line is no dialogue; the error names the line.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            dialogue = json.loads(line)
            turns = [(turn["user"], dict(turn.get("expect", {}))) for turn in dialogue["turns"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"Line {number} of {path.name} is no dialogue ({error!r}). It needs a name and "
                'turns: {"name": "a", "turns": [{"user": "hello", "expect": {}}]}.'
            ) from None
        if not turns:
            raise ValueError(f"The dialogue in line {number} of {path.name} has no turn. Add one.")
        found.append(dialogue)
    return found


def hold_dialogue(graph: CompiledStateGraph, dialogue: Mapping[str, Any]) -> list[TurnResult]:
    """Say the turns of a dialogue to a graph, on a thread of its own, and judge each.

    Args:
        graph: Namu, or a graph with the same state, with a checkpointer.
        dialogue: its `name` is the id of the thread.
    """
    config: Any = {"configurable": {"thread_id": dialogue["name"]}}
    results: list[TurnResult] = []
    past: list[Any] = []
    for turn in dialogue["turns"]:
        message = {"role": "user", "content": turn["user"]}
        state = graph.invoke({"messages": [message]}, config)
        expect = turn.get("expect", {})
        wrong = complaints(expect, state, past)
        results.append(TurnResult(turn["user"], expect, state, tuple(past), wrong))
        past.append(state.get("last_recommended_places") or [])
    return results


def right_turns(graph: CompiledStateGraph, dialogues: Sequence[Mapping[str, Any]]) -> list[int]:
    """Hold dialogues and return for each how many of its turns were right.

    Args:
        graph: as `hold_dialogue` takes it.
        dialogues: with different names.
    """
    held = [hold_dialogue(graph, dialogue) for dialogue in dialogues]
    return [sum(turn.is_right for turn in turns) for turns in held]
