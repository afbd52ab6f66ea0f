"""A text in quotes that a person can still read."""

from __future__ import annotations

import ast
import re
import unicodedata

ESCAPE = re.compile(r"\\(?:\\|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""What turns the direction of the text around it, or is never seen."""


def quoted(text: str) -> str:
    """Return a text in quotes, as `repr` gives it, with the characters that scripts need.

    `repr` writes out what joins the parts of an emoji or the letters of a Persian word. What turns
    the direction of other text stays written out.

    Args:
        text: any text.
    """
    return ESCAPE.sub(_kept, repr(text))


def _kept(escape: re.Match[str]) -> str:
    char = ast.literal_eval(f"'{escape[0]}'")
    kind = unicodedata.category(char)
    needed = kind == "Zs" or (kind == "Cf" and char not in TURNS)
    return char if needed else escape[0]
