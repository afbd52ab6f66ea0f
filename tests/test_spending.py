"""Ten long dialogues: the routed Namu, with a budget and a cache, beside the plain one."""

import random
from contextlib import ExitStack

import pytest
from gateway_thread import served_gateway
from langgraph.cache.memory import InMemoryCache
from spending import BAR, hold, long_dialogues, sized_models

from course_lib.models import OfflineChatModel
from course_lib.models.gateway import SIZES
from course_lib.namu.routing import (
    AnswerCache,
    ClassifierRouter,
    ContextBudget,
    RouteChoice,
    RoutedChatModel,
    fail_fast_model,
    route_by_rules,
)

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def plain():
    return hold(long_dialogues(), OfflineChatModel())


def spend(router):
    answers = AnswerCache(InMemoryCache(), prompt_version="1")
    model = RoutedChatModel(models=sized_models(), budget=ContextBudget(), answers=answers)
    return hold(long_dialogues(), model, router)


def meets_the_bar(bill, plain):
    return bill.right >= plain.right and bill.total <= BAR * plain.total


@pytest.mark.parametrize("name", ["rules", "classifier"])
def test_both_routers_stay_below_the_bar_with_as_many_right_turns(plain, name):
    bill = spend(route_by_rules if name == "rules" else ClassifierRouter())
    assert meets_the_bar(bill, plain), (bill, plain)
    assert all(bill.routes[size] for size in SIZES), "every size is used"


def test_gateways_give_the_same_turns_for_the_same_tokens():
    first = long_dialogues()[:2]
    with ExitStack() as stack:
        models = {}
        for size in SIZES:
            gateway = stack.enter_context(served_gateway(size=size))
            models[size] = fail_fast_model(gateway.url, gateway.model, silence=60)
        served, local = (
            hold(first, RoutedChatModel(models=each, budget=ContextBudget()), route_by_rules)
            for each in (models, sized_models())
        )
    assert (served.right, served.total) == (local.right, local.total)


@pytest.mark.parametrize("size", ["small", "medium"])
def test_one_small_model_for_everything_misses_the_bar(plain, size):
    bill = spend(lambda text: RouteChoice(size, "always"))
    assert not meets_the_bar(bill, plain), (bill, plain)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_router_misses_the_bar(plain, seed):
    draw = random.Random(seed)
    bill = spend(lambda text: RouteChoice(draw.choice(list(SIZES)), "at random"))
    assert not meets_the_bar(bill, plain), (bill, plain)
