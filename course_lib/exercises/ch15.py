"""Checks of chapter 15, Serve the model yourself. They need no server."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langgraph.checkpoint.memory import InMemorySaver

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.running import invoke
from course_lib.models import OfflineChatModel, RemoteChatModel
from course_lib.serving import free_port

CHAPTER = "15"
THREAD = {"configurable": {"thread_id": "ann"}}
QUERIES, HITS = "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"


def _number(got: Any, name: str) -> float:
    """What a function returned, as a number; `IncorrectAnswer` where it is none."""
    require(got is not None, f"{name} returned None. Is there a `return`?")
    require(
        isinstance(got, Real) and not isinstance(got, bool),
        f"{name} returned {got!r}. Return a number.",
    )
    return got


def _check_kv(kv_bytes_per_token: Any) -> None:
    look = "A token leaves a key and a value, in each layer, for each key-value head."
    for name, shape, wanted in (
        ("namu-tiny in float32: in 1 GiB vLLM finds room for 349,440", (4, 3, 32, 4), 3072),
        ("Llama 3.1 8B in bfloat16", (32, 8, 128, 2), 131_072),
        ("the same with a cache in FP8", (32, 8, 128, 1), 65_536),
        ("Qwen2.5 7B in bfloat16", (28, 4, 128, 2), 57_344),
    ):
        got = _number(kv_bytes_per_token(*shape), "kv_bytes_per_token")
        expect(f"kv_bytes_per_token{shape}, {name}", wanted, got, look)


def _check_conversations(conversations: Any) -> None:
    look = "nine tenths of the memory, less the weights; each conversation takes tokens x bytes."
    for name, given, wanted in (
        ("Llama 3.1 8B in bfloat16 on 80 GB, 4,096 tokens", (80e9, 16.06e9, 131_072, 4096), 104),
        ("the same on 24 GB", (24e9, 16.06e9, 131_072, 4096), 10),
        ("the same with 8,192 tokens each", (24e9, 16.06e9, 131_072, 8192), 5),
        ("the same on 48 GB: 50 and a half", (48e9, 16.06e9, 131_072, 4096), 50),
        ("room for exactly one", (20e9, 10e9, 2e6, 4000), 1),
        ("weights a little larger than the space", (17e9, 16.06e9, 131_072, 4096), 0),
        ("Llama 3.3 70B in bfloat16 on 80 GB: it does not fit", (80e9, 141.2e9, 327_680, 4096), 0),
    ):
        got = _number(conversations(*given), "conversations")
        expect(f"conversations(...), {name}", wanted, got, look)
        require(
            isinstance(got, Integral), f"{got!r} conversations? Half of one is none: return an int."
        )


def _page(*engines: tuple[int, int]) -> str:
    """A metrics page as vLLM writes it, cut down to what the exercise is about."""
    lines = []
    for name, at in ((QUERIES, 0), (HITS, 1)):
        lines += [f"# HELP {name} Prefix cache, in tokens.", f"# TYPE {name} counter"]
        lines += [
            f'{name}{{engine="{n}",model_name="namu-tiny"}} {numbers[at]:.1f}'
            for n, numbers in enumerate(engines)
        ]
    return "\n".join([*lines, ""])


def _check_hit_rate(hit_rate: Any) -> None:
    for shown, before, after, wanted, look in (
        (
            "a fresh server, 1,000 tokens asked, 640 hit",
            [(0, 0)],
            [(1000, 640)],
            0.64,
            "hits / queries",
        ),
        (
            *("a server that has run for days", [(90_000, 80_000)], [(91_000, 80_250)], 0.25),
            "The counters count since the start. What happened in between is their difference.",
        ),
        (
            *("two engines", [(100, 0), (300, 100)], [(1600, 500), (800, 400)], 0.4),
            "There is a line for each engine. Add them up: the busier one counts for more.",
        ),
        ("nothing was asked in between", [(500, 100)], [(500, 100)], 0.0, "Nothing asked: 0.0."),
    ):
        got = _number(hit_rate(_page(*before), _page(*after)), "hit_rate")
        require(math.isfinite(got), f"{shown}: hit_rate returned {got}. {look}")
        expect(f"hit_rate(before, after), {shown}", wanted, round(got, 6), look)


LOADS = [
    *((32, 2600, 1.4), (1, 300, 0.02), (16, 2000, 0.2)),
    *((24, 1700, 0.3), (4, 900, 0.05), (8, 1100, 0.9)),
]
"""Not in order, with a slow one between fast ones, and a good one that is not the highest."""


def _check_servers(servers_needed: Any) -> None:
    best = (
        "Of the loads that keep the limit the best is 2,000 tokens/s, of which 60 % are planned "
        "with: 1,200. 6,000 need five of them, and one to spare."
    )
    for shown, need, limit, wanted, look in (
        ("first token within 0.5 s", 6000, 0.5, 6, best),
        ("a limit that one load just keeps", 6000, 0.2, 6, f"0.2 s keep a limit of 0.2 s. {best}"),
        (
            *("nobody minds waiting 2 s", 6000, 2.0, 5),
            "Now 32 at once are allowed: 2,600, of which 1,560 are planned with.",
        ),
        ("one server would do", 100, 0.5, 2, "One carries it, and one is to spare: N+1."),
        ("a little more than five carry", 6001, 0.5, 7, "Part of a server is a server: round up."),
    ):
        got = _number(servers_needed(LOADS, need, limit), "servers_needed")
        expect(f"servers_needed(LOADS, {need}, {limit}), {shown}", wanted, got, look)
    try:
        got = servers_needed(LOADS, 100, 0.001)
    except ValueError:
        return
    raise IncorrectAnswer(
        f"No load keeps a limit of 0.001 s, and servers_needed returned {got!r}. More servers do "
        "not make one faster: raise a ValueError."
    )


class _Counted(OfflineChatModel):
    """The offline model, counting how often it was asked."""

    asked: int = 0

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Any:
        self.asked += 1
        yield from super()._stream(messages, stop, **kwargs)

    async def _astream(self, *given: Any, **options: Any) -> Any:
        self.asked += 1
        async for chunk in super()._astream(*given, **options):
            yield chunk


class _Failing(OfflineChatModel):
    """The offline model, failing with an error of any type."""

    error: Any = None

    def _stream(self, *given: Any, **options: Any) -> Any:
        raise self.error
        yield  # what makes a generator of it

    async def _astream(self, *given: Any, **options: Any) -> Any:
        raise self.error
        yield


def _ask(steady_graph: Any, models: list[Any]) -> tuple[Any, list[str]]:
    graph = steady_graph(models, InMemorySaver())
    require(hasattr(graph, "invoke"), "steady_graph should return a compiled graph.")
    state = invoke(graph, {"messages": [("user", "hello")]}, THREAD)
    return graph, [message.type for message in state["messages"]]


def _check_steady(steady_graph: Any) -> None:
    nobody = RemoteChatModel(
        base_url=f"http://127.0.0.1:{free_port()}/v1",
        **{"api_key": "none", "model": "gone", "max_retries": 0},
    )
    broken, wrong = OfflineChatModel(fail_after_tokens=5), _Failing(error=KeyError("choices"))
    first, second = _Counted(), _Counted()
    _, said = _ask(steady_graph, [first, second])
    expect("the messages, when the first model answers", ["human", "ai"], said, "One answer.")
    expect("how often the second was asked then", 0, second.asked, "Only when the first fails.")
    for shown, failing in (
        ("nobody answers at the first model's address", [nobody]),
        ("the first breaks off after 5 tokens", [broken]),
        ("the first raises a KeyError", [wrong]),
        ("the first two fail, each in its way", [nobody, broken]),
        ("the first three fail, each in its way", [broken, wrong, nobody]),
    ):
        last, never = _Counted(), _Counted()
        try:
            graph, said = _ask(steady_graph, [*failing, last, never])
        except Exception as error:
            raise IncorrectAnswer(
                f"When {shown}, the graph stopped with {type(error).__name__}: {error} The next "
                "model should answer, whatever the one before it raised."
            ) from error
        expect(f"the messages, when {shown}", ["human", "ai"], said, "The next one answers.")
        whole = OfflineChatModel().invoke("hello").text
        got = graph.get_state(THREAD).values["messages"][-1].text
        expect(f"the answer, when {shown}", whole, got, "The next model's answer, whole.")
        asked = (last.asked, never.asked)
        expect(f"how often the next two were asked, when {shown}", (1, 0), asked, "One answers.")
    graph = steady_graph([nobody, wrong], InMemorySaver())
    try:
        state = invoke(graph, {"messages": [("user", "hello")]}, THREAD)
    except Exception:  # noqa: BLE001 - whichever error it is, the caller knows
        left = graph.get_state(THREAD)
        require(bool(left.next), "The failed step should still be next, so that one can go on.")
        return
    raise IncorrectAnswer(
        f"Both models are gone, and the graph answered {state['messages'][-1].text!r}. When nobody "
        "can answer, let an error out: the caller must know, and invoke(None) can go on."
    )


e1 = Exercise(
    CHAPTER,
    1,
    "what a token costs",
    _check_kv,
    hints=(
        "Multiply: two vectors, layers, key-value heads, width of a head, bytes of a number.",
        "Query heads do not count: their vectors are used once and not kept.",
    ),
    success_text="vLLM comes to the same number when it divides the cache into blocks.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "who fits in",
    _check_conversations,
    hints=(
        "room = 0.9 * memory - weights; what does one conversation take of it?",
        "// rounds down and leaves a float: int(...). max(0, ...) for a model that does not fit.",
    ),
    success_text="That is how many conversations your GPU answers at the same moment.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "what the cache saved",
    _check_hit_rate,
    hints=(
        "text_string_to_metric_families(page) yields families, and each has .samples with .name "
        "and .value.",
        f"Add up the samples named {QUERIES} and {HITS}, in both pages, and subtract.",
    ),
    success_text="Counters only rise; what you want to know is always a difference.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "from a load test to an order",
    _check_servers,
    hints=(
        "First leave out the loads whose first token comes too late, then take the best of the "
        "rest.",
        "math.ceil(need / (0.6 * best)) + 1",
        "max() of nothing raises a ValueError by itself.",
    ),
    success_text="A measured number, a limit that people feel, headroom, and one to spare.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "somebody always answers",
    _check_steady,
    hints=(
        "A loop over models, with try around model.invoke(state['messages']).",
        "Keep the error; behind the loop, raise the last one.",
        "LangChain has it ready: models[0].with_fallbacks(models[1:]). It raises the first error.",
    ),
    success_text="The thread never notices who answered, and a failure of all is still a failure.",
)
