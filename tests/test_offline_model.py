"""What OfflineChatModel promises beyond LangChain's standard tests."""

import json
import sys
import time
from typing import Annotated

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.caches import InMemoryCache
from langchain_core.globals import get_llm_cache, set_llm_cache
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,
)
from langchain_core.tools import tool
from pydantic import BaseModel, Field, RootModel, field_validator

from course_lib.models import (
    MODELS,
    InvalidChatHistory,
    OfflineChatModel,
    OfflineModelError,
    count_tokens,
)
from course_lib.namu.search_tool import search_places


@tool
def book_table(place: str, people: int) -> str:
    """Book a table at a restaurant."""
    return f"booked {place} for {people}"


def test_same_messages_same_answer_whichever_way_it_is_asked():
    model = OfflineChatModel()
    whole = model.invoke("hello there").text
    assert whole == model.invoke("hello there").text
    assert whole == "".join(chunk.text for chunk in model.stream("hello there"))


async def test_async_stream_says_the_same():
    model = OfflineChatModel()
    chunks = [chunk.text async for chunk in model.astream("안녕")]
    assert len(chunks) > 5
    assert "".join(chunks) == model.invoke("안녕").text


def test_it_says_what_it_is_when_asked():
    assert "rule-based stand-in" in OfflineChatModel().invoke("Who are you?").text
    assert "오프라인 모델" in OfflineChatModel().invoke("너 누구야?").text


def test_without_a_search_tool_it_says_what_it_understood():
    text = OfflineChatModel().invoke("find a cafe in Mapo").text
    assert "cafe" in text and "Mapo-gu" in text and "tool" in text


def test_tools_are_called_when_the_message_speaks_of_them_and_answered_afterwards():
    model = OfflineChatModel().bind_tools([book_table])
    question = HumanMessage("Book a table for 4 at 'Tosokchon'")
    call = model.invoke([question])
    assert call.tool_calls[0]["args"] == {"place": "Tosokchon", "people": 4}
    answer = ToolMessage("booked", tool_call_id=call.tool_calls[0]["id"], name="book_table")
    assert "booked" in model.invoke([question, call, answer]).text
    assert not model.invoke([HumanMessage("hello")]).tool_calls


def test_tool_choice_none_calls_nothing_and_an_unknown_name_is_refused():
    model = OfflineChatModel()
    assert not model.bind_tools([book_table], tool_choice="none").invoke("book a table").tool_calls
    with pytest.raises(ValueError, match="book_table"):
        model.bind_tools([book_table], tool_choice="book_chair")


def test_structured_output_fills_the_slots_it_knows():
    class Wish(BaseModel):
        category: str | None = None
        district: str | None = None
        indoor: bool | None = None

    wish = OfflineChatModel().with_structured_output(Wish).invoke("실내로, 마포구 카페")
    assert wish == Wish(category="cafe", district="Mapo-gu", indoor=True)


def test_fail_times_fails_that_often_and_then_works():
    model = OfflineChatModel(fail_times=2)
    for _ in range(2):
        with pytest.raises(OfflineModelError, match="Try again"):
            model.invoke("hello")
    assert model.invoke("hello").text


def test_fail_after_tokens_breaks_off_in_the_middle():
    got = []
    with pytest.raises(OfflineModelError, match="after 3 tokens"):
        for chunk in OfflineChatModel(fail_after_tokens=3).stream("hello"):
            got.append(chunk.text)
    assert len(got) == 3


def test_a_set_speed_makes_the_answer_take_its_time():
    model = OfflineChatModel(tokens_per_second=200)
    began = time.monotonic()
    tokens = model.invoke("hello").usage_metadata["output_tokens"]
    # Lower bound only: a loaded machine may be slower, never faster.
    assert time.monotonic() - began >= (tokens - 1) / 200


def test_brief_model_answers_in_one_line_and_unknown_models_are_refused():
    assert "\n" not in OfflineChatModel(model=MODELS[1]).invoke("hello").text
    with pytest.raises(ValueError, match=MODELS[1]):
        OfflineChatModel(model="gpt-unknown").invoke("hello")


def test_stop_and_max_tokens_shorten_the_answer():
    assert "Namu" not in OfflineChatModel().invoke("hello", stop=["Namu"]).text
    short = OfflineChatModel(max_tokens=3).invoke("hello")
    assert short.usage_metadata["output_tokens"] == 3


