"""Checks of chapter 15, Serve the model yourself. They need no vLLM."""

from __future__ import annotations

import math
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.failing_models import CountedModel, FailingModel, Pieces
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.returned_numbers import number
from course_lib.exercises.running import invoke
from course_lib.exercises.scripted_server import CASES, requests_seen
from course_lib.models import OfflineChatModel, RemoteChatModel
from course_lib.serving import free_port

CHAPTER = "15"
quiz = quiz_of(CHAPTER)
THREAD = {"configurable": {"thread_id": "ann"}}
QUERIES, HITS = "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"

REASONS = dict(
    zip(
        CASES,
        (
            "Nothing is repeated.",
            "429 may pass: the client asks again until it gets an answer or has no retries left.",
            "The first request and two retries make three. Then the client raises an error.",
            "400 says that the request is wrong. The same request would be refused again.",
            "404 says that the address or the model is unknown. Asking again changes nothing.",
            "A part of the answer has been read. The client does not begin it again.",
        ),
        strict=True,
    )
)


def _check_prediction(prediction: Any) -> None:
    compare(prediction, requests_seen(), REASONS)


def _reply(content: str | None, reason: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {"choices": [{"index": 0, "finish_reason": reason, "message": message}]}


def _check_complete(parsed: Any) -> None:
    whole = "The answer is complete: parse the content of its message."
    for content, wanted in (
        ('{"intent": "NEW_SEARCH"}', {"intent": "NEW_SEARCH"}),
        ('{"places": ["a", "b"], "price": null}', {"places": ["a", "b"], "price": None}),
        ("{}", {}),
        ("12", 12),
    ):
        try:
            got = parsed(_reply(content, "stop"))
        except ValueError as error:
            raise IncorrectAnswer(f"parsed refused {content!r} ({error}). {whole}") from error
        expect(f"parsed(...) for {content}", wanted, got, whole)
    for content, reason, look in (
        ('{"intent": "', "length", "The text ends in the middle."),
        ("12", "length", "12 may be the beginning of 120: only finish_reason tells."),
        ('{"a": 1}', "length", "finish_reason is length. More may have followed."),
        ("I found two cafes.", "stop", "This is text, and no JSON."),
        (None, "stop", "There is no content, for example because the model called a tool."),
    ):
        try:
            got = parsed(_reply(content, reason))
        except ValueError:
            continue
        except Exception as error:
            raise IncorrectAnswer(
                f"parsed raised {type(error).__name__} for {content!r}. Raise ValueError. {look}"
            ) from error
        raise IncorrectAnswer(
            f"parsed returned {got!r} for the content {content!r} with the finish_reason "
            f"{reason!r}. Raise ValueError. {look}"
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
            "a server that has run for days",
            [(90_000, 80_000)],
            [(91_000, 80_250)],
            0.25,
            "The counters count since the start. What happened in between is their difference.",
        ),
        (
            "two engines",
            [(100, 0), (300, 100)],
            [(1600, 500), (800, 400)],
            0.4,
            "There is a line for each engine. Add them up: the busier one counts for more.",
        ),
        ("nothing was asked in between", [(500, 100)], [(500, 100)], 0.0, "Nothing asked: 0.0."),
    ):
        got = number(hit_rate(_page(*before), _page(*after)), "hit_rate")
        require(math.isfinite(got), f"{shown}: hit_rate returned {got}. {look}")
        expect(f"hit_rate(before, after), {shown}", wanted, round(got, 6), look)


def _relayed(relay: Any, models: list[Pieces]) -> tuple[list[str], bool]:
    """What a person got, and whether an error came out."""
    sent: list[str] = []
    try:
        relay(models, "hello", sent.append)
    except ConnectionError:
        return sent, True
    return sent, False


def _check_relay(relay: Any) -> None:
    whole = ["b0 ", "b1 ", "b2 "]
    begun = "The person has read the beginning. A second model would begin another answer."
    for shown, models, wanted, fails, asked, look in (
        ("the first model answers", [Pieces("b"), Pieces("c")], whole, False, 0, "One answer."),
        (
            "the first model is away",
            [Pieces("a", 0), Pieces("b")],
            whole,
            False,
            1,
            "Nothing was sent yet, so the next model may answer.",
        ),
        (
            "the first model breaks off after one piece",
            [Pieces("a", 1), Pieces("b")],
            ["a0 "],
            True,
            0,
            begun,
        ),
        (
            "the second model breaks off after two pieces",
            [Pieces("a", 0), Pieces("b", 2), Pieces("c")],
            ["b0 ", "b1 "],
            True,
            0,
            begun,
        ),
        (
            "all models are away",
            [Pieces("a", 0), Pieces("b", 0)],
            [],
            True,
            1,
            "Nobody can answer. Let the error out.",
        ),
    ):
        sent, failed = _relayed(relay, models)
        expect(f"what the person got, when {shown}", wanted, sent, look)
        expect(f"whether an error came out, when {shown}", fails, failed, look)
        expect(f"how often the last model was asked, when {shown}", asked, models[-1].asked, look)


def _ask(steady_graph: Any, models: list[Any]) -> tuple[Any, list[str]]:
    graph = steady_graph(models, InMemorySaver())
    require(hasattr(graph, "invoke"), "steady_graph should return a compiled graph.")
    state = invoke(graph, {"messages": [("user", "hello")]}, THREAD)
    return graph, [message.type for message in state["messages"]]


def _check_steady(steady_graph: Any) -> None:
    nobody = RemoteChatModel(
        base_url=f"http://127.0.0.1:{free_port()}/v1",
        api_key="none",
        model="gone",
        max_retries=0,
    )
    broken, wrong = OfflineChatModel(fail_after_tokens=5), FailingModel(error=KeyError("choices"))
    first, second = CountedModel(), CountedModel()
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
        last, never = CountedModel(), CountedModel()
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
    "predict the requests",
    _check_prediction,
    hints=(
        "A retry comes after a failure that may pass: no connection, 408, 409, 429, 5xx.",
        "What was streamed has been read, so a broken stream is not repeated.",
    ),
    success_text="The server sees more requests than there are people when it is overloaded.",
    answer_kind="value",
    edition=2,
)
e2 = Exercise(
    CHAPTER,
    2,
    "is it all there",
    _check_complete,
    hints=(
        "Look at reply['choices'][0]['finish_reason'] before you look at the content.",
        "json.loads raises a ValueError for text that is not JSON, and a TypeError for None.",
    ),
    success_text="A number that was cut is still JSON, and only the finish reason tells.",
    edition=2,
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
    "find the bug: one and a half answers",
    _check_relay,
    hints=(
        "What has the person read when the second model begins?",
        "Note whether a piece was sent. In the except branch, raise if one was.",
        "After the loop, raise the last error.",
    ),
    success_text="Half an answer and an error are better than one and a half answers.",
    edition=2,
)
e5 = Exercise(
    CHAPTER,
    5,
    "somebody always answers",
    _check_steady,
    hints=(
        "A loop over models, with try around model.invoke(state['messages']).",
        "Keep the error; after the loop, raise the last one.",
        "LangChain has it ready: models[0].with_fallbacks(models[1:]). It raises the first error.",
    ),
    success_text="The thread never notices who answered, and a failure of all is still a failure.",
)
