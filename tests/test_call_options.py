"""The options of a call of the offline model: unknown ones are refused, LangChain's are kept."""

import copy
import pickle
from typing import Any

import cloudpickle
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRequest, wrap_model_call
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from course_lib.models import MODELS, OfflineChatModel, OfflineModelError

WHOLE = OfflineChatModel().invoke("hello").text


class Wish(BaseModel):
    category: str | None = None


@tool
def book_table(place: str, people: int = 2) -> str:
    """Book a table at a restaurant."""
    return f"booked {place}"


async def asked_in_every_way(options: dict[str, Any]) -> list[Any]:
    model, ways = OfflineChatModel(), []
    for way in (
        lambda: model.invoke("hello", **options),
        lambda: list(model.stream("hello", **options)),
        lambda: model.batch(["hello"], **options),
        lambda: model.bind(**options),
        lambda: model.bind(temperature=0).bind(**options).invoke("hello"),
        lambda: model.bind_tools([book_table], **options),
    ):
        with pytest.raises(ValueError) as caught:
            way()
        ways.append(str(caught.value))
    with pytest.raises(ValueError) as caught:
        await model.ainvoke("hello", **options)
    return [*ways, str(caught.value)]


@pytest.mark.parametrize("name", ["nonsense", "max_token", "temprature", "tokens_per_second"])
async def test_an_unknown_option_of_a_call_is_refused_with_the_known_ones(name):
    for said in await asked_in_every_way({name: 1}):
        assert repr(name) in said and "max_tokens" in said and "temperature" in said


@pytest.mark.parametrize("value", ["x", "3", -3, 0, 2.5, True, [1]])
async def test_a_length_that_is_none_is_refused(value):
    for said in await asked_in_every_way({"max_tokens": value}):
        assert "'max_tokens'" in said and repr(value) in said


@pytest.mark.parametrize(
    "options", [{"temperature": "hot"}, {"stop": 5}, {"model": 5}, {"stream_options": "x"}]
)
def test_a_value_of_the_wrong_type_is_refused_by_name(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"'{name}'"):
        OfflineChatModel().invoke("hello", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 1},
        {"strict": True},
        {"parallel_tool_calls": False},
        {"stream_options": {"include_usage": True}},
        {"stream_usage": True},
        {"stream": True},
        {"ls_structured_output_format": {"kwargs": {}, "schema": {}}},
        {"response_format": {"type": "text"}},
        {"response_format": None, "tools": None, "tool_choice": None, "max_tokens": None},
        {"tools": [], "tool_choice": "none"},
        {"timeout": 3},
        {"stop": None},
        {"model": MODELS[0]},
        {"config": {"run_name": "a", "tags": ["b"], "metadata": {"c": 1}, "callbacks": []}},
    ],
)
def test_what_langchain_and_served_models_pass_is_accepted(options):
    model = OfflineChatModel()
    assert model.invoke("hello", **options).text == WHOLE
    assert "".join(chunk.text for chunk in model.stream("hello", **options)) == WHOLE


def test_one_text_to_stop_at_is_one_text():
    for asked in (OfflineChatModel(), OfflineChatModel().bind(stop="Namu")):
        options = {"stop": "Namu"} if isinstance(asked, OfflineChatModel) else {}
        assert asked.invoke("hello", **options).text == WHOLE.split("Namu")[0]


def test_the_settings_of_an_agents_middleware_reach_the_model():
    def with_settings(settings):
        @wrap_model_call
        def set_them(request: ModelRequest, handler):
            return handler(request.override(model_settings=settings))

        return create_agent(OfflineChatModel(), [book_table], middleware=[set_them])

    asked = {"messages": [("user", "hello")]}
    settings = {"max_tokens": 2, "temperature": 0.5, "parallel_tool_calls": False}
    said = with_settings(settings).invoke(asked)["messages"][-1]
    assert said.usage_metadata["output_tokens"] == 2
    with pytest.raises(ValueError, match="'max_token'"):
        with_settings({"max_token": 2}).invoke(asked)