def test_an_unanswered_tool_call_is_refused_by_name():
    call = {"name": "book_table", "args": {}, "id": "c9", "type": "tool_call"}
    with pytest.raises(InvalidChatHistory, match=r"book_table.*c9.*INVALID_CHAT_HISTORY"):
        OfflineChatModel().invoke([AIMessage("", tool_calls=[call]), HumanMessage("hm")])


def test_usage_counts_words_and_hangul():
    assert count_tokens("hello there") == 2
    assert count_tokens("안녕하세요") == 2
    sent = [SystemMessage("one two"), HumanMessage("three")]
    assert OfflineChatModel().invoke(sent).usage_metadata["input_tokens"] == 3


def test_a_call_that_could_not_be_parsed_is_refused_as_hosted_models_refuse_it():
    call = {"name": "book_table", "args": "{", "id": "c9", "error": None}
    with pytest.raises(InvalidChatHistory, match="c9"):
        OfflineChatModel().invoke([AIMessage("", invalid_tool_calls=[call]), HumanMessage("hm")])


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_why_an_answer_ended_is_in_its_metadata(way):
    def reason(model):
        if way == "invoke":
            return model.invoke("book a table").response_metadata["finish_reason"]
        chunks = list(model.stream("book a table"))
        return chunks[-1].response_metadata["finish_reason"]

    assert reason(OfflineChatModel()) == "stop"
    assert reason(OfflineChatModel(max_tokens=2)) == "length"
    assert reason(OfflineChatModel().bind_tools([book_table])) == "tool_calls"


SETTINGS = [
    {},
    {"model": MODELS[1]},
    {"max_tokens": 2},
    {"stop": ["Namu"]},
    {"tokens_per_second": 1e6},
    {"temperature": 1.0},
]


@pytest.mark.parametrize("shared", ["by option", "for all"])
def test_models_with_other_settings_share_no_cached_answer(shared):
    cache, before = InMemoryCache(), get_llm_cache()
    options = {"cache": cache} if shared == "by option" else {}
    try:
        set_llm_cache(cache if shared == "for all" else None)
        for _ in range(2):
            for each in SETTINGS:
                told = OfflineChatModel(**each, **options).invoke("recommend a cafe in Mapo").text
                assert (
                    told
                    == OfflineChatModel(**each, cache=False).invoke("recommend a cafe in Mapo").text
                )
    finally:
        set_llm_cache(before)
    assert len(cache._cache) == len(SETTINGS)


def test_the_same_settings_share_a_cached_answer():
    cache = InMemoryCache()
    asked = [OfflineChatModel(cache=cache, fail_times=0).invoke("hello") for _ in range(2)]
    assert asked[0].text == asked[1].text and len(cache._cache) == 1


class Wish(BaseModel):
    category: str | None = None


def test_fallbacks_give_structured_output_and_take_tools():
    model = OfflineChatModel(fail_times=1).with_fallbacks([OfflineChatModel()])
    structured = model.with_structured_output(Wish)
    assert structured.invoke("a cafe") == structured.invoke("a cafe") == Wish(category="cafe")
    model = OfflineChatModel(fail_times=1).with_fallbacks([OfflineChatModel()])
    assert model.bind_tools([book_table]).invoke("book a table").tool_calls


