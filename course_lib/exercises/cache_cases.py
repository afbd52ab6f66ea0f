"""Which requests the answer cache of chapter 17 answers, found by sending them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.cache.memory import InMemoryCache

from course_lib.models import OfflineChatModel
from course_lib.namu.routing import AnswerCache, CallLimit, RoutedChatModel

Send = Callable[..., bool]

ASKED: tuple[BaseMessage, ...] = (HumanMessage("hello", id="first"),)


def _sender() -> Send:
    """Return a function that sends a request, and says whether the cache answered it."""
    cache, models = InMemoryCache(), {name: OfflineChatModel() for name in ("small", "large")}
    limit = CallLimit(concurrent=1)

    def send(
        messages: Sequence[BaseMessage] = ASKED,
        *,
        tenant: str | None = "school",
        route: str = "small",
        version: str = "1",
        busy: bool = False,
    ) -> bool:
        answers = AnswerCache(cache, prompt_version=version)
        model = RoutedChatModel(models=models, answers=answers, limits={"small": limit})
        with limit.call("small") if busy else nullcontext():
            metadata = {"tenant": tenant, "route": route}
            answer = model.invoke(list(messages), {"metadata": metadata})
        return bool(answer.response_metadata.get("cached"))

    return send


def _twice(**second: object) -> Callable[[Send], bool]:
    """Return a case: one request, and then one that differs from it in something."""

    def run(send: Send) -> bool:
        send()
        return send(**second)

    return run


def _without_tenant(send: Send) -> bool:
    send(tenant=None)
    return send(tenant=None)


def _after_busy(route: str) -> Callable[[Send], bool]:
    def run(send: Send) -> bool:
        send(busy=True)
        return send(route=route)

    return run


EARLIER = (HumanMessage("a cafe in Mapo-gu"), AIMessage("Here are three."), *ASKED)

CASES: dict[str, tuple[Callable[[Send], bool], str]] = {
    "the same request": (
        _twice(),
        "Tenant, model, prompt version and messages are the same.",
    ),
    "another tenant": (_twice(tenant="library"), "No answer of one tenant goes to another."),
    "no tenant, both times": (_without_tenant, "Without a tenant nothing is kept."),
    "another message id": (
        _twice(messages=(HumanMessage("hello", id="second"),)),
        "A model does not read ids, so they are not part of the key.",
    ),
    "a longer history": (
        _twice(messages=EARLIER),
        "The model reads all messages, so all of them are part of the key.",
    ),
    "another prompt version": (
        _twice(version="2"),
        "An answer to an older prompt is an answer to another question.",
    ),
    "small was busy, then small": (
        _after_busy("small"),
        "The large model answered, so the answer is kept as one of the large model.",
    ),
    "small was busy, then large": (
        _after_busy("large"),
        "The large model answered, so the answer is kept as one of the large model.",
    ),
}
"""What differs in the second request, how it is sent, and why the cache does what it does."""


def from_cache() -> dict[str, bool]:
    """Send the requests of every case to a cache of its own.

    Returns:
        For each case whether the cache answered the second request.
    """
    return {case: run(_sender()) for case, (run, _) in CASES.items()}
