"""What the graph's store keeps of a person, beside the chat: to read, to correct and to delete."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from course_lib.chat.store_calls import call_store
from course_lib.display import joined_script, summary_line
from course_lib.persistence import namespace_label

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

HERE = Path(__file__).parent

MEMORY = "What the graph's store keeps under your name"
NO_MEMORY = (
    "Nothing is remembered yet: what the graph's nodes and tools write into its store about you "
    "would stand here, in every conversation."
)
"""What the memory says while it is empty."""

MAX_NOTES = 50
"""How many entries of one namespace are shown."""


@dataclass(frozen=True)
class Entry:
    """One entry of the store.

    Args:
        namespace: where it is kept: what it is, and whose.
        key: its name there.
        value: what is kept.
    """

    namespace: tuple[str, ...]
    key: str
    value: Mapping[str, Any]

    @property
    def id(self) -> str:
        """A text that names it among the entries of one person."""
        return json.dumps([*self.namespace, self.key])

    def shown(self) -> dict[str, Any]:
        """Return what the browser gets."""
        fields = [
            {"name": name, "text": summary_line(value), "value": as_typed(value)}
            for name, value in self.value.items()
        ]
        return {
            "id": self.id,
            "label": "/".join([*self.namespace[:-1], self.key]),
            "fields": fields,
        }


def as_typed(value: Any) -> str:
    """Return a value as a person can type it: a text as it is, anything else as JSON.

    Args:
        value: of one field.
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def from_typed(text: str, before: Any) -> Any:
    """Read what a person typed in place of a value: a text stays a text.

    Args:
        text: as it was typed.
        before: the value that was there.

    Raises:
        ValueError: the value was no text, and what was typed is no JSON.
    """
    if isinstance(before, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no JSON. Write a value like {as_typed(before)}, a number, true, or a "
            'text in "quotation marks".'
        ) from None


class MemoryView(anywidget.AnyWidget):
    """The entries of one person, each with a button to correct it and one to delete it.

    Args:
        store: of the graph; None where it has none.
        user: whose entries are shown, and no other user's.
        spawn: starts a job on the event loop.
    """

    _esm = joined_script(HERE / "dom.js", HERE / "memory.js")
    _css = HERE / "side.css"

    heading = traitlets.Unicode("").tag(sync=True)
    entries = traitlets.List().tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)
    deleted = traitlets.Unicode("").tag(sync=True)
    """The name of the entry that was deleted last, while that can be undone."""

    def __init__(
        self,
        store: BaseStore | None,
        user: str,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        super().__init__()
        self._store = store
        self._user = user
        self._spawn = spawn
        self._known: dict[str, Entry] = {}
        self._deleted: Entry | None = None
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return "Memory of the chat: run this notebook in JupyterLab to see it."

    async def refresh(self) -> None:
        """Read the entries again."""
        store, own = self._store, namespace_label(self._user)
        spaces = await call_store(store, store.list_namespaces, suffix=(own,))
        found = [
            Entry(item.namespace, item.key, item.value)
            for space in spaces
            if len(space) == 2  # (what, whose): a longer one may be another user's
            for item in await call_store(store, store.search, space, limit=MAX_NOTES)
            if tuple(item.namespace) == tuple(space)  # a search also finds what lies below
        ]
        found.sort(key=lambda each: (each.namespace, each.key))  # one brought back keeps its place
        self._known = {each.id: each for each in found}
        with self.hold_sync():
            self.entries = [each.shown() for each in found]
            self.heading = MEMORY if found else NO_MEMORY
            self.deleted = "" if self._deleted is None else self._deleted.key

    async def correct(self, entry_id: str, typed: Mapping[str, str]) -> None:
        """Replace fields of an entry; nothing is changed where one of them cannot be read.

        Args:
            entry_id: of an entry that is shown.
            typed: by the name of the field, what a person typed in its place.
        """
        entry = self._known.get(entry_id)
        if entry is None:
            return
        try:
            new = {
                name: from_typed(typed[name], value) if name in typed else value
                for name, value in entry.value.items()
            }
        except ValueError as refused:
            self._say(f"{entry.key} was not changed: {refused}")
            return
        await call_store(self._store, self._store.put, entry.namespace, entry.key, new)
        self._say(f"{entry.key} is corrected.")
        await self.refresh()

    async def delete(self, entry_id: str) -> None:
        """Delete an entry.

        Args:
            entry_id: of an entry that is shown.
        """
        entry = self._known.get(entry_id)
        if entry is None:
            return
        await call_store(self._store, self._store.delete, entry.namespace, entry.key)
        self._deleted = entry
        self._say(f"{entry.key} is deleted.")
        await self.refresh()

    async def undo(self) -> None:
        """Put the entry back that was deleted last."""
        if self._deleted is None:
            return
        entry, self._deleted = self._deleted, None
        put = self._store.put
        await call_store(self._store, put, entry.namespace, entry.key, dict(entry.value))
        self._say(f"{entry.key} is back.")
        await self.refresh()

    def _say(self, notice: str) -> None:
        self.notice = ""  # so that the same words are read out again
        self.notice = notice

    def _on_message(self, widget: Any, content: Mapping[str, Any], buffers: Any) -> None:
        match content:
            case {"kind": "correct", "id": str(entry_id), "typed": dict(typed)}:
                self._spawn(self.correct(entry_id, {k: str(v) for k, v in typed.items()}))
            case {"kind": "delete", "id": str(entry_id)}:
                self._spawn(self.delete(entry_id))
            case {"kind": "undo"}:
                self._spawn(self.undo())
