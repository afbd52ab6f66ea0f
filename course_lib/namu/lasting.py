"""Namu with conversations that are still there tomorrow: in one file of the learner's own."""

from __future__ import annotations

import atexit
import warnings
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.namu.graph import build_namu
from course_lib.persistence import open_checkpointer, open_store
from course_lib.settings import read_home

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore


def conversations_file() -> Path:
    """Return where `build_lasting_namu` keeps conversations; the file may not exist yet.

    Raises:
        SettingsError: `COURSE_HOME` names a home folder of nobody.
    """
    return read_home() / "conversations.db"


def build_lasting_namu(**options: Any) -> CompiledStateGraph:
    """Build Namu on an SQLite file of your own, which stays open until the kernel ends.

    Where that file cannot be written, a warning says so, and the conversations are kept in memory.

    Args:
        options: for `build_namu`, such as `tools`.

    Returns:
        The graph, with its checkpointer and its store.
    """
    file = conversations_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        saver, store = _opened(file)
    except Exception as error:  # noqa: BLE001  of the disk or of the database
        from langgraph.checkpoint.memory import InMemorySaver
        from langgraph.store.memory import InMemoryStore

        warnings.warn(
            f"Conversations cannot be kept in {file} ({error}). They are kept in memory and end "
            "with this kernel. Set COURSE_HOME to a folder of yours to keep them.",
            stacklevel=2,
        )
        saver, store = InMemorySaver(), InMemoryStore()
    return build_namu(checkpointer=saver, store=store, **options)


@lru_cache(maxsize=4)
def _opened(file: Path) -> tuple[BaseCheckpointSaver[Any], BaseStore]:
    """The saver and the store of a file: one pair in a process, however often it is asked for."""
    url = f"sqlite:///{file.as_posix()}"
    opened = ExitStack()
    saver = opened.enter_context(open_checkpointer(url))
    store = opened.enter_context(open_store(url))
    atexit.register(opened.close)
    return saver, store
