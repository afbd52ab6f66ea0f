"""Running what a learner wrote, `def` or `async def`, in this process and in another one."""

from __future__ import annotations

import functools
import inspect
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from course_lib.exercises.time_limit import run_coroutine
from course_lib.settings import ROOT


def as_sync(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that can be called without `await`, whichever kind it is.

    Args:
        function: a node, a router or a tool of the learner's.
    """
    if not inspect.iscoroutinefunction(function):
        return function

    @functools.wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        return run_coroutine(function(*given, **named))

    return call


def invoke(graph: Any, value: Any, config: Any = None, **options: Any) -> Any:
    """Run a graph to its end, also one with nodes that are `async def`.

    Args:
        graph: a compiled graph.
        value: its input.
        config: as `invoke` takes it.
        options: as `invoke` takes them.
    """
    if _is_asynchronous(graph):
        return run_coroutine(graph.ainvoke(value, config, **options))
    return graph.invoke(value, config, **options)


def updates(graph: Any, value: Any, config: Any = None) -> list[tuple[str, dict[str, Any]]]:
    """Run a graph and return what its nodes wrote, as pairs of node and update, in order.

    Args:
        graph: a compiled graph.
        value: its input.
        config: as `stream` takes it.
    """

    async def collected() -> list[Any]:
        return [step async for step in graph.astream(value, config, stream_mode="updates")]

    if _is_asynchronous(graph):
        steps = run_coroutine(collected())
    else:
        steps = list(graph.stream(value, config, stream_mode="updates"))
    return [
        (node, update if isinstance(update, dict) else {})
        for step in steps
        for node, update in step.items()
        if not node.startswith("__")
    ]


def _is_asynchronous(graph: Any) -> bool:
    """Whether one of a graph's nodes can only be awaited."""
    bound = [getattr(node, "bound", None) for node in graph.nodes.values()]
    return any(getattr(runnable, "func", True) is None for runnable in bound)


def yes_or_no(question: Any, yes: bool) -> Any:
    """Return a yes or a no in the form that a question asks for.

    Args:
        question: an interrupt; with a schema of a record, its booleans are the yes or no.
        yes: which of the two.
    """
    schema = getattr(question, "response_schema", None) or {}
    fields = schema.get("properties") if isinstance(schema, Mapping) else None
    if not fields:
        return yes
    known = question.value if isinstance(question.value, Mapping) else {}
    answer = {}
    for name, field in fields.items():
        if field.get("type") == "boolean":
            answer[name] = yes
        elif name in known or "default" in field:
            answer[name] = known.get(name, field.get("default"))
        elif field.get("enum"):  # two words, such as yes and no
            answer[name] = field["enum"][0 if yes else -1]
    return answer


OTHER_PROCESS = """
import pickle, sys
function, calls = pickle.load(sys.stdin.buffer)
pickle.dump([function(*given) for given in calls], sys.stdout.buffer)
"""


def shipped(function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> bytes | None:
    """Return a function, with its calls, as bytes for another process; None if that cannot be.

    Args:
        function: a learner's; it takes along what it refers to, as it is at this moment.
        calls: the arguments of each call.
    """
    import cloudpickle

    for each in (function, inspect.unwrap(function)):  # a cache around it cannot be shipped
        try:
            return cloudpickle.dumps((each, list(calls)))
        except Exception:  # noqa: BLE001 - whatever a learner's function refers to may refuse
            continue
    return None


def answers_elsewhere(cargo: bytes) -> list[Any] | None:
    """Return what the calls give in another process; None where it cannot run them.

    In that process `hash()` of a text, caches and everything random differ from this one's.

    Args:
        cargo: what `shipped` returned.
    """
    environment = {**os.environ, "PYTHONHASHSEED": "random", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS], input=cargo, capture_output=True, env=environment
    )
    return pickle.loads(done.stdout) if done.returncode == 0 else None
