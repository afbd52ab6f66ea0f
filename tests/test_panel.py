"""The panel without a browser: threads, titles, cards, and what goes over to the page."""

import asyncio
import json
import re
from typing import Literal

import pytest
from chat_graphs import moody, one_node
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from typing_extensions import TypedDict

from course_lib.chat import ChatPanel
from course_lib.chat.events import NodeStarted, RunStarted, Token
from course_lib.chat.memory_view import NO_MEMORY
from course_lib.chat.panel import MAX_MESSAGE_LENGTH
from course_lib.chat.panel_actions import perform
from course_lib.chat.thread_list import UNTITLED
from course_lib.chat.transcript_view import BATCH_SECONDS
from course_lib.models import OfflineChatModel
from course_lib.namu import book_place, build_namu
from course_lib.persistence import UnknownThread, open_checkpointer, open_store


def panel(**options):
    return ChatPanel(build_namu(checkpointer=InMemorySaver(), **options))


def said(chat):
    return chat.transcript.kept()


def titles(chat):
    return [row["title"] for row in chat.threads.widget.rows]


async def settled(chat):
    await asyncio.sleep(0)
    while chat._tasks.tasks:
        await asyncio.gather(*chat._tasks.tasks)
        await asyncio.sleep(0)


async def test_an_answer_goes_over_in_batches_and_once_more_as_html_at_the_end():
    chat = panel(model=OfflineChatModel(tokens_per_second=400))
    sent = []
    chat.view.send = sent.append
    await chat.load()
    await chat.send("a cafe in Mapo")
    await asyncio.sleep(2 * BATCH_SECONDS)
    changes = [change for batch in sent for change in batch["changes"]]
    growing = ("grew", "formatted")
    grown = "".join(change["text"] for change in changes if change["kind"] in growing)
    answer = said(chat)[-1][1]
    assert grown and answer.endswith(grown)
    assert any("<li>" in change["block"] for change in changes if change["kind"] == "formatted")
    assert 2 <= len(sent) < 40
    entries = [entry for change in changes for entry in change.get("entries", ())]
    answers = [entry for entry in entries if entry["kind"] == "answer"]
    assert "<li>" in answers[-1]["html"]
    assert not chat.view.running and chat.view.model_name == "namu-offline"


async def test_a_later_view_is_told_everything():
    chat = panel()
    await chat.send("a cafe in Mapo")
    await asyncio.sleep(2 * BATCH_SECONDS)
    sent = []
    chat.view.send = sent.append
    perform(chat, {"kind": "hello"})
    await asyncio.sleep(2 * BATCH_SECONDS)
    (batch,) = sent
    (change,) = batch["changes"]
    assert (change["start"], change["entries"]) == (0, chat.transcript.entries)
    assert change["removed"] >= len(chat.transcript.entries)


def applied(changes):
    """The entries that a page holds after these changes, made as `transcript.js` makes them."""
    entries = []
    for change in changes:
        if change["kind"] == "replaced":
            start, removed = change["start"], change["removed"]
            entries[start : start + removed] = [
                json.loads(json.dumps(e)) for e in change["entries"]
            ]
            continue
        (entry,) = [entry for entry in entries if entry["key"] == change["key"]]
        entry["text"] += change["text"]
        if change["kind"] == "grew":
            entry["draft"]["tail"] += change["text"]
        else:
            done = entry["draft"]["done"] + change["done"]
            entry["draft"] = {"done": done, "block": change["block"], "tail": change["tail"]}
    return entries


async def test_a_view_that_comes_in_the_middle_of_an_answer_gets_no_piece_twice():
    chat = panel()
    chat.transcript.handle(RunStarted(HumanMessage("a cafe", id="1")))
    pieces = re.findall(r"\S+|\s+", "Three cafes:\n\n1. **One**: small.\n2. Two.\n\nAsk for more.")
    chat.transcript.handle(Token("2", pieces[0], "model"))
    sent = []
    chat.view.send = sent.append
    for number, piece in enumerate(pieces[1:]):
        if number % 5 == 0:
            chat.view.flush()
            sent.clear()
            chat.view.tell_all()
        chat.transcript.handle(Token("2", piece, "model"))
        await asyncio.sleep(0)
    chat.view.flush()
    shown = applied([change for batch in sent for change in batch["changes"]])
    assert shown == chat.transcript.entries
    assert shown[-1]["text"] == "".join(pieces)


