"""Displays of what fights being shown, and steps of what runs on an event loop only."""

import asyncio
import operator
import os
import signal
import threading
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from types import SimpleNamespace
from typing import Annotated, TypedDict
from unittest.mock import MagicMock

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import wrap_model_call
from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy, Command, interrupt

from course_lib.display import (
    format_json,
    show_messages,
    show_state,
    show_steps,
    show_table,
    state_changes,
    summary_line,
)
from course_lib.display.short_errors import shorten_errors
from course_lib.models import OfflineChatModel
from course_lib.persistence import open_async_checkpointer, open_checkpointer


class _OddMeta(type):
    @property
    def __name__(cls):
        raise RuntimeError("no name")


class _OddClassName(metaclass=_OddMeta):
    def __repr__(self):
        raise RuntimeError("no repr")


class _OddClass:
    @property
    def __class__(self):
        raise RuntimeError("no class")


class _OddFloat(float):
    def _raise(self, *_):
        raise RuntimeError("no number")

    __float__ = __repr__ = __str__ = __bool__ = __pos__ = _raise


class _OddText(str):
    __slots__ = ()

    @property
    def __class__(self):
        raise RuntimeError("no class")

    def __len__(self):
        raise RuntimeError("no length")


class _Leaves:
    def __repr__(self):
        raise SystemExit(3)


class _Endless(Mapping):
    def __getitem__(self, key):
        return key

    def __len__(self):
        return 10**9

    def __iter__(self):
        number = 0
        while True:
            yield number
            number += 1


HOSTILE = {
    "metaclass": _OddClassName(),
    "class": _OddClass(),
    "number": _OddFloat(1.5),
    "infinite number": _OddFloat("inf"),
    "text": _OddText("abc"),
    "leaves": _Leaves(),
    "endless": _Endless(),
    "a million keys": dict.fromkeys(range(1_000_000), 1),
    "a text of millions": "x" * 3_000_000,
    "a key of millions": {"x" * 3_000_000: 1, "x" * 3_000_001: 2},
}


def printed(show, *values, **options):
    out = StringIO()
    with redirect_stdout(out):
        show(*values, **options)
    return out.getvalue()


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_fights_being_shown_is_shown_in_short(name):
    value = HOSTILE[name]
    shown = [
        summary_line(value),
        format_json(value),
        printed(show_table, [[value, [value]]], ["a", "b"]),
        printed(show_state, {"field": value}, before={"field": 1}),
        printed(show_state, value),
        printed(show_messages, [value, {"role": "user", "content": value}]),
    ]
    assert all(0 < len(text) < 300_000 for text in shown)


def test_keys_that_look_alike_are_told_apart():
    value = {1: "number", "1": "text", "1 (str)": "sly", None: "none", "None": "word"}
    assert format_json(value).count("\n") == 6
    for word in ("number", "text", "sly", "none", "word"):
        assert word in format_json(value) and word in printed(show_state, value)


def test_of_a_long_text_each_display_tells_the_length():
    long = "y" * 12_345
    for shown in (
        summary_line(long),
        printed(show_state, {"field": long}),
        printed(show_messages, [{"role": "user", "content": long}]),
        printed(show_table, [[long]], ["a"]),
    ):
        assert "12,345 characters" in shown
    assert len(summary_line(long)) == 72
    assert "more than 20,000 characters" in summary_line([long, long])
    assert "characters" not in summary_line("y" * 500)
    assert "2,980,000 more characters" in format_json("x" * 3_000_000)


def test_mocks_and_sets_of_a_million_are_told_in_short_and_alike():
    assert summary_line(MagicMock()) == summary_line(MagicMock()) == "<MagicMock>"
    (change,) = state_changes({"a": set(range(1_000_000))}, {"a": set(range(999_000))})
    assert "1,000,000 -> 999,000 items" in str(change)


def test_what_a_terminal_takes_for_an_order_is_written_out():
    shown = printed(show_table, [["red\x1b[31m\0 one\ntwo\r\tthree", 1]], ["a", "b"])
    assert "\x1b" not in shown and "\0" not in shown
    assert r"red\x1b[31m\x00 one two three | 1" in shown


