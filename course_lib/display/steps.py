"""A run as a table of its super-steps."""

from __future__ import annotations

import asyncio
import contextvars
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import copy
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base.batch import AsyncBatchedBaseStore

from course_lib.display.graphs import check_compiled
from course_lib.display.tables import MARK, show_table
from course_lib.display.values import as_fields, summary_line, text_of
from course_lib.persistence import as_async_saver, is_equal

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.graph.state import CompiledStateGraph

INTERRUPT = "__interrupt__"
"""The key under which LangGraph returns the questions of a run."""

MODES = ["debug", "values", "updates"]

ASYNC_ONLY = re.compile(
    r"No synchronous function|coroutine function synchronously|Synchronous implementation"
)
"""How LangChain and LangGraph say that something has an asynchronous form only."""

CALLED = frozenset({"invoke", "stream", "_run"})
"""Methods that raise `NotImplementedError` in a class that can only be awaited."""

RUNS = "..."
BEFORE = "what it wrote before"
"""Stands where a node did not run, since its result was stored or cached already."""

ANEW = "anew"
"""Stands before the parts of a second run, where the first one was of no use."""

OWN_OPTIONS = frozenset({"stream_mode", "subgraphs", "version", "output_keys", "print_mode"})
"""What `show_steps` decides itself, because it reads the stream."""


def show_steps(
    graph: CompiledStateGraph,
    value: Any,
    config: RunnableConfig | None = None,
    *,
    fields: Sequence[str] | None = None,
    **options: Any,
) -> Any:
    """Run a graph and show its super-steps: what each node read and wrote, and what changed.

    Args:
        graph: a compiled graph. Where it has a node that is asynchronous only, the whole graph
            runs asynchronously.
        value: its input, as for `invoke`.
        config: as for `invoke`.
        fields: the fields of the state to show; all when left out.
        options: more arguments of `graph.stream`, such as `context`, but for those that change
            what comes out of the stream.

    Returns:
        The state at the end, as `invoke` would.

    Raises:
        TypeError: the graph was not compiled or runs on a server, or an option changes the stream.
        Exception: whatever the run raises, after the steps before it have been shown.
    """
    check_compiled(graph, "show_steps", ("nodes", "checkpointer", "stream"))
    if own := sorted(OWN_OPTIONS & set(options)):
        raise TypeError(
            f"show_steps reads the stream itself and takes no {own[0]}. Leave it out, or call "
            "graph.stream(...) with it."
        )
    rows: list[list[str | list[str]]] = []
    running: dict[str, list[str | list[str]]] = {}  # the row of each task, by the task's id
    state: dict[str, Any] = {}
    last: Any = None
    asked: list[Any] = []  # all questions of the run, as `invoke` returns them
    try:
        for mode, part in _parts(graph, value, config, options):
            if mode == ANEW:
                rows, running, state, asked = [], {}, {}, []
            elif mode == "updates":
                asked += part.get(INTERRUPT, ())
            elif mode == "values":
                now = as_fields(part)
                changed = {
                    k: v for k, v in now.items() if k not in state or not is_equal(v, state[k])
                }
                if not rows:
                    rows.append(["", "input", [], _pairs(now, fields)])
                else:
                    marked = [line + MARK for line in _pairs(changed, fields)]
                    rows.append(["", "= state", [], marked or ["unchanged"]])
                state, last = now, part
            elif part["type"] == "task":
                read = _pairs(part["payload"]["input"], fields)
                rows.append([str(part["step"]), part["payload"]["name"], read, RUNS])
                running[part["payload"]["id"]] = rows[-1]
            elif part["type"] == "task_result":
                running[part["payload"]["id"]][3] = _written(part["payload"], fields)
        for row in running.values():  # of a node whose result was stored before, or cached
            row[3] = BEFORE if row[3] == RUNS else row[3]
    finally:
        show_table(rows, ["step", "ran", "read", "wrote"])
    if not asked:
        return last
    return {**(last if isinstance(last, dict) else {}), INTERRUPT: asked}


