"""The kinds of messages in the dialogues, and what is asked of the model."""

from __future__ import annotations

from typing import Literal

Task = Literal["agent", "route", "reject", "wish", "words"]
"""What is asked of the model: to act with tools, to name the intent, to give the numbers of the
rejected places, to write a wish as JSON, or to answer in words without any tools."""

EXPLICIT = ("recommend", "find", "look", "show", "suggest", "추천", "찾", "알려", "소개", "보여")
"""Words of a sentence that asks for something new, whatever was recommended before."""

KINDS: dict[str, tuple[float, Literal["none", "table", "either"]]] = {
    "search": (38, "either"),
    "name": (3, "none"),
    "elsewhere": (1.5, "either"),
    "district": (5, "table"),
    "category": (5, "table"),
    "mood": (6, "table"),
    "price": (4, "table"),
    "cheaper": (5, "table"),
    "widen": (3, "table"),
    "exclude": (4, "table"),
    "exclude_one": (4.5, "table"),
    "exclude_two": (2, "table"),
    "exclude_name": (4, "table"),
    "follow": (8, "table"),
    "follow_it": (4, "table"),
    "book": (9, "table"),
    "greet": (1.5, "either"),
    "thanks": (2, "either"),
    "who": (1.5, "either"),
    "offtopic": (2.5, "either"),
    "no_table": (2, "none"),
}
"""Every kind of message: its weight in training, and whether recommended places precede it."""

HOW = {
    **dict.fromkeys(("district", "category", "mood", "price", "cheaper", "widen"), "change"),
    **dict.fromkeys(("exclude_one", "exclude_two", "exclude_name"), "exclude"),
    **dict.fromkeys(("greet", "thanks", "who", "offtopic"), "talk"),
    "follow_it": "follow",
}
"""The method of `Scene` that plays a kind, if its name is not that of the kind."""