async def test_the_first_token_of_an_answer_goes_at_once_and_later_ones_together():
    """By the time that passes between two messages to the browser, on a clock of its own."""
    chat = panel()
    waits, loop = [], asyncio.get_running_loop()
    loop_later = loop.call_later

    def call_later(seconds, call, *arguments):
        waits.append(seconds)
        return loop_later(0, call, *arguments)

    loop.call_later = call_later
    loop.time = lambda: 1000.0  # no time passes
    try:
        await asyncio.sleep(0)
        chat.view._sent_at = 1000.0  # something was sent just now
        chat.transcript.handle(RunStarted(HumanMessage("a cafe", id="1")))
        chat.transcript.handle(NodeStarted("task", "model", ()))
        assert waits == [BATCH_SECONDS]
        chat.transcript.handle(Token("2", "Three", "model"))
        assert waits == [BATCH_SECONDS, 0.0]
        chat.view._fire()
        for word in (" cafes", " in", " Mapo"):
            chat.transcript.handle(Token("2", word, "model"))
        assert waits == [BATCH_SECONDS, 0.0, BATCH_SECONDS]
        chat.view._fire()
        chat.transcript.handle(Token("3", "Another", "model"))
        assert waits[3:] == [0.0]
    finally:
        del loop.call_later, loop.time
        chat.view.flush()


async def test_threads_have_titles_and_each_its_own_conversation():
    chat = panel()
    await chat.load()
    assert titles(chat) == [UNTITLED]
    await chat.send("a cafe in Mapo")
    first = chat.config["configurable"]["thread_id"]
    await chat.new_thread()
    assert said(chat) == [] and titles(chat) == [UNTITLED, "a cafe in Mapo"]
    await chat.new_thread()
    assert len(titles(chat)) == 2, "a new thread nobody has used yet is not doubled"
    await chat.send("a park in Songpa-gu")
    assert titles(chat) == ["a park in Songpa-gu", "a cafe in Mapo"]
    chat.threads.widget._on_message(None, {"kind": "open", "id": first}, [])
    await settled(chat)
    assert said(chat)[0] == ("you", "a cafe in Mapo")


async def test_conversations_outlive_the_kernel_with_a_file(tmp_path):
    url = f"sqlite:///{tmp_path / 'chat.db'}"
    with open_checkpointer(url) as saver, open_store(url) as store:
        before = ChatPanel(build_namu(checkpointer=saver), user="ann", store=store)
        await before.send("a cafe in Mapo")
        words = said(before)
        assert "in your list" in before.view.lost
    with open_checkpointer(url) as saver, open_store(url) as store:
        after = ChatPanel(build_namu(checkpointer=saver), user="ann", store=store)
        await after.load()
        assert said(after) == words and titles(after) == ["a cafe in Mapo"]
        other = ChatPanel(build_namu(checkpointer=saver), user="bo", store=store)
        await other.load()
        assert said(other) == [] and titles(other) == [UNTITLED]
        with pytest.raises(UnknownThread):
            await other.open(after.config["configurable"]["thread_id"])


def test_a_panel_in_memory_says_that_a_restart_forgets():
    assert "are gone" in panel().view.lost


async def test_a_booking_is_approved_on_its_card_and_a_wrong_number_is_told_there():
    store = InMemoryStore()
    chat = panel(store=store, tools=[book_place])
    await chat.send("a cafe in Mapo")
    await chat.send("book the second one for 4")
    card = chat.transcript.entries[-1]
    await chat.answer(card["id"], {"people": "99", "day": "Friday", "approve": True})
    assert chat.transcript.entries[-1]["errors"]
    await chat.answer(card["id"], {"people": "3", "day": "Friday", "approve": True})
    assert "3 people, Friday" in said(chat)[-1][1]
    assert len(store.search(("bookings",))) == 1
    chat.inspector.view_selector.value = "Memory"
    await settled(chat)
    assert "Friday" in str(chat.inspector.memory.entries)
    other = ChatPanel(chat.controller.graph, user="bo")
    other.inspector.view_selector.value = "Memory"
    await settled(other)
    assert (other.inspector.memory.heading, other.inspector.memory.entries) == (NO_MEMORY, [])
    perform(chat, {"kind": "answer", "id": card["id"], "values": {"approve": True}})
    await settled(chat)
    assert "no longer open" in chat.transcript.entries[-1]["text"]


async def test_the_graph_the_tree_and_the_state_keep_step():
    chat = panel()
    chat.inspector.view_selector.value = "Tree"
    await chat.send("a cafe in Mapo")
    await settled(chat)
    assert chat.inspector.graph.states["update_state"] == "done"
    (turn,) = chat.inspector.tree.turns
    assert len(turn["steps"]) == 7
    chat.inspector.view_selector.value = "State"
    await settled(chat)
    assert ["messages", "0 -> 4"] in chat.inspector.state.rows
    chat.inspector.view_selector.value = "Tree"
    await settled(chat)
    chat.inspector.tree._on_message(None, {"kind": "go", "id": turn["steps"][2]["id"]}, [])
    await settled(chat)
    assert [entry["kind"] for entry in chat.transcript.entries[-2:]] == ["past", "unfinished"]
    assert chat.inspector.tree.here == turn["steps"][2]["id"]
    await chat.send("a park in Mapo")
    await settled(chat)
    turns = chat.inspector.tree.turns
    assert [each["depth"] for each in turns] == [0, 1] and turns[1]["said"] == "a park in Mapo"