def test_messages_are_trimmed_by_the_tokens_of_the_model_without_a_download(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    model = OfflineChatModel()
    messages = [HumanMessage("one two three"), AIMessage("four five"), HumanMessage("여섯 일곱")]
    assert model.get_num_tokens_from_messages(messages) == 7
    assert model.invoke(messages).usage_metadata["input_tokens"] == 7
    kept = trim_messages(messages, token_counter=model, max_tokens=4)
    assert kept == messages[1:]
    assert model.get_num_tokens("안녕하세요") == count_tokens("안녕하세요")
    ids = model.get_token_ids("a b a")
    assert len(ids) == 3 and ids[1] != ids[2]
    assert OfflineChatModel(custom_get_token_ids=list).get_num_tokens("abc") == 3


@tool
def weather(city: str) -> str:
    """Get the weather of a city."""
    return f"sunny in {city}"


class Report(BaseModel):
    city: str
    degrees: Annotated[int, Field(ge=-50, le=60)]


class Other(BaseModel):
    name: str


@pytest.mark.parametrize("text", ["the weather in 'Seoul', 21 degrees", "hello"])
@pytest.mark.parametrize("tools", [[], [weather], [weather, {"type": "web_search"}]], ids=len)
@pytest.mark.parametrize(
    "asked", [Report, ToolStrategy(Report), ToolStrategy(Report | Other), ProviderStrategy(Report)]
)
def test_an_agent_with_a_response_format_comes_to_an_end(asked, tools, text):
    agent = create_agent(OfflineChatModel(), tools, response_format=asked)
    state = agent.invoke({"messages": [("user", text)]}, {"recursion_limit": 20})
    assert isinstance(state["structured_response"], Report | Other)
    used = [m.name for m in state["messages"] if m.type == "tool" and m.name == "weather"]
    assert len(used) <= 1 and (used or not tools or text == "hello")


def test_a_schema_that_refuses_every_value_ends_with_its_reason():
    class Never(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def refuse(cls, value):
            raise ValueError("no name is good enough")

    agent = create_agent(OfflineChatModel(), [], response_format=ToolStrategy(Never))
    with pytest.raises(ValueError, match="no name is good enough"):
        agent.invoke({"messages": [("user", "hello")]}, {"recursion_limit": 50})


class Numbers(RootModel[list[int]]):
    """Some numbers."""


@pytest.mark.parametrize(
    "schema",
    [
        {"title": "Numbers", "type": "array", "items": {"type": "integer"}},
        {"title": "Number", "type": "integer"},
        Numbers,
        RootModel[dict[str, int]],
    ],
)
def test_a_schema_of_something_else_than_an_object_is_refused_with_the_remedy(schema):
    with pytest.raises(ValueError, match="Put it into a field"):
        OfflineChatModel().with_structured_output(schema)


@pytest.mark.parametrize(
    "builtin",
    [
        {"type": "web_search"},
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "mcp", "server_label": "a", "server_url": "http://a"},
        {"type": "custom", "name": "grammar"},
        {"google_search": {}},
        {"code_execution": {}},
    ],
)
def test_tools_that_a_provider_runs_are_accepted_and_never_called(builtin):
    model = OfflineChatModel()
    assert not model.bind_tools([builtin]).invoke("search the web").tool_calls
    assert not model.bind_tools([builtin], tool_choice="any").invoke("search").tool_calls
    assert model.invoke("search", tools=[builtin]).text
    (call,) = model.bind_tools([builtin, book_table]).invoke("book a table for 4").tool_calls
    assert call["name"] == "book_table"


@pytest.mark.parametrize(
    "choice",
    [
        "book_table",
        {"type": "function", "function": {"name": "book_table"}},
        {"type": "tool", "name": "book_table"},
        {"type": "any"},
        "required",
        True,
    ],
)
def test_every_form_of_tool_choice_is_understood(choice):
    bound = OfflineChatModel().bind_tools([book_table], tool_choice=choice)
    assert bound.invoke("hello").tool_calls[0]["name"] == "book_table"


def test_an_unknown_option_is_refused_with_the_options_there_are():
    with pytest.raises(ValueError, match=r"'temprature'.*tokens_per_second.*temperature"):
        OfflineChatModel(temprature=0)
    for name in ("model", "model_name"):
        assert OfflineChatModel(**{name: MODELS[1]}).model_name == MODELS[1]


def test_a_response_format_is_kept_to():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    asked = {"type": "json_schema", "json_schema": {"name": "A", "schema": schema}}
    assert json.loads(OfflineChatModel().invoke("take 7", response_format=asked).text) == {"n": 7}
    keys = OfflineChatModel().invoke(
        "JSON with 'a' and 'b'", response_format={"type": "json_object"}
    )
    assert set(json.loads(keys.text)) == {"a", "b"}


@pytest.mark.parametrize("content", ["[]", '[{"id": "p1"}]', "x", ""])
def test_a_result_whose_call_is_not_in_the_history_is_told(content):
    lone = ToolMessage(content, tool_call_id="1", name="search_places")
    reply = OfflineChatModel().bind_tools([search_places]).invoke([lone])
    assert reply.text
    assert content in reply.text