@pytest.mark.parametrize("method", ["weird", "", "tool_calling", None])
def test_an_unknown_method_is_refused_with_the_known_ones(method):
    with pytest.raises(ValueError, match="function_calling, json_mode, json_schema"):
        OfflineChatModel().with_structured_output(Wish, method=method)


def test_the_known_methods_give_the_same_and_other_options_are_refused():
    for method in ("function_calling", "json_mode", "json_schema"):
        structured = OfflineChatModel().with_structured_output(Wish, method=method, strict=True)
        assert structured.invoke("a cafe") == Wish(category="cafe")
    with pytest.raises(ValueError, match="'include_row'"):
        OfflineChatModel().with_structured_output(Wish, include_row=True)


@pytest.mark.parametrize(
    "asked",
    [
        5,
        Wish,
        {"type": "yaml"},
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": {"name": "A"}},
    ],
)
def test_a_response_format_of_another_form_is_refused(asked):
    with pytest.raises(ValueError, match="response_format is"):
        OfflineChatModel().invoke("hello", response_format=asked)


@pytest.mark.parametrize(
    "described",
    [
        {"type": "function", "function": {}},
        {"type": "function", "function": {"name": ""}},
        {"type": "function", "function": {"name": 5}},
        {"type": "function", "function": {"parameters": {}}},
        {"type": "function"},
        {"type": "function", "function": None},
    ],
)
def test_a_function_without_a_name_is_refused(described):
    for ask in (OfflineChatModel().bind_tools, lambda t: OfflineChatModel().invoke("a", tools=t)):
        with pytest.raises(ValueError, match=r"Tool 1 .* has no name"):
            ask([{"type": "web_search"}, described])


def test_a_description_that_lacks_a_part_is_refused():
    spec = {"title": "a", "toolSpec": {"name": "a"}}
    with pytest.raises(ValueError, match="'inputSchema'"):
        OfflineChatModel().bind_tools([spec])


HALVES = ["book '\ud83d'", "\udc00", "a table at 'x\ud83dy' for 4 \ude00"]


@pytest.mark.parametrize("text", HALVES, ids=ascii)
def test_half_of_an_emoji_raises_nothing(text):
    model = OfflineChatModel().bind_tools([book_table], tool_choice="book_table")
    (call,) = model.invoke(text).tool_calls
    assert list(model.stream(text))
    history = [
        HumanMessage(text),
        AIMessage("", tool_calls=[{**call, "args": {"place": text}}]),
        ToolMessage(text, tool_call_id=call["id"], name="book_table"),
    ]
    answered = OfflineChatModel().bind_tools([book_table]).invoke(history)
    assert answered.usage_metadata["input_tokens"] > 0
    assert OfflineChatModel().get_num_tokens(text) > 0


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda each: each.model_copy(deep=True),
    "pickle": lambda each: pickle.loads(pickle.dumps(each)),
    "cloudpickle": lambda each: cloudpickle.loads(cloudpickle.dumps(each)),
}


@pytest.mark.parametrize("way", COPIES)
def test_a_model_can_be_copied_and_sent_to_another_process(way):
    model = OfflineChatModel(fail_times=1, api_key="secret", stop=["Namu"])
    twin = COPIES[way](model)
    for each in (twin, model):  # each counts its own calls
        with pytest.raises(OfflineModelError):
            each.invoke("hello")
        assert each.invoke("hello").text == WHOLE.split("Namu")[0]
    assert twin.api_key.get_secret_value() == "secret"
    bound = COPIES[way](OfflineChatModel().bind_tools([book_table], tool_choice="any"))
    assert bound.invoke("hello").tool_calls
    structured = COPIES[way](OfflineChatModel().with_structured_output(Wish))
    assert structured.invoke("a cafe") == Wish(category="cafe")
