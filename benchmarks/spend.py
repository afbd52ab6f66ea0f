"""The numbers of `run.py spend`, printed as one line of JSON. Run by that, not by hand."""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.cache.memory import InMemoryCache

from course_lib.models import OfflineChatModel
from course_lib.namu.routing import (
    AnswerCache,
    ClassifierRouter,
    ContextBudget,
    RouteChoice,
    RoutedChatModel,
    fail_fast_model,
    route_by_rules,
)
from course_lib.serving import model_gateway

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from spending import hold, long_dialogues

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

PAIRS = 20
SPEED = {"tokens_per_second": 200.0, "first_token_seconds": 0.1}
"""How fast the gateway answers when the overhead is measured."""


def bills() -> dict[str, dict[str, Any]]:
    """Hold the long dialogues with the plain Namu, and with routed ones."""
    dialogues, draw = long_dialogues(), random.Random(1)
    with ExitStack() as stack:
        models: dict[str, BaseChatModel] = {}
        for size in ("small", "medium", "large"):
            gateway = stack.enter_context(model_gateway(size))
            models[size] = fail_fast_model(gateway.api, gateway.model, silence=60)
        routers = {
            "rules": route_by_rules,
            "classifier": ClassifierRouter(),
            "always small": lambda text: RouteChoice("small", "always"),
            "at random": lambda text: RouteChoice(draw.choice(list(models)), "at random"),
        }
        found = {"plain": hold(dialogues, OfflineChatModel())}
        budget = RoutedChatModel(models=models, budget=ContextBudget())
        found["budget only"] = hold(dialogues, budget)
        for name, router in routers.items():
            answers = AnswerCache(InMemoryCache(), prompt_version="1")
            routed = RoutedChatModel(models=models, budget=ContextBudget(), answers=answers)
            found[name] = hold(dialogues, routed, router)
    return {
        name: {"right": bill.right, "turns": bill.turns, "tokens": dict(bill.tokens)}
        for name, bill in found.items()
    }


def overhead(**speed: float) -> list[float]:
    """Return how much longer a healthy request takes through the router, pair by pair."""
    with ExitStack() as stack:
        models: dict[str, BaseChatModel] = {}
        for size in ("small", "large"):
            gateway = stack.enter_context(model_gateway(size, **speed))
            models[size] = fail_fast_model(gateway.api, gateway.model, silence=60)
        answers = AnswerCache(InMemoryCache(), prompt_version="1", ttl=60)
        routed = RoutedChatModel(models=models, budget=ContextBudget(), answers=answers)
        ratios = []
        for n in range(PAIRS + 2):
            text = f"a cafe in Mapo-gu, try {n}"  # a new one each time: the cache holds none
            config = {"metadata": {"route": "small", "tenant": "the benchmark"}}
            direct = _seconds(models["small"], text, {})
            ratios.append(_seconds(routed, text, config) / direct)
    return ratios[2:]  # the first ones open connections


def _seconds(model: BaseChatModel, text: str, config: Any) -> float:
    began = time.perf_counter()
    model.invoke(text, config)
    return time.perf_counter() - began


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Return the median of ratios, and the middle half of them."""
    low, median, high = statistics.quantiles(ratios, n=4)
    return median, low, high


def main() -> None:
    """Measure everything and print it."""
    told = {
        "bills": bills(),
        "overhead": interval(overhead(**SPEED)),
        "overhead at full speed": interval(overhead()),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