def test_many_long_texts_and_one_long_cell_flood_nothing():
    assert len(format_json(["x" * 30_000] * 200)) < 201_000
    assert len(format_json([["x" * 30_000] * 20] * 20)) < 201_000
    rows = [["a" * 2_000, 1], *([["b", 2]] * 900)]
    assert len(printed(show_table, rows, ["a", "b"])) < 300_000


def test_an_error_that_cannot_be_written_is_named_in_the_short_form():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    told = []
    named = SimpleNamespace(format_code_name=lambda name: ("Cell", "In[1]"))
    shell = SimpleNamespace(
        kernel=None, compile=named, _showtraceback=lambda kind, error, lines: told.extend(lines)
    )
    assert shorten_errors(shell)
    with redirect_stdout(StringIO()):
        try:
            raise Mute
        except Mute as error:
            shell._showtraceback(Mute, error, ["long"])
    assert told[-1] == "Mute: <Mute, which cannot be shown: RuntimeError>"


# ---------------------------------------------------------------- steps


class Numbers(TypedDict):
    n: Annotated[list, operator.add]


async def later(state):
    await asyncio.sleep(0.001)
    return {"n": [1]}


def now(state):
    return {"n": [2]}


class Awaited(Runnable):
    """A runnable with an asynchronous form only; `invoke` is there because it must be."""

    async def ainvoke(self, value, config=None, **options):
        return {"n": [1]}

    def invoke(self, value, config=None, **options):
        raise NotImplementedError


def graph_of(*nodes, saver=None, at_once=False):
    builder = StateGraph(Numbers)
    before = START
    for number, node in enumerate(nodes):
        name = f"node{number}"
        builder.add_node(name, node)
        builder.add_edge(START if at_once else before, name)
        before = name
    return builder.compile(checkpointer=saver)


def config(thread="t"):
    return {"configurable": {"thread_id": thread}}


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
@pytest.mark.parametrize("node", [later, Awaited()])
def test_an_asynchronous_node_on_a_saver_that_cannot_be_awaited(kind, node, tmp_path, server):
    url = {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path / 'a.db'}", "postgres": server.url}
    thread = config(f"{kind} {type(node).__name__}")
    with open_checkpointer(url[kind]) as saver:
        graph = graph_of(node, now, saver=saver)
        for number in (1, 2):
            shown = printed(show_steps, graph, {"n": [0]}, thread)
            assert shown.count("node0") == 1
            assert graph.get_state(thread).values == {"n": [0, 1, 2] * number}
        saver.delete_thread(thread["configurable"]["thread_id"])


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_an_asynchronous_saver_that_the_notebook_has_used(kind, tmp_path, server):
    url = server.url if kind == "postgres" else f"sqlite:///{tmp_path / 'a.db'}"
    async with open_async_checkpointer(url) as saver:
        graph = graph_of(later, later, later, saver=saver, at_once=True)
        for _ in range(2):  # at once, so that they wait for the saver's lock
            await asyncio.gather(*(graph.ainvoke({"n": [0]}, config(f"used{n}")) for n in range(5)))
            printed(show_steps, graph, {"n": [0]}, config("used"))
        assert (await graph.aget_state(config("used"))).values == {"n": [0, 1, 1, 1] * 2}
        for thread in ["used", *(f"used{n}" for n in range(5))]:
            await saver.adelete_thread(thread)


WRAPPED = [
    RunnableLambda(later).with_retry(),
    RunnableLambda(later).with_fallbacks([RunnableLambda(later)]),
    RunnableLambda(later).bind(),
    RunnableLambda(later) | RunnableLambda(lambda state: state),
    Awaited(),
]


@pytest.mark.parametrize("node", WRAPPED)
@pytest.mark.parametrize("saver", [None, "memory"])
def test_an_asynchronous_part_inside_of_something_is_awaited(node, saver):
    graph = graph_of(node, saver=saver and InMemorySaver())
    shown = printed(show_steps, graph, {"n": [0]}, config())
    assert shown.count("node0") == 1 and "n=[0, 1] *" in shown


