"""Graphs that rewrite the list of messages: who said what stays known, and can be asked again."""

from typing import Annotated, TypedDict

import pytest
from chat_graphs import chat_on, kinds, one_node, texts
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langchain_core.messages.utils import convert_to_openai_messages
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from course_lib.chat import ChatController, RunEnded
from course_lib.chat.message_keys import read_messages
from course_lib.persistence import open_checkpointer


def newest_first_system(old, new):
    return new if new and new[0].get("role") == "system" else [*(old or []), *new]


class Dicts(TypedDict):
    messages: list[dict]


class Anything(TypedDict):
    messages: list


class Messages(TypedDict):
    messages: list[AnyMessage]


class Replaced(TypedDict):
    messages: Annotated[list[dict], newest_first_system]


def as_dicts(messages):
    return [*messages]


def with_system(messages):
    system = {"role": "system", "content": "be kind"}
    return [system, *(each for each in messages if each["role"] != "system")]


def without_ids(messages):
    return [type(each)(each.content) for each in messages]


WHOLE = {
    "dicts": (Dicts, as_dicts),
    "made dicts": (Anything, convert_to_openai_messages),
    "copies without ids": (Messages, without_ids),
    "a reducer that replaces": (Replaced, with_system),
}


def whole_list(name, saver, runs=None):
    """Returns all messages with an answer to the last; asks, raises or stays silent when told."""
    schema, rewritten = WHOLE[name]

    def node(state):
        last = str(read_messages(state["messages"])[-1].text)
        if runs is not None:
            runs.append(last)
        if "boom" in last:
            raise RuntimeError("boom, as asked")
        if "ask" in last:
            interrupt({"question": "Go on?"})
        answer = AIMessage(f"heard {last}")
        if schema is not Messages:
            answer = {"role": "assistant", "content": answer.text}
        return {"messages": [*rewritten(state["messages"]), *[answer] * ("quiet" not in last)]}

    graph = StateGraph(schema).add_node(node).add_edge(START, "node")
    return graph.compile(checkpointer=saver)


@pytest.fixture(params=["memory", "sqlite"])
def saver(request, tmp_path):
    if request.param == "memory":
        yield InMemorySaver()
    else:
        with open_checkpointer(f"sqlite:///{tmp_path / 'chat.sqlite'}") as opened:
            yield opened


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", WHOLE)
async def test_a_node_that_returns_the_whole_list_leaves_the_person_theirs(name, saver):
    runs = []
    graph = whole_list(name, saver, runs)
    chat, transcript = chat_on(graph)
    for text in ("one", "boom", "quiet", "ask", "two"):
        await chat.send(text)
        if card := transcript.only_question():
            await chat.resume({card.id: "yes"})
    assert texts(transcript, "you") == ["one", "boom", "quiet", "ask", "two"]
    assert texts(transcript, "answer") == ["heard one", "heard ask", "heard two"]
    assert "boom" in texts(transcript, "problem")[0] and "summary" not in kinds(transcript)
    assert any("wrote no answer" in note for note in texts(transcript, "note"))
    kept = transcript.kept()
    reopened, reread = chat_on(graph, thread_id=chat.thread_id)
    await reopened.load()
    assert reread.kept() == kept
    for each, shown in ((chat, transcript), (reopened, reread)):
        await each.load()
        count = len(runs)
        key = [e["key"] for e in shown.entries if e["kind"] == "answer"][-1]
        await each.try_again(key)
        assert runs[count:] == ["two"] and shown.kept() == kept
    await reopened.send("three")
    assert reread.kept() == [*kept, ("you", "three"), ("answer", "heard three")]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("at", [0, 1, 2])
async def test_editing_and_trying_again_fork_where_a_message_first_was(name, at, saver):
    sent = ["one", "two", "one"]
    graph = whole_list(name, saver)
    for way in ("edit", "again"):
        chat, transcript = chat_on(graph)
        for text in sent:
            await chat.send(text)
        keys = {kind: [e["key"] for e in transcript.entries if e["kind"] == kind] for kind in KINDS}
        if way == "edit":
            await chat.edit(keys["you"][at], "three")
        else:
            await chat.try_again(keys["answer"][at])
        said = [*sent[:at], "three" if way == "edit" else sent[at]]
        assert texts(transcript, "you") == said
        assert texts(transcript, "answer") == [f"heard {text}" for text in said]


KINDS = ("you", "answer")

FORMS = {
    "pair": lambda text: ("user", text),
    "dict": lambda text: {"role": "user", "content": text},
    "text": lambda text: text,
    "message": HumanMessage,
}


@pytest.mark.parametrize("form", FORMS)
async def test_what_a_graph_writes_after_a_fork_at_the_first_message_is_the_graphs(form):
    def draft(state: MessagesState):
        return {"messages": [AIMessage(f"draft of {state['messages'][-1].text}")]}

    def criticise(state: MessagesState):
        return {"messages": [FORMS[form]("too long")]}

    graph = StateGraph(MessagesState).add_sequence([draft, criticise]).add_edge(START, "draft")
    chat, transcript = chat_on(graph.compile(checkpointer=InMemorySaver()))
    await chat.send("one")
    await chat.edit(transcript.person_keys()[0], "uno")
    assert [texts(transcript, "you"), texts(transcript, "summary")] == [["uno"], ["too long"]]
    await chat.try_again([e["key"] for e in transcript.entries if e["kind"] == "answer"][-1])
    assert [texts(transcript, "you"), texts(transcript, "summary")] == [["uno"], ["too long"]]


def clearer(state):
    """Writes a clearer question under the same id."""
    last = state["messages"][-1]
    said = HumanMessage(f"{last.text}, please", id=last.id)
    return {"messages": [said, AIMessage(f"heard {said.text}")]}


def guarded(state):
    """Takes away what it does not like."""
    last = state["messages"][-1]
    if "rude" in last.text:
        return {"messages": [RemoveMessage(last.id), AIMessage("I will not answer that.")]}
    return {"messages": [AIMessage(f"heard {last.text}")]}


def renamed(state):
    """Puts another question in the place of the person's."""
    last = state["messages"][-1]
    other = HumanMessage(f"{last.text}!")
    return {"messages": [RemoveMessage(last.id), other, AIMessage(f"heard {other.text}")]}


async def test_a_message_that_the_graph_words_more_clearly_is_not_called_lost():
    events = []
    chat = ChatController(one_node(clearer), on_event=events.append)
    await chat.send("one")
    (ended,) = [event for event in events if isinstance(event, RunEnded)]
    assert ended.unstored is None
    assert ended.thread.messages[0].text == "one, please"


@pytest.mark.parametrize("node", [clearer, guarded, renamed])
@pytest.mark.parametrize("reopened", [False, True])
async def test_trying_again_sends_what_was_sent_and_not_what_became_of_it(node, reopened):
    graph = one_node(node)
    chat, transcript = chat_on(graph)
    for text in ("one", "rude words"):
        await chat.send(text)

    def held(config):
        return [(m.type, m.text) for m in graph.get_state(config).values["messages"]]

    before = held(chat.config)
    if reopened:
        chat, transcript = chat_on(graph, thread_id=chat.thread_id)
        await chat.load()
    for _ in range(2):
        await chat.try_again([e["key"] for e in transcript.entries if e["kind"] == "answer"][-1])
        assert held(chat.config) == before
    assert not texts(transcript, "problem")
    only, shown = chat_on(graph)
    await only.send("rude words")
    await only.try_again(shown.entries[-1]["key"])  # no other message of a person is left
    assert texts(shown, "answer") == [before[-1][1]]
