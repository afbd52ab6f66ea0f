"""Things that an answer speaks of, as cards: of any graph, by a function from state to cards."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course_lib.chat.entry_diff import Entry
from course_lib.chat.markup import plain
from course_lib.display import Card

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

MAX_CARDS = 20
"""How many cards are shown at once."""


CardsOf = Callable[[Mapping[str, Any]], Sequence[Card]]
"""Returns the cards of a state."""


def read_cards(cards_of: CardsOf | None, values: Mapping[str, Any]) -> tuple[Card, ...]:
    """Return the cards of a state; none where the function fails, which is logged.

    Args:
        cards_of: of the graph's author.
        values: the state.
    """
    if cards_of is None:
        return ()
    try:
        return tuple(cards_of(values))[:MAX_CARDS]
    except Exception:  # of somebody else's function: the conversation must go on
        logging.getLogger(__name__).exception("the cards of a state could not be made")
        return ()


def turn_of_cards(
    cards: Sequence[Card], turns: Mapping[str, Sequence[tuple[str, BaseMessage]]]
) -> str | None:
    """Return the key of the last turn whose answers name all of some cards, None if none does.

    Args:
        cards: of a state that was read.
        turns: the messages of each turn with their keys, in their order.
    """
    for turn in reversed(turns):
        said = [str(message.text) for _, message in turns[turn] if message.type == "ai"]
        text = "\n".join(said)
        if all(card.title in text or (card.subtitle or card.title) in text for card in cards):
            return turn
    return None


def cards_entry(key: str, cards: Sequence[Card], *, active: bool) -> Entry:
    """Return the entry that shows some cards.

    Args:
        key: of the turn.
        cards: what to show.
        active: whether their buttons still mean these cards: those of an older answer have none.
    """
    shown = [
        {
            "title": plain(card.title),
            "subtitle": plain(card.subtitle),
            "facts": [plain(fact) for fact in card.facts],
            "price": card.price,
            "text": plain(card.text),
            "actions": [[plain(label), message] for label, message in card.actions * active],
        }
        for card in cards
    ]
    return {
        "kind": "cards",
        "key": f"cards-{key}",
        "label": "What the answer speaks of",
        "cards": shown,
    }
