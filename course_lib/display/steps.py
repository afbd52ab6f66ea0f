"""A run as a table of its super-steps."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from course_lib.display.graphs import check_compiled
from course_lib.display.tables import MARK, show_table
from course_lib.display.values import SHORT, as_fields, one_line, shorten
from course_lib.persistence import is_equal

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.graph.state import CompiledStateGraph

MODES = ["debug", "values"]


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
        options: more arguments of `graph.stream`, such as `context`.

    Returns:
        The state at the end, as `invoke` would.

    Raises:
        TypeError: the graph was not compiled.
        Exception: whatever the run raises, after the steps before it have been shown.
    """
    check_compiled(graph, "show_steps")
    rows: list[list[str | list[str]]] = []
    running: dict[str, list[str | list[str]]] = {}  # the row of each task, by the task's id
    state: dict[str, Any] = {}
    last: Any = None
    try:
        for mode, part in _parts(graph, value, config, options):
            if mode == "values":
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
                rows.append([str(part["step"]), part["payload"]["name"], read, "..."])
                running[part["payload"]["id"]] = rows[-1]
            elif part["type"] == "task_result":
                running[part["payload"]["id"]][3] = _written(part["payload"], fields)
    finally:
        show_table(rows, ["step", "ran", "read", "wrote"])
    return last


def _parts(
    graph: CompiledStateGraph, value: Any, config: RunnableConfig | None, options: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """The parts of the stream, of an asynchronous run where a node needs one."""
    if not _is_asynchronous(graph):
        yield from graph.stream(value, config, stream_mode=MODES, **options)
        return
    collected: list[tuple[str, Any]] = []

    async def collect() -> None:
        async for part in graph.astream(value, config, stream_mode=MODES, **options):
            collected.append(part)

    # A notebook's own event loop is running while a cell runs, so this one needs a thread.
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(contextvars.copy_context().run, asyncio.run, collect())
        error = job.exception()
    yield from collected
    if error is not None:
        raise error


def _is_asynchronous(graph: CompiledStateGraph) -> bool:
    """Whether something in the graph, or in a graph inside it, has an asynchronous form only."""
    if getattr(graph.checkpointer, "loop", None) is not None:  # an asynchronous saver's
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
    return any(map(_needs_a_loop, inside))


def _pairs(value: Any, fields: Sequence[str] | None) -> list[str]:
    return [
        f"{name}={shorten(one_line(inner), SHORT)}"
        for name, inner in as_fields(value).items()
        if fields is None or name in fields
    ]


def _written(payload: Mapping[str, Any], fields: Sequence[str] | None) -> list[str]:
    """What a task wrote, or how it failed."""
    if payload.get("error"):
        return [f"raised {payload['error']}"]
    return _pairs(payload["result"] or {}, fields) or ["nothing"]
