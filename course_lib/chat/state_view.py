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


class StateView(anywidget.AnyWidget):
    """A table of the fields that the last turn changed, or of all fields."""

    _esm = joined_script(HERE / "dom.js", HERE / "fields.js", HERE / "state.js")
    _css = HERE / "side.css"

    heading = traitlets.Unicode("").tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    whole = traitlets.Bool(False).tag(sync=True)
    """Whether everything is shown."""

    def __repr__(self) -> str:
        return "State of the chat: run this notebook in JupyterLab to see it."

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
            said = shorten(thread.last_words, 60) or "the message before"
            heading = f"Changed since: {said}" if rows else UNCHANGED
        with self.hold_sync():
            self.heading, self.rows = heading, rows
