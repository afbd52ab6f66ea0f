"""Whether turns were lost or doubled, as the database tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from course_lib.operations.people import SaidTurn
from course_lib.persistence import open_checkpointer


@dataclass(frozen=True)
class Verdict:
    """What became of turns.

    Args:
        turns: how many people sent.
        lost: texts that are not in the database, or have no answer there.
        doubled: texts that are there twice, or have two answers.
        out_of_order: conversations whose messages stand in another order than they were sent.
        not_as_shown: texts whose answer in the database is another one than the person saw.
        by_themselves: turns answered without the person doing anything.
        resumed: of these, turns of which a request had broken or was refused.
        unexplained: turns that failed without a message that says what to do.
    """

    turns: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    out_of_order: tuple[str, ...]
    not_as_shown: tuple[str, ...]
    by_themselves: int
    resumed: int
    unexplained: int

    @property
    def share(self) -> float:
        """The share of turns that were answered without the person doing anything."""
        return self.by_themselves / self.turns

    @property
    def is_complete(self) -> bool:
        """Whether every message stands in the database once, in order, with its one answer."""
        return not (self.lost or self.doubled or self.out_of_order or self.not_as_shown)


def judge(database_url: str, turns: Sequence[SaidTurn]) -> Verdict:
    """Compare what people saw with what the database holds.

    Args:
        database_url: the database.
        turns: what people saw; of each conversation all turns, in order.

    Raises:
        ValueError: there are no turns.
    """
    if not turns:
        raise ValueError("There are no turns to judge. Let people talk first: talk(...).")
    lost: list[str] = []
    doubled: list[str] = []
    order: list[str] = []
    other: list[str] = []
    people: dict[str, list[SaidTurn]] = {}
    for turn in turns:
        people.setdefault(turn.person, []).append(turn)
    with open_checkpointer(database_url, setup=False) as saver:
        for person, said in people.items():
            threads = {turn.thread_id for turn in said if turn.thread_id}
            kept = [each for thread in sorted(threads) for each in _kept(saver, thread)]
            times = Counter(message_id for message_id, _ in kept)
            answers = dict(kept)
            for turn in said:
                found = answers.get(turn.message_id, [])
                label = f"{person}: {turn.text}"
                if not found:
                    lost.append(label)
                elif times[turn.message_id] > 1 or len(found) > 1:
                    doubled.append(label)
                elif turn.answer is not None and found != [turn.answer]:
                    other.append(label)
            known = [message_id for message_id, _ in kept]
            if known != [turn.message_id for turn in said if turn.message_id in times]:
                order.append(person)
    return Verdict(
        turns=len(turns),
        lost=tuple(lost),
        doubled=tuple(doubled),
        out_of_order=tuple(order),
        not_as_shown=tuple(other),
        by_themselves=sum(turn.by_itself for turn in turns),
        resumed=sum(turn.resumed for turn in turns),
        unexplained=sum(not turn.by_itself and not all(turn.problems or [""]) for turn in turns),
    )


def _kept(saver: Any, thread_id: str) -> list[tuple[str, list[str]]]:
    """The person's messages of a thread, by id, each with the answers behind it."""
    found = saver.get_tuple({"configurable": {"thread_id": thread_id}})
    messages = found.checkpoint["channel_values"].get("messages", []) if found else []
    kept: list[tuple[str, list[str]]] = []
    for message in messages:
        if isinstance(message, HumanMessage):
            kept.append((str(message.id), []))
        elif kept and isinstance(message, AIMessage) and message.text and not message.tool_calls:
            kept[-1][1].append(str(message.text))
    return kept