def _parts(
    graph: CompiledStateGraph, value: Any, config: RunnableConfig | None, options: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """The parts of the stream, of an asynchronous run where something in the graph needs one."""
    if not _is_asynchronous(graph):
        finished = False
        try:
            for mode, part in graph.stream(value, config, stream_mode=MODES, **options):
                finished = finished or (mode == "debug" and _is_result(part))
                yield mode, part
            return
        except (NotImplementedError, TypeError) as error:
            # What a middleware or a wrapped runnable needs shows only when it is called.
            if finished or not _needs_to_be_awaited(error):
                raise
        yield ANEW, None
        if graph.checkpointer:
            value = None  # the input is stored: continue, or it would be there twice
    collected: list[tuple[str, Any]] = []

    begun: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def collect() -> None:
        task = asyncio.current_task()
        assert task is not None
        begun.append((asyncio.get_running_loop(), task))
        moved = await _on_this_loop(graph, config)
        async for part in moved.astream(value, config, stream_mode=MODES, **options):
            collected.append(part)

    # A notebook's own event loop is running while a cell runs, so this one needs a thread.
    error: BaseException | None
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(contextvars.copy_context().run, asyncio.run, collect())
        try:
            error = job.exception()
        except KeyboardInterrupt as stopped:  # else the cell would wait for the end of the run
            error = stopped
            for loop, task in begun:
                with suppress(RuntimeError):  # it has ended meanwhile
                    loop.call_soon_threadsafe(task.cancel)
    yield from collected
    if isinstance(error, RuntimeError) and "attached to a different loop" in str(error):
        raise RuntimeError(
            "A node uses something that belongs to the notebook's event loop, and show_steps runs "
            "the graph on a loop of its own. Make it inside the node, take the store from "
            "runtime.store, or call await graph.ainvoke(...) instead."
        ) from error
    if error is not None:
        raise error


def _needs_to_be_awaited(error: Exception) -> bool:
    """Whether an error says that something has an asynchronous form only.

    A node of a learner's may raise the same class, and must not be run a second time for that.
    """
    if ASYNC_ONLY.search(str(error)):
        return True
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    is_bare = isinstance(error, NotImplementedError) and not str(error)
    return is_bare and bool(frames) and frames[-1].f_code.co_name in CALLED


def _is_result(part: Mapping[str, Any]) -> bool:
    return part["type"] == "task_result" and not part["payload"].get("error")


async def _on_this_loop(
    graph: CompiledStateGraph, config: RunnableConfig | None
) -> CompiledStateGraph:
    """The graph with a saver and a store that can be awaited here.

    A synchronous saver needs an adapter. An asynchronous one that the notebook's loop has used
    holds a lock of that loop; a copy with a lock of its own writes to the same database. So does
    a copy of an asynchronous store, which has a queue and a task of its loop besides.
    """
    update: dict[str, Any] = {}
    if isinstance(getattr(graph, "store", None), AsyncBatchedBaseStore):
        update["store"] = _store_on_this_loop(graph.store)
    saver = graph.checkpointer
    if isinstance(saver, BaseCheckpointSaver):
        if isinstance(getattr(saver, "lock", None), asyncio.Lock):
            saver = copy(saver)
            saver.lock, saver.loop = asyncio.Lock(), asyncio.get_running_loop()
        else:
            thread = {**(graph.config or {}), **(config or {})}.get("configurable") or {}
            saver = await as_async_saver(saver, str(thread.get("thread_id", "")))
        update["checkpointer"] = saver
    return graph.copy(update) if update else graph


def _store_on_this_loop(store: AsyncBatchedBaseStore) -> AsyncBatchedBaseStore:
    """A copy of an asynchronous store; its task is made when it is used."""
    moved: Any = copy(store)
    moved._loop, moved._aqueue, moved._task = asyncio.get_running_loop(), asyncio.Queue(), None
    if hasattr(moved, "_ttl_sweeper_task"):  # belongs to the store; a copy that goes would end it
        moved._ttl_sweeper_task = None
    if isinstance(getattr(moved, "lock", None), asyncio.Lock):
        moved.lock, moved.loop = asyncio.Lock(), asyncio.get_running_loop()
    return moved


def _is_asynchronous(graph: CompiledStateGraph) -> bool:
    """Whether something in the graph, or in a graph inside it, has an asynchronous form only."""
    if getattr(graph.checkpointer, "loop", None) is not None:  # an asynchronous saver's
        return True
    if isinstance(getattr(graph, "store", None), AsyncBatchedBaseStore):
        return True
    branches = getattr(getattr(graph, "builder", None), "branches", {}).values()
    paths = [branch.path for each in branches for branch in each.values()]
    parts = [getattr(node, "bound", None) for node in graph.nodes.values()]
    return any(map(_needs_a_loop, [*parts, *paths]))


def _needs_a_loop(part: Any) -> bool:
    """Whether a node, a part of one, a route, or a tool has an asynchronous form only."""
    if isinstance(getattr(part, "nodes", None), Mapping):
        return _is_asynchronous(part)
    form = getattr(part, "afunc", None) or getattr(part, "coroutine", None)
    if form is not None and getattr(part, "func", None) is None:
        return True
    inside = [*getattr(part, "steps", []), *getattr(part, "tools_by_name", {}).values()]
    inside += [part.bound] if getattr(part, "bound", None) is not None else []
    return any(map(_needs_a_loop, inside))


def _pairs(value: Any, fields: Sequence[str] | None) -> list[str]:
    return [
        f"{name}={summary_line(inner)}"
        for name, inner in as_fields(value).items()
        if fields is None or name in fields
    ]


def _written(payload: Mapping[str, Any], fields: Sequence[str] | None) -> list[str]:
    """What a task wrote, or how it failed."""
    if payload.get("error"):
        return [f"raised {text_of(payload['error'])}"]
    return _pairs(payload["result"] or {}, fields) or ["nothing"]
