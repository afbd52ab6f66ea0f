"""Where the words of a deleted thread still are, for exercise 1 of chapter 11."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore

from course_lib.persistence import (
    CachedSaver,
    MemoryCache,
    ThreadDirectory,
    find_words,
    open_checkpointer,
)

WORD = "peppermint tea"

PLACES = {
    "the tables of the saver": "`delete_thread` deletes all rows of the thread.",
    "the files of the database, read as bytes": "A deleted row stays in the file, or in its "
    "write-ahead log, until the space is used again or overwritten.",
    "the store": "The store holds what is kept across threads. `delete_thread` does not know it.",
    "the title in the thread directory": "The directory is the course's, in a store. LangGraph "
    "does not know it.",
    "the cache, if the thread was deleted without it": "A cache learns only of what is written "
    "through it.",
    "the cache, if the thread was deleted through it": "`CachedSaver` drops what it holds of a "
    "thread before it hands on the deletion.",
    "a backup from the day before": "A backup is a file, and nobody changes it.",
}
"""Each place of exercise 1, and why the word is there or not."""


def places_that_hold_the_word() -> dict[str, bool]:
    """Say a word in a thread, note it everywhere, delete the thread, and look in each place."""
    config: Any = {"configurable": {"thread_id": "one"}, "metadata": {"user": "ann"}}
    with tempfile.TemporaryDirectory() as folder:
        backup = Path(folder) / "backup.db"
        with open_checkpointer(f"sqlite:///{folder}/chat.db") as saver:
            around, aside = MemoryCache(), MemoryCache()
            cached, passed_by = CachedSaver(saver, around), CachedSaver(saver, aside)
            _say(cached)
            cached.get_tuple(config)
            passed_by.get_tuple(config)
            with closing(sqlite3.connect(backup)) as target:
                saver.conn.backup(target)
            notes, titles = InMemoryStore(), InMemoryStore()
            notes.put(("notes", "ann"), "drink", {"text": WORD})
            ThreadDirectory(titles).create("ann", title=f"About {WORD}")
            cached.delete_thread("one")
            found = {each.place for each in find_words([WORD], where=saver)}
            holds = [
                bool(found - {"file"}),
                "file" in found,
                bool(find_words([WORD], store=notes)),
                bool(find_words([WORD], store=titles)),
                bool(find_words([WORD], cache=aside)),
                bool(find_words([WORD], cache=around)),
                bool(find_words([WORD], files=[backup])),
            ]
    return dict(zip(PLACES, holds, strict=True))


def _say(saver: Any) -> None:
    """One turn in which the word is said."""
    builder = StateGraph(MessagesState).add_node("answer", lambda state: {})
    graph = builder.add_edge(START, "answer").compile(checkpointer=saver)
    message = {"messages": [("user", f"I like {WORD}")]}
    graph.invoke(message, {"configurable": {"thread_id": "one"}})
