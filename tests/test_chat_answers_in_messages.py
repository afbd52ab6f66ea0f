"""A node that stores the answer to its question as a message stores what the person said."""

from typing import Annotated

import pytest
from chat_graphs import chat_on, texts
from graph_shapes import fold
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from course_lib.chat import ChatError
from course_lib.chat.path_history import read_path_history
from course_lib.persistence import open_checkpointer

WAYS = {
    "a dict": ("Seoul", lambda answer: {"role": "user", "content": answer}),
    "a pair": ("Seoul", lambda answer: ("human", answer)),
    "a message": ("Seoul", lambda answer: HumanMessage(answer, name="person")),
    "an id": ("Seoul", lambda answer: HumanMessage(answer, id="one answer")),
    "spaces": (" Seoul\n", lambda answer: HumanMessage(answer.strip())),
    "a number": (7, lambda answer: HumanMessage(str(answer))),
    "a response": (
        [{"type": "response", "args": "Seoul"}],
        lambda answer: HumanMessage(answer[0]["args"]),
    ),
    "a decision": (
        {"decisions": [{"type": "respond", "message": "Seoul"}]},
        lambda answer: HumanMessage(answer["decisions"][0]["message"]),
    ),
    "a list": (["Se", "oul"], HumanMessage),
    "blocks": ([{"type": "text", "text": "Se"}, {"type": "text", "text": "oul"}], HumanMessage),
    "the message itself": (HumanMessage("Seoul"), lambda answer: answer),
}


def asking(saver, stored, *, nested=False):
    """A graph that answers, asks for the next message, and answers again."""

    def agent(state: MessagesState):
        return {"messages": [AIMessage(f"heard {state['messages'][-1].text}")]}

    def ask(state: MessagesState):
        return {"messages": [stored(interrupt("What else?"))]}

    def critic(state: MessagesState):
        return {"messages": [HumanMessage("The draft is too long.", name="critic")]}

    asked = ask
    if nested:
        asked = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()
    graph = StateGraph(MessagesState).add_node("agent", agent).add_node("asked", asked)
    graph.add_node("critic", critic)
    graph.add_edge(START, "agent").add_edge("agent", "asked")
    return graph.add_edge("asked", "critic").add_edge("critic", "agent").compile(checkpointer=saver)


@pytest.fixture
def saver(url):
    with open_checkpointer(url) as opened:
        yield opened


async def answered(graph, *answers):
    chat, transcript = chat_on(graph, thread_id="one")
    await chat.send("hello")
    await answer(chat, transcript, *answers)
    return chat, transcript


async def answer(chat, transcript, *answers):
    for each in answers:
        (card,) = cards(transcript)
        await chat.resume({card["id"]: each})


def cards(transcript):
    return [entry for entry in transcript.entries if entry["kind"] == "approval"]


@pytest.mark.parametrize("way", WAYS)
async def test_it_is_shown_as_the_persons_at_once_and_after_a_reload(saver, way):
    answer, stored = WAYS[way]
    said = "7" if way == "a number" else "Seoul"
    chat, transcript = await answered(asking(saver, stored), answer)
    again, reread = chat_on(chat.graph, thread_id="one")
    await again.load()
    for shown in (transcript, reread):
        assert texts(shown, "you") == ["hello", said]
        assert texts(shown, "summary") == ["The draft is too long."]


async def test_it_is_the_persons_where_a_subgraph_asked(saver):
    graph = asking(saver, HumanMessage, nested=True)
    _, transcript = await answered(graph, *["Seoul"] * 2)
    again, reread = chat_on(graph, thread_id="one")
    await again.load()
    for shown in (transcript, reread):
        assert texts(shown, "you") == ["hello", "Seoul", "Seoul"]


async def test_no_run_began_with_it_so_it_is_no_message_to_edit(saver):
    chat, transcript = await answered(asking(saver, HumanMessage), *["Seoul"] * 2)
    sent, *answers = [entry for entry in transcript.entries if entry["kind"] == "you"]
    assert len(answers) == 2 and all(entry["sent"] is False for entry in answers)
    assert "sent" not in sent and transcript.person_keys() == [sent["key"]]
    with pytest.raises(ChatError, match=r"your answer to a question.*Go back"):
        await chat.edit(answers[0]["key"], "Busan")
    await chat.edit(sent["key"], "good morning")
    assert texts(transcript, "you") == ["good morning"]
    history = await read_path_history(chat, transcript.person_keys())
    assert list(history.versions) == transcript.person_keys()


def node_graph(saver, *nodes):
    """A graph whose nodes run one after the other."""
    graph = StateGraph(Noted).add_sequence([*nodes])
    return graph.add_edge(START, nodes[0].__name__).compile(checkpointer=saver)


class Noted(MessagesState):
    note: str


async def both_sittings(chat, transcript):
    """What is said by whom, in the sitting that answered and in one that only reads."""
    again, reread = chat_on(chat.graph, thread_id=chat.thread_id)
    await again.load()
    return [
        [(e["kind"], e["text"], e.get("sent", True)) for e in shown.entries if e["kind"] in SAID]
        for shown in (transcript, reread)
    ]


