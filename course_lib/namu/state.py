"""What Namu remembers of a conversation, and the answers it asks of the model about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from langgraph.graph import MessagesState
from pydantic import BaseModel, Field

Intent = Literal["NEW_SEARCH", "REFINEMENT", "REFINE_EXCLUDE", "FOLLOW_UP", "CONVERSATION"]
"""What a message asks for, as the router decides it."""

SUGGESTIONS = (
    "A quiet cafe in Jongno-gu",
    "somewhere indoors near Hongdae",
    "book Tosokchon for 2 tomorrow",
    "종로에 있는 고궁 추천해줘",
)
"""Messages with which a conversation with Namu can begin: none refers to an earlier answer."""


def union(left: Sequence[str] | None, right: Sequence[str] | None) -> list[str]:
    """Reduce two lists of ids to one: all of `left`, then the ids that only `right` has, in order.

    Args:
        left: the value in the state.
        right: the value that a node wrote.
    """
    return list(dict.fromkeys([*(left or ()), *(right or ())]))


class NamuState(MessagesState, total=False):
    """The state of one conversation with Namu. `messages` comes from `MessagesState`.

    Args:
        session_id: a label that the caller chooses; it is not the thread id.
        intent: what the last message asked for.
        last_recommended_places: the places recommended last, a dict of `Place` fields for each.
        excluded_place_ids: ids that the person has rejected; grows, unless it is overwritten.
    """

    session_id: str
    intent: Intent | None
    last_recommended_places: list[dict[str, Any]]
    excluded_place_ids: Annotated[list[str], union]


class RememberingState(NamuState, total=False):
    """The state of a conversation with a Namu that has a memory.

    Args:
        known: what is remembered of the person, by key; read again at the start of every turn.
        memory_change: what was kept and forgotten in this turn.
        noted_last: the key that was noted last in this thread, None before the first one.
    """

    known: dict[str, dict[str, Any]]
    memory_change: dict[str, Any]
    noted_last: str | None


class Route(BaseModel):
    """What the person's last message wants."""

    intent: Intent = Field(
        description="NEW_SEARCH: places of a new kind. REFINEMENT: the last wish, changed. "
        "REFINE_EXCLUDE: turns recommended places down. FOLLOW_UP: asks about a recommended "
        "place. CONVERSATION: anything else."
    )


class Rejection(BaseModel):
    """Which of the places on the table the person turns down."""

    positions: list[int] = Field(
        max_length=10,  # a small model under a grammar may not find the end of a list
        description="Their numbers, 1 for the first. Empty when all of them are meant.",
    )
