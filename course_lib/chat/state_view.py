"""The state beside the chat: what the last turn changed, and all of it behind a switch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from course_lib.display import joined_script, state_changes, state_rows
from course_lib.display.values import shorten

if TYPE_CHECKING:
    from course_lib.chat.events import ThreadLoaded

HERE = Path(__file__).parent

EMPTY = "Nothing is stored yet. The state fills when you send the first message."
UNCHANGED = "The last turn changed nothing in the state."
UNKNOWN = "What was before the last turn is not stored, so this is the whole state."


class FieldsView(anywidget.AnyWidget):
    """A heading, and a table of names and the text shown for each."""

    _esm = joined_script(HERE / "dom.js", HERE / "fields.js", HERE / "state.js")
    _css = HERE / "side.css"

    title = traitlets.Unicode("").tag(sync=True)
    heading = traitlets.Unicode("").tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    whole = traitlets.Bool(None, allow_none=True).tag(sync=True)
    """Whether everything is shown; None where there is no such choice."""

    def __repr__(self) -> str:
        return f"{self.title} of the chat: run this notebook in JupyterLab to see it."


class StateView(FieldsView):
    """The fields that the last turn changed, or all fields."""

    def __init__(self) -> None:
        super().__init__(title="State", whole=False)

    def show(self, thread: ThreadLoaded, before: Mapping[str, Any] | None) -> None:
        """Show the state of a thread.

        Args:
            thread: as it was read.
            before: the values before the last turn; None where they are not known.
        """
        if not thread.values:
            heading, rows = EMPTY, []
        elif self.whole or before is None:
            heading, rows = ("All fields" if self.whole else UNKNOWN), state_rows(thread.values)
        else:
            rows = [[each.field, each.text] for each in state_changes(before, thread.values)]
            heading = f"Changed since: {_last_words(thread)}" if rows else UNCHANGED
        with self.hold_sync():
            self.heading, self.rows = heading, rows


def _last_words(thread: ThreadLoaded) -> str:
    own = [m for m in thread.messages if m.type == "human"]
    return shorten(str(own[-1].text), 60) if own else "the message before"