SAID = ("you", "summary")
CONFIG = {"configurable": {"thread_id": "one"}}


async def test_a_node_that_asks_several_times_has_all_of_its_answers(saver):
    def ask(state):
        said = [HumanMessage(interrupt(q)) for q in ("city?", "district?", "street?")]
        return {"messages": [*said, AIMessage("ok")]}

    chat, transcript = await answered(node_graph(saver, ask), "Seoul", "Mapo", "Main")
    said = [("you", "hello", True), *(("you", each, False) for each in ("Seoul", "Mapo", "Main"))]
    assert await both_sittings(chat, transcript) == [said, said]


async def test_a_node_that_asks_until_it_can_read_the_answer_stores_the_last_one(saver):
    def ask(state):
        while not (age := interrupt("How old?")).isdigit():
            pass
        return {"messages": [HumanMessage(age), AIMessage("ok")]}

    chat, transcript = await answered(node_graph(saver, ask), "old", "42")
    said = [("you", "hello", True), ("you", "42", False)]
    assert await both_sittings(chat, transcript) == [said, said]


async def test_what_the_graph_said_before_stays_the_graphs_whatever_is_answered(saver):
    def critic(state):
        return {"messages": [HumanMessage("Too long.", name="critic")]}

    def ask(state):
        return {"note": interrupt("What is wrong with it?")}

    chat, transcript = await answered(node_graph(saver, critic, ask), "Too long.")
    await chat.send("again")
    said = [("you", "hello", True), ("summary", "Too long.", True)]
    said += [("you", "again", True), ("summary", "Too long.", True)]
    assert await both_sittings(chat, transcript) == [said, said]


async def test_on_a_branch_on_which_nobody_has_answered_the_graphs_words_are_the_graphs(saver):
    def nudge(state):
        return {"messages": [HumanMessage("Go on.", name="supervisor")]}

    def ask(state):
        return {"messages": [HumanMessage(interrupt("And?"))]}

    chat, transcript = await answered(node_graph(saver, nudge, ask), "Go on.")
    said = [("you", "hello", True), ("summary", "Go on.", True), ("you", "Go on.", False)]
    assert await both_sittings(chat, transcript) == [said, said]
    await chat.edit(transcript.person_keys()[0], "hey")
    said = [("you", "hey", True), ("summary", "Go on.", True)]
    assert await both_sittings(chat, transcript) == [said, said]


async def test_the_type_of_a_decision_is_no_word_of_the_person(saver):
    def route(state):
        interrupt("May I?")
        return {"messages": [HumanMessage("approve", name="router")]}

    chat, transcript = await answered(
        node_graph(saver, route), {"decisions": [{"type": "approve"}]}
    )
    said = [("you", "hello", True), ("summary", "approve", True)]
    assert await both_sittings(chat, transcript) == [said, said]


async def test_answers_of_an_earlier_sitting_are_known_when_their_node_ends_in_this_one(saver):
    def ask(state):
        said = [HumanMessage(interrupt(q)) for q in ("city?", "district?")]
        return {"messages": [*said, AIMessage("ok")]}

    graph = node_graph(saver, ask)
    chat, transcript = chat_on(graph, thread_id="one")
    await chat.send("hello")
    await answer(chat, transcript, "Seoul")
    later, transcript = chat_on(graph, thread_id="one")
    await later.load()
    await answer(later, transcript, "Mapo")
    said = [("you", "hello", True), ("you", "Seoul", False), ("you", "Mapo", False)]
    assert await both_sittings(later, transcript) == [said, said]


async def test_an_answer_that_a_failing_node_took_is_known_when_it_goes_on_later(saver):
    works = []

    def ask(state):
        said = HumanMessage(interrupt("city?"))
        if not works:
            raise RuntimeError("out of order")
        return {"messages": [said, AIMessage("ok")]}

    graph = node_graph(saver, ask)
    chat, transcript = chat_on(graph, thread_id="one")
    await chat.send("hello")
    await answer(chat, transcript, "Seoul")
    works.append(True)
    later, transcript = chat_on(graph, thread_id="one")
    await later.load()
    await later.continue_run()
    said = [("you", "hello", True), ("you", "Seoul", False)]
    assert await both_sittings(later, transcript) == [said, said]


async def test_another_answer_from_an_earlier_checkpoint_is_an_answer_too(saver):
    def ask(state):
        return {"messages": [HumanMessage(interrupt("city?"))]}

    def done(state):
        return {"messages": [AIMessage("ok")]}

    chat, transcript = chat_on(node_graph(saver, ask, done), thread_id="one")
    await chat.send("hello")
    there = (await chat.tree()).newest.id
    await answer(chat, transcript, "Seoul")
    await chat.go_to(there)
    await answer(chat, transcript, "Busan")
    said = [("you", "hello", True), ("you", "Busan", False)]
    assert await both_sittings(chat, transcript) == [said, said]


