"""An answer is given again to the same request of the same tenant, and to no other."""

import asyncio
import time
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.cache.sqlite import SqliteCache

from course_lib.models import OfflineChatModel
from course_lib.namu import search_places
from course_lib.namu.routing import AnswerCache, RoutedChatModel

NUMBERS = count()


class Numbered(OfflineChatModel):
    """Says a new number in each answer, and counts its answers."""

    def _answer(self, messages, *given):
        answer = super()._answer(messages, *given)
        return answer.model_copy(update={"content": f"answer {next(NUMBERS)}"})


def model(cache, *, version="1", ttl=None, size="small"):
    answers = AnswerCache(cache, prompt_version=version, ttl=ttl)
    return RoutedChatModel(models={size: Numbered()}, answers=answers)


def of(tenant, **more):
    return {"metadata": {"tenant": tenant, **more} if tenant is not None else more}


@pytest.mark.parametrize("is_async", [False, True])
def test_the_same_request_is_answered_once(is_async):
    one = model(InMemoryCache())

    def ask(text):
        if is_async:
            return asyncio.run(one.ainvoke(text, of("a")))
        return one.invoke(text, of("a"))

    first, again, other = ask("hello"), ask("hello"), ask("hello again")
    assert first.text == again.text != other.text
    assert first.usage_metadata and not again.usage_metadata, "a kept answer costs nothing"
    assert again.response_metadata["cached"] and "cached" not in first.response_metadata
    assert (one.answers.hits, one.answers.misses) == (1, 2)


def test_everything_that_changes_the_answer_is_in_the_key():
    shared = InMemoryCache()
    said = {model(shared).invoke("hello", of("a")).text}
    bound = model(shared).bind_tools([search_places], tool_choice="none")
    for asked in (
        lambda: model(shared).invoke("hello", of("b")),
        lambda: model(shared, version="2").invoke("hello", of("a")),
        lambda: model(shared, size="large").invoke("hello", of("a")),
        lambda: model(shared).invoke("hello.", of("a")),
        lambda: model(shared).invoke("hello", of("a"), stop=["x"]),
        lambda: bound.invoke("hello", of("a")),
        lambda: model(shared).invoke([SystemMessage("be brief"), HumanMessage("hello")], of("a")),
    ):
        text = asked().text
        assert text not in said
        said.add(text)
    assert model(shared).invoke("hello", of("a")).text in said


def test_a_run_without_a_tenant_shares_nothing():
    one = model(InMemoryCache())
    assert len({one.invoke("hello", of(tenant)).text for tenant in (None, "", None, "")}) == 4
    odd = (1, 1, True, 1.0, " ", " ")  # a number would share the answers of the tenant "1"
    assert len({one.invoke("hello", of(tenant)).text for tenant in odd}) == len(odd)
    assert one.invoke("hello", of("1")).text == one.invoke("hello", of("1")).text


TENANTS = st.sampled_from(["a", "b", "a/b", "a|b", "answers", "가", "a ", "A", "../a", "a\x00b"])
TEXTS = st.sampled_from(["hello", "hello ", "a", "b", "a/b", ""])


@settings(max_examples=25, deadline=None)
@given(asked=st.lists(st.tuples(TENANTS, TEXTS, st.booleans()), max_size=30))
def test_no_answer_ever_crosses_a_tenant(asked):
    one, given_to = model(InMemoryCache()), {}
    for tenant, text, is_async in asked:
        config = of(tenant)
        answer = asyncio.run(one.ainvoke(text, config)) if is_async else one.invoke(text, config)
        owner = given_to.setdefault(answer.text, (tenant, text))
        assert owner == (tenant, text)


def test_two_processes_share_a_file_and_its_tenants_stay_apart(tmp_path):
    path = str(tmp_path / "답.db")
    first = model(SqliteCache(path=path)).invoke("hello", of("a"))
    later = model(SqliteCache(path=path))
    assert later.invoke("hello", of("a")).text == first.text
    assert later.invoke("hello", of("b")).text != first.text
    later.answers.forget("b")
    assert later.invoke("hello", of("a")).text == first.text, "only b was forgotten"


def test_an_answer_is_asked_for_again_when_its_time_is_over():
    one = model(InMemoryCache(), ttl=1)
    first = one.invoke("hello", of("a")).text
    time.sleep(1.1)
    assert one.invoke("hello", of("a")).text != first
    with pytest.raises(ValueError, match="ttl is 0"):
        AnswerCache(InMemoryCache(), prompt_version="1", ttl=0)


def test_a_kept_tool_call_gets_an_id_of_its_own():
    cache = AnswerCache(InMemoryCache(), prompt_version="1")
    one = RoutedChatModel(models={"small": OfflineChatModel()}, answers=cache)
    bound = one.bind_tools([search_places])
    calls = [bound.invoke("a cafe in Mapo-gu", of("a")).tool_calls[0] for _ in range(3)]
    assert cache.hits == 2 and len({call["id"] for call in calls}) == 3
    assert calls[0]["args"] == calls[1]["args"] == calls[2]["args"]


def test_ids_are_no_part_of_a_request_but_what_they_join_is():
    cache = AnswerCache(InMemoryCache(), prompt_version="1")

    def key(first, second, answers):
        calls = [{"name": "f", "args": {"n": n}, "id": i} for n, i in ((1, first), (2, second))]
        told = [ToolMessage(f"told {n}", tool_call_id=i) for n, i in enumerate(answers)]
        return cache.key("a", "small", [AIMessage("", tool_calls=calls, id=first), *told], {})

    assert key("x", "y", "xy") == key("p", "q", "pq") != key("x", "y", "yx")


class Down(OfflineChatModel):
    """Never answers."""

    fail_times: int = 10**6


def test_an_answer_of_another_model_is_not_kept_as_the_chosen_ones():
    cache = AnswerCache(InMemoryCache(), prompt_version="1")
    models = {"small": Numbered(), "large": Down()}
    one = RoutedChatModel(models=models, answers=cache)
    weak = one.invoke("hello", of("a", route="large"))
    assert weak.response_metadata["answered_by"] == "small"
    one.models["large"] = Numbered()
    assert one.invoke("hello", of("a", route="large")).text != weak.text
    assert one.invoke("hello", of("a", route="small")).text == weak.text
