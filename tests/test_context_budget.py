"""What is sent to a model is shorter, and still a history that a model accepts."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai.chat_models.base import _convert_message_to_dict
from openai_server import refusal
from spending import BAR, hold, long_dialogues, sized_models

from course_lib.models import OfflineChatModel, count_tokens
from course_lib.models.language.message_parser import language_of
from course_lib.namu import instructions
from course_lib.namu.routing import (
    ContextBudget,
    RouteChoice,
    RoutedChatModel,
    route_by_rules,
)
from course_lib.places import load_places

PLACES = [place.as_dict() for place in load_places()[:3]]
FOUND = json.dumps(PLACES, ensure_ascii=False)


@st.composite
def histories(draw):
    """A conversation of some turns, some with calls of tools, and maybe one that goes on."""
    messages, calls = [], 0
    if draw(st.booleans()):
        state = {"messages": [], "last_recommended_places": PLACES}
        state["intent"] = draw(st.sampled_from(["FOLLOW_UP", "REFINEMENT", None]))
        messages.append(instructions(state))
    for _ in range(draw(st.integers(1, 5))):
        messages.append(
            HumanMessage(draw(st.sampled_from(["a cafe", "카페 추천", "?", "x " * 90])))
        )
        for _ in range(draw(st.integers(0, 2))):
            ids = [f"c{calls + n}" for n in range(draw(st.integers(1, 2)))]
            calls += len(ids)
            made = [{"name": "search_places", "args": {"category": "cafe"}, "id": i} for i in ids]
            messages.append(AIMessage("", tool_calls=made))
            texts = st.sampled_from([FOUND, "[]", "an error", '{"id": 1}'])
            messages += [ToolMessage(draw(texts), tool_call_id=each) for each in ids]
        messages.append(AIMessage(draw(st.sampled_from(["Here are three.", "Hello."]))))
    if draw(st.booleans()):
        messages.pop()  # the turn goes on: a model is asked now
    return messages


@settings(max_examples=60, deadline=None)
@given(messages=histories(), tokens=st.integers(0, 400))
def test_what_is_sent_is_valid_in_order_and_within_the_budget(messages, tokens):
    before = [message.model_copy() for message in messages]
    sent = ContextBudget(tokens).fit(messages)
    assert messages == before, "the thread keeps everything"
    assert refusal([_convert_message_to_dict(message) for message in sent]) is None
    asked = max(n for n, m in enumerate(messages) if isinstance(m, HumanMessage))
    now = messages[asked:]
    assert [m.type for m in sent[-len(now) :]] == [m.type for m in now]
    assert sent[-len(now)] == now[0], "the person's last message is sent as it is"
    head = sent[: len(sent) - len(now)]
    if isinstance(messages[0], SystemMessage):
        assert isinstance(head.pop(0), SystemMessage)
    assert sum(count_tokens(message.text) for message in head) <= tokens
    assert not head or isinstance(head[0], HumanMessage), "earlier turns are sent whole"
    if language_of(messages[asked].text):  # else the language is that of an earlier message
        assert ContextBudget(tokens).fit(sent) == sent


def test_a_model_is_sent_the_fields_that_it_needs_and_no_others():
    state = {"messages": [], "last_recommended_places": PLACES}
    call = AIMessage("", tool_calls=[{"name": "search_places", "args": {}, "id": "c1"}])
    found = ToolMessage(FOUND, tool_call_id="c1")

    def fields(intent, text, *, earlier):
        system = instructions({**state, "intent": intent})
        turn = [HumanMessage(text), call, found]
        again = [AIMessage("Here."), HumanMessage("and now?")] if earlier else []
        sent = ContextBudget(2000).fit([system, *turn, *again])
        table = json.loads(sent[0].text.split("Places on the table: ")[1].splitlines()[0])
        result = json.loads(next(m for m in sent if isinstance(m, ToolMessage)).text)
        return set(table[0]), set(result[0])

    short = {"id", "name_ko", "name_en", "category", "district", "indoor", "price_level"}
    table, result = fields("REFINEMENT", "a cafe", earlier=False)
    assert table == short and result == set(PLACES[0]) - {"summary_ko"}
    table, result = fields("FOLLOW_UP", "카페", earlier=False)
    assert table == short | {"tags", "summary_ko"} and result == set(PLACES[0]) - {"summary_en"}
    assert fields("REFINEMENT", "a cafe", earlier=True)[1] == {"id", "name_en"}


def test_a_budget_below_zero_is_refused():
    with pytest.raises(ValueError, match="history_tokens is -1"):
        ContextBudget(-1)


@pytest.mark.soak
def test_two_long_dialogues_stay_below_the_bar_with_as_many_right_turns():
    chosen = [each for each in long_dialogues() if each["name"] in ("long-en-1", "long-ko-1")]
    plain = hold(chosen, OfflineChatModel())
    model = RoutedChatModel(models=sized_models(), budget=ContextBudget())
    spent = hold(chosen, model, route_by_rules)
    assert spent.right >= plain.right == plain.turns
    assert spent.total <= BAR * plain.total and len(spent.routes) == 3
    weak = hold(chosen, model, lambda text: RouteChoice("small", "always"))
    assert weak.right < plain.right