async def test_of_two_nodes_that_ask_at_once_one_may_be_answered_first(saver):
    def one(state):
        return {"messages": [HumanMessage(interrupt("one?"))]}

    def two(state):
        return {"messages": [HumanMessage(interrupt("two?"))]}

    graph = StateGraph(MessagesState).add_node(one).add_node(two)
    graph = graph.add_edge(START, "one").add_edge(START, "two").compile(checkpointer=saver)
    chat, transcript = chat_on(graph, thread_id="one")
    await chat.send("hello")
    await chat.resume({cards(transcript)[0]["id"]: "first"})
    said = [("you", "hello", True), ("you", "first", False)]
    assert await both_sittings(chat, transcript) == [said, said]
    await answer(chat, transcript, "first")  # in the same words
    said.append(("you", "first", False))
    assert await both_sittings(chat, transcript) == [said, said]


async def test_an_answer_may_be_stored_by_a_later_node(saver):
    def ask(state):
        return {"note": interrupt("city?")}

    def store(state):
        return {"messages": [HumanMessage(state["note"]), AIMessage("ok")]}

    chat, transcript = await answered(node_graph(saver, ask, store), "Seoul")
    said = [("you", "hello", True), ("you", "Seoul", False)]
    assert await both_sittings(chat, transcript) == [said, said]


async def test_a_subgraph_that_keeps_its_own_state_has_its_answers(saver):
    def ask(state):
        return {"messages": [HumanMessage(interrupt("city?"))]}

    inner = (
        StateGraph(MessagesState).add_node(ask).add_edge(START, "ask").compile(checkpointer=True)
    )
    graph = StateGraph(MessagesState).add_node("inner", inner).add_edge(START, "inner")
    chat, transcript = chat_on(graph.compile(checkpointer=saver), thread_id="one")
    await chat.send("hello")
    await answer(chat, transcript, "Seoul")
    await chat.send("again")
    await answer(chat, transcript, "Busan")
    live, reread = await both_sittings(chat, transcript)
    assert live == reread
    assert live[:2] == [("you", "hello", True), ("you", "Seoul", False)]
    assert ("you", "again", True) in live and live[-1] == ("you", "Busan", False)


async def test_messages_from_code_in_a_delta_channel_are_the_persons():
    class Delta(TypedDict):
        messages: Annotated[list[AnyMessage], DeltaChannel(fold)]

    def agent(state):
        return {"messages": [AIMessage("ok")]}

    graph = StateGraph(Delta).add_node(agent).add_edge(START, "agent").compile(InMemorySaver())
    for n in range(3):
        graph.invoke({"messages": [HumanMessage(f"number {n}")]}, CONFIG)
    chat, transcript = chat_on(graph, thread_id="one")
    await chat.load()
    assert texts(transcript, "you") == ["number 0", "number 1", "number 2"]
    assert texts(transcript, "summary") == []


class Unlisted(InMemorySaver):
    """A saver that cannot list its checkpoints."""

    async def alist(self, config, **options):
        raise NotImplementedError
        yield


@pytest.mark.parametrize("message", [HumanMessage("hello"), HumanMessage("hello", id="person-1")])
async def test_a_thread_that_waits_is_shown_also_where_the_saver_lists_nothing(message):
    def ask(state):
        return {"messages": [HumanMessage(interrupt("city?"))]}

    graph = node_graph(Unlisted(), ask)
    graph.invoke({"messages": [message]}, CONFIG)
    chat, transcript = chat_on(graph, thread_id="one")
    await chat.load()
    await answer(chat, transcript, "Seoul")
    assert texts(transcript, "you") == ["hello", "Seoul"]


async def test_a_waiting_thread_of_known_authors_is_read_without_its_history(saver, monkeypatch):
    graph = asking(saver, HumanMessage, nested=True)
    chat, _ = await answered(graph, *["Seoul"] * 3)
    limits = []
    monkeypatch.setattr(chat.access, "answers_below", None)
    read = chat.access.checkpoints

    async def counted(thread_id, limit):
        limits.append(limit)
        return await read(thread_id, limit)

    monkeypatch.setattr(chat.access, "checkpoints", counted)
    await chat.load()
    assert limits == [1]


async def test_all_answers_of_a_long_thread_with_a_subgraph_are_found():
    saver = InMemorySaver()
    chat, transcript = await answered(asking(saver, HumanMessage, nested=True), *["Seoul"] * 70)
    live, reread = await both_sittings(chat, transcript)
    assert live == reread and live.count(("you", "Seoul", False)) == 70


async def test_a_sitting_that_answered_does_not_make_other_words_the_persons(saver):
    graph = asking(saver, lambda answer: HumanMessage(f"They said: {answer}"))
    _, transcript = await answered(graph, "Seoul")
    assert texts(transcript, "you") == ["hello"]
    assert texts(transcript, "summary") == ["They said: Seoul", "The draft is too long."]