async def test_what_a_model_answers_to_the_graph_is_not_shown_to_the_person():
    """A served model's structured output is JSON text; the router's must not reach the chat."""

    class Talkative(OfflineChatModel):
        def with_structured_output(self, schema, **options):
            return RunnableLambda(self.invoke) | RunnableLambda(
                lambda message: {"parsed": schema(intent="CONVERSATION"), "raw": message}
            )

    chat = panel(model=Talkative())
    await chat.send("hello")
    assert said(chat)[-1][1].count("Namu") == 1


async def test_100_kB_are_taken_and_much_more_is_given_back():
    chat = panel()
    await chat.send("cafe " * 20_000)
    assert [who for who, _ in said(chat)] == ["you", "answer"]
    before, sent = said(chat), []
    chat.view.send = sent.append
    await chat.send("x" * (MAX_MESSAGE_LENGTH + 1))
    await asyncio.sleep(2 * BATCH_SECONDS)
    assert said(chat) == before
    assert "200,001" in chat.transcript.entries[-1]["text"]
    assert any(c["kind"] == "unsent" for batch in sent for c in batch["changes"])


async def test_stop_and_go_on_by_the_buttons():
    chat = panel(model=OfflineChatModel(tokens_per_second=40))
    perform(chat, {"kind": "send", "text": "hello"})
    while not any(entry["kind"] == "answer" for entry in chat.transcript.entries):
        await asyncio.sleep(0.01)
    perform(chat, {"kind": "stop"})
    await settled(chat)
    assert chat.transcript.entries[-1]["kind"] == "unfinished"
    perform(chat, {"kind": "continue"})
    await settled(chat)
    assert said(chat)[-1][1].startswith("Hello, I am Namu.")


async def test_a_failure_of_the_panel_itself_is_a_card_too():
    chat = panel()
    await chat.send("hello")
    perform(chat, {"kind": "edit", "id": "nobody", "text": "x"})
    await settled(chat)
    assert "nothing to fork from" in chat.transcript.entries[-1]["text"]
    chat.threads.directory.touch = None
    perform(chat, {"kind": "send", "text": "hello again"})
    await settled(chat)
    texts = [entry["text"] for entry in chat.transcript.entries if entry["kind"] == "problem"]
    assert "That did not work: TypeError" in texts[-1]
    assert not chat.view.running and said(chat)[-1][0] == "answer"


@pytest.mark.parametrize(
    "nonsense",
    [{}, {"kind": "send"}, {"kind": "send", "text": 5}, {"kind": "answer", "id": 1}, {"kind": []}],
)
async def test_nonsense_from_the_browser_does_nothing(nonsense):
    chat = panel()
    perform(chat, nonsense)
    await settled(chat)
    assert chat.transcript.entries == []


class Settings(TypedDict):
    model: Literal["namu-offline", "namu-offline-brief"]


async def test_a_choice_in_the_context_schema_is_a_choice_beside_the_chat():
    def node(state: MessagesState, runtime: Runtime[Settings]):
        return {"messages": [AIMessage(f"I am {runtime.context['model']}")]}

    graph = StateGraph(MessagesState, context_schema=Settings)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    chat = ChatPanel(graph.compile(checkpointer=InMemorySaver()))
    await chat.send("who?")
    chat.run_context.choices["model"].value = "namu-offline-brief"
    await chat.send("and now?")
    assert [text for who, text in said(chat) if who == "answer"] == [
        "I am namu-offline",
        "I am namu-offline-brief",
    ]


async def test_everything_that_goes_over_is_json():
    chat = ChatPanel(one_node(lambda state: {"messages": [AIMessage("x", response_metadata={})]}))
    await chat.send("hello")
    json.dumps(chat.transcript.entries)
    chat = ChatPanel(moody())
    await chat.send("ask")
    json.dumps(chat.transcript.entries)


def test_a_graph_without_a_checkpointer_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="checkpointer=InMemorySaver"):
        ChatPanel(build_namu())


def test_the_panel_in_a_stored_notebook_is_one_stable_line():
    assert repr(panel().widget) == (
        "A chat panel: run this notebook in JupyterLab to write into it."
    )
