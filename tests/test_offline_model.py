"""What OfflineChatModel promises beyond LangChain's standard tests."""

import time

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from course_lib.models import (
    MODELS,
    InvalidChatHistory,
    OfflineChatModel,
    OfflineModelError,
    count_tokens,
)


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