@pytest.mark.parametrize("saver", [None, "memory"])
def test_an_agent_whose_only_asynchronous_part_is_a_middleware(saver):
    @wrap_model_call
    async def mine(request, handler):
        return await handler(request)

    agent = create_agent(
        OfflineChatModel(), [], middleware=[mine], checkpointer=saver and InMemorySaver()
    )
    shown = printed(show_steps, agent, {"messages": [("user", "hi")]}, config())
    assert shown.count("model") == 1 and "1 message, last human: hi" in shown
    assert "2 messages, last ai" in shown


@pytest.mark.parametrize(
    "error",
    [
        NotImplementedError("write your code here"),
        NotImplementedError(),
        TypeError("expected an async generator"),
    ],
)
@pytest.mark.parametrize("saver", [None, "memory"])
def test_a_node_that_is_not_written_yet_is_not_run_twice(error, saver):
    ran = []

    def mine(state):
        ran.append(1)
        raise error

    with pytest.raises(type(error)):
        printed(show_steps, graph_of(mine, saver=saver and InMemorySaver()), {"n": [0]}, config())
    assert ran == [1]


def test_all_questions_are_returned_as_invoke_returns_them():
    def ask(state):
        return {"n": [interrupt("sure?")]}

    graph = graph_of(ask, ask, ask, saver=InMemorySaver(), at_once=True)
    asked = show_steps(graph, {"n": [0]}, config())["__interrupt__"]
    assert len(asked) == len(graph.invoke({"n": [0]}, config("other"))["__interrupt__"]) == 3
    left = show_steps(graph, Command(resume={asked[0].id: 1}), config())
    assert len(left["__interrupt__"]) == 2
    assert "__interrupt__" not in show_steps(
        graph, Command(resume={each.id: 2 for each in asked[1:]}), config()
    )


def test_what_was_stored_or_cached_before_is_no_node_that_still_runs():
    builder = StateGraph(Numbers)
    builder.add_node("cached", now, cache_policy=CachePolicy())
    builder.add_edge(START, "cached")
    graph = builder.compile(cache=InMemoryCache())
    printed(show_steps, graph, {"n": [0]})
    shown = printed(show_steps, graph, {"n": [0]})
    assert "..." not in shown and "what it wrote before" in shown


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signal to a thread.")
def test_an_asynchronous_run_can_be_stopped_and_shows_what_it_did():
    async def endless(state):
        main = threading.main_thread().ident  # as Jupyter's button does
        threading.Timer(0.2, signal.pthread_kill, [main, signal.SIGINT]).start()
        await asyncio.sleep(20)

    out = StringIO()
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # several at once ignore it
    try:
        with redirect_stdout(out), pytest.raises(KeyboardInterrupt):
            show_steps(graph_of(later, endless), {"n": [0]})
    finally:
        signal.signal(signal.SIGINT, ignored)
    assert "n=[0, 1] *" in out.getvalue()


def test_nothing_is_run_twice_where_a_later_node_fails_for_a_reason_of_its_own():
    ran = []

    def first(state):
        ran.append("first")
        return {"n": [1]}

    def second(state):
        raise NotImplementedError("the second is not written yet")

    with pytest.raises(NotImplementedError, match="not written yet"):
        printed(show_steps, graph_of(first, second), {"n": [0]})
    assert ran == ["first"]


def test_an_error_that_cannot_be_written_is_shown_by_its_class():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    def node(state):
        raise Mute

    out = StringIO()
    with redirect_stdout(out), pytest.raises(Mute):
        show_steps(graph_of(now, node), {"n": [0]})
    assert "raised <Mute, which cannot be shown: RuntimeError>" in out.getvalue()


@pytest.mark.parametrize(
    "option", [{"stream_mode": "updates"}, {"subgraphs": True}, {"version": "v2"}]
)
def test_an_option_that_changes_the_stream_is_refused_under_its_name(option):
    with pytest.raises(TypeError, match=next(iter(option))):
        show_steps(graph_of(now), {"n": [0]}, **option)
