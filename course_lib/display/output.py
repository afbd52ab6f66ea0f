"""One thing on display, in the forms that a notebook front end can choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DisplayOutput:
    """One thing on display, in the forms a notebook front end can choose from.

    Args:
        text: the plain form.
        rich: MIME type of the richer form.
        source: the richer form.
    """

    text: str
    rich: str
    source: str

    def __post_init__(self) -> None:
        for name in ("text", "source"):  # half of an emoji cannot be sent to a front end
            whole = getattr(self, name).encode("utf-8", "backslashreplace").decode()
            object.__setattr__(self, name, whole)

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {self.rich: self.source, "text/plain": self.text}


def display_output(shown: Any) -> None:
    """Show something below the cell.

    Args:
        shown: a `DisplayOutput`, or a widget.
    """
    from IPython.display import display

    display(shown)
