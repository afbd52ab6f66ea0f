"""One thing that an answer speaks of, to be shown as a card and on a map."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """One thing.

    Args:
        title: its name.
        subtitle: its name in another script, or what it is.
        facts: a few short words about it.
        price: how expensive it is, from 0 to 3; None where that says nothing.
        text: one sentence.
        actions: what can be said about it: what is written on the button, and the message that a
            press sends.
        point: latitude and longitude in degrees, for a map.
        id: tells the thing from others, in whatever language its card is; its title when left out.
    """

    title: str
    subtitle: str = ""
    facts: tuple[str, ...] = ()
    price: int | None = None
    text: str = ""
    actions: tuple[tuple[str, str], ...] = ()
    point: tuple[float, float] | None = None
    id: str = ""

    @property
    def key(self) -> str:
        """What tells this thing from others."""
        return self.id or self.title
