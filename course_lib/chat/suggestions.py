"""What a person can say next, offered as buttons."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Suggestions = Sequence[str] | Callable[[Mapping[str, Any]], Sequence[str]]
"""Fixed messages, or a function from the state to them."""

MAX_SUGGESTIONS = 8
"""How many are offered at once."""


def suggestions_for(suggestions: Suggestions, values: Mapping[str, Any]) -> list[str]:
    """Return what to offer; nothing where the function fails, which is logged.

    Args:
        suggestions: of the panel's author.
        values: the state.
    """
    if not callable(suggestions):
        return list(suggestions)
    try:
        return [str(each) for each in suggestions(values)][:MAX_SUGGESTIONS]
    except Exception:  # of somebody else's function: the conversation must go on
        logging.getLogger(__name__).exception("the suggestions could not be made")
        return []
