"""Whatever happens in a run reaches the person."""

import httpx
import pytest
from chat_graphs import chat_on, conflicting, kinds, moody, one_node, reducer_raises, texts
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, wrap_tool_call
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from typing_extensions import TypedDict

from course_lib.chat import ChatController, RunEnded, Unqueued
from course_lib.chat.graph_access import RECURSION_LIMIT
from course_lib.chat.lack_of_answer import ABOVE, NO_ANSWER
from course_lib.models import OfflineChatModel
from course_lib.namu import book_place, build_namu
from course_lib.persistence import open_checkpointer
from course_lib.serving import free_port


async def test_a_model_that_breaks_off_leaves_its_words_a_problem_and_a_way_on():
    model = OfflineChatModel(fail_after_tokens=14)
    chat, transcript = chat_on(build_namu(model=model, checkpointer=InMemorySaver()))
    await chat.send("hello")
    kinds = [entry["kind"] for entry in transcript.entries]
    assert kinds == ["you", "work", "answer", "problem", "unfinished"]
    assert transcript.entries[-1]["button"] == "Try again"
    assert transcript.entries[2]["text"] and not transcript.entries[2]["kept"]
    model.fail_after_tokens = None
    await chat.continue_run()
    assert transcript.kept()[-1][1].startswith("Hello, I am Namu.")


async def test_an_answer_that_was_not_kept_stands_where_it_was_written():
    async def node(state):
        said = [
            await FakeListChatModel(responses=[text]).ainvoke("write")
            for text in ("found in the first text", "found in the second", "the report", "a check")
        ]
        return {"messages": [said[2]]}

    chat, transcript = chat_on(one_node(node))
    for _ in range(2):
        await chat.send("hello")
    shown = [(e["text"], e["kept"]) for e in transcript.entries if e["kind"] == "answer"]
    turn = [
        ("found in the first text", False),
        ("found in the second", False),
        ("the report", True),
        ("a check", False),
    ]
    assert shown == turn * 2


async def test_an_answer_that_is_kept_as_a_part_of_another_is_not_called_lost():
    async def node(state):
        draft = await FakeListChatModel(responses=["found it"]).ainvoke("write")
        return {"messages": [AIMessage(f"In short: {draft.text}, and no more.")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("hello")
    shown = [(e["text"], e["kept"]) for e in transcript.entries if e["kind"] == "answer"]
    assert shown == [("In short: found it, and no more.", True)]


async def test_a_graph_that_raises_loops_or_says_nothing_gets_a_readable_card():
    chat, transcript = chat_on(moody())
    await chat.send("boom")
    assert "RuntimeError: boom, as asked" in transcript.entries[-2]["text"]

    def round_and_round(state):
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node(round_and_round)
    graph.add_edge(START, "round_and_round")
    graph.add_conditional_edges("round_and_round", lambda state: "round_and_round")
    chat, transcript = chat_on(graph.compile(checkpointer=InMemorySaver()))
    await chat.send("go")
    problem = next(entry for entry in transcript.entries if entry["kind"] == "problem")
    assert "GRAPH_RECURSION_LIMIT" in problem["text"] and str(RECURSION_LIMIT) in problem["text"]

    chat, transcript = chat_on(one_node(lambda state: {}))
    await chat.send("hello?")
    assert "no answer" in transcript.entries[-1]["text"]


def test_a_graph_that_cannot_chat_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="checkpointer=InMemorySaver"):
        ChatController(build_namu())

    class Bare(TypedDict):
        text: str

    graph = StateGraph(Bare)
    graph.add_node("n", lambda state: {})
    graph.add_edge(START, "n")
    with pytest.raises(ValueError, match="MessagesState"):
        ChatController(graph.compile(checkpointer=InMemorySaver()))


@pytest.mark.parametrize("make", [conflicting, reducer_raises])
@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
async def test_a_run_whose_state_cannot_be_read_ends_and_loses_nothing(
    make, kind, tmp_path, request
):
    url = f"sqlite:///{tmp_path / 'chat.db'}" if kind == "sqlite" else "memory:"
    if kind == "postgres":
        url = request.getfixturevalue("server").url
    with open_checkpointer(url) as saver:
        chat, transcript = chat_on(make(saver))
        await chat.send("my words")
        assert texts(transcript, "you") == ["my words"] and texts(transcript, "problem")
        await chat.send("hello?")
        assert texts(transcript, "you")[-1] == "hello?" and not chat.running
        await chat.switch("another thread")
        assert transcript.entries == []


class Away(InMemorySaver):
    """A saver whose database goes away on request."""

    away: frozenset = frozenset()

    async def aget_tuple(self, config):
        self.refuse("read")
        return await super().aget_tuple(config)

    async def aput(self, *arguments):
        self.refuse("write")
        return await super().aput(*arguments)

    async def aput_writes(self, *arguments):
        self.refuse("write")
        return await super().aput_writes(*arguments)

    def refuse(self, what):
        if what in self.away:
            raise ConnectionResetError(f"no {what} today")


@pytest.mark.parametrize("away", [{"read"}, {"write"}, {"read", "write"}])
async def test_a_database_that_goes_away_takes_no_words_with_it(away):
    saver = Away()
    chat, transcript = chat_on(moody(saver))
    await chat.send("one")
    saver.away = frozenset(away)
    await chat.send("two")
    assert "two" in texts(transcript, "you") and "one" in texts(transcript, "you")
    assert "today" in texts(transcript, "problem")[-1]
    saver.away = frozenset()
    await chat.send("three")
    assert transcript.kept()[-2:] == [("you", "three"), ("answer", "heard three")]
    assert transcript.kept()[:2] == [("you", "one"), ("answer", "heard one")]


async def test_a_database_that_goes_away_in_the_middle_leaves_the_answer_on_the_screen():
    saver = Away()

    async def node(state):
        answer = await FakeListChatModel(responses=["words that were seen"]).ainvoke("")
        saver.away = frozenset({"read", "write"})
        return {"messages": [answer]}

    chat, transcript = chat_on(one_node(node, saver))
    await chat.send("hello")
    (answer,) = [entry for entry in transcript.entries if entry["kind"] == "answer"]
    assert answer["text"] == "words that were seen" and not answer["kept"]
    assert answer["note"].startswith("not stored")
    saver.away = frozenset()
    await chat.switch("elsewhere")
    assert transcript.entries == []


@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_server_that_nobody_started_is_named_by_its_address(wrapped):
    address = f"http://127.0.0.1:{free_port()}"

    def ask(state):
        try:
            httpx.get(f"{address}/threads/1", trust_env=False)
        except httpx.ConnectError as error:
            if wrapped:  # as the clients of model servers do
                raise RuntimeError("Connection error.") from error
            raise

    chat, transcript = chat_on(one_node(ask))
    await chat.send("hello")
    (problem,) = texts(transcript, "problem")
    assert f"Nobody answers at {address}. Start that server" in problem


async def test_a_run_from_an_earlier_point_that_nobody_can_read_is_not_shown_as_the_past():
    saver = Away()

    def node(state):
        if state["messages"][-1].text == "other two":
            saver.away = frozenset({"read", "write"})
        return {"messages": [AIMessage("heard")]}

    chat, transcript = chat_on(one_node(node, saver))
    await chat.send("one")
    after_one = (await chat.tree()).newest.id
    await chat.send("two")
    await chat.go_to(after_one)
    assert "past" in kinds(transcript)
    await chat.send("other two")
    assert "today" in texts(transcript, "problem")[-1]
    assert "past" not in kinds(transcript)


async def test_a_message_whose_thread_cannot_be_read_is_given_back_once():
    saver, events = Away(), []
    saver.away = frozenset({"read"})
    chat = ChatController(moody(saver), on_event=events.append)
    await chat.send("hello")
    (ended,) = [event for event in events if isinstance(event, RunEnded)]
    assert ended.unstored.text == "hello"
    assert not any(isinstance(event, Unqueued) for event in events)


async def test_an_answer_that_the_graph_does_not_keep_stays_on_the_screen():
    async def node(state):
        await FakeListChatModel(responses=["a draft"]).ainvoke("")
        return {"messages": [AIMessage("the answer")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("hello")
    shown = {entry["text"]: entry["kept"] for entry in transcript.entries if "kept" in entry}
    assert shown == {"hello": True, "the answer": True, "a draft": False}


def removing(then):
    def clean(state):
        return {"messages": [RemoveMessage(id=state["messages"][-1].id)]}

    graph = StateGraph(MessagesState).add_sequence([clean, then]).add_edge(START, "clean")
    return graph.compile(checkpointer=InMemorySaver())


async def test_a_message_that_the_graph_removes_stays_on_the_screen():
    def boom(state):
        raise RuntimeError("boom")

    def nothing(state):
        return {}

    chat, transcript = chat_on(removing(boom))
    await chat.send("hello")
    assert texts(transcript, "you") == ["hello"] and "boom" in texts(transcript, "problem")[0]
    chat, transcript = chat_on(removing(nothing))
    await chat.send("first")
    await chat.send("second")
    assert texts(transcript, "you") == ["first", "second"]
    assert not any(entry["kept"] for entry in transcript.entries if entry["kind"] == "you")


class Removing:
    """Removes what begins with `x`, answers all but `quiet`, and forgets most on `forget`."""

    def clean(self, state):
        messages = state["messages"]
        if "forget" in messages[-1].text:
            return {"messages": [RemoveMessage(m.id) for m in messages[:-1]]}
        return {"messages": [RemoveMessage(messages[-1].id)] if messages[-1].text[0] == "x" else []}

    def speak(self, state, config):
        self.answers = getattr(self, "answers", 0) + 1
        return {"messages": [] if self.quiet else [AIMessage(f"answer {self.answers}")]}

    quiet = False

    def compile(self):
        graph = StateGraph(MessagesState).add_sequence([self.clean, self.speak])
        return graph.add_edge(START, "clean").compile(checkpointer=InMemorySaver())


def said_in_order(transcript):
    return [e["text"] for e in transcript.entries if e["kind"] in ("you", "answer")]


async def test_a_message_that_the_graph_removes_stands_before_its_answer():
    shape = Removing()
    chat, transcript = chat_on(shape.compile())
    for text in ("x first", "two", "x three", "x four", "five"):
        await chat.send(text)
    expected = ["x first", "answer 1", "two", "answer 2", "x three", "answer 3"]
    expected += ["x four", "answer 4", "five", "answer 5"]
    assert said_in_order(transcript) == expected
    await chat.load()
    assert said_in_order(transcript) == expected
    unstored = [e["text"] for e in transcript.entries if e["kind"] == "you" and not e["kept"]]
    assert unstored == ["x first", "x three", "x four"]


async def test_a_removed_message_without_an_answer_stands_where_it_was_said():
    shape = Removing()
    chat, transcript = chat_on(shape.compile())
    await chat.send("one")
    await chat.send("x two")
    shape.quiet = True
    await chat.send("x three")
    shape.quiet = False
    await chat.send("x four")
    await chat.send("five")
    expected = ["one", "answer 1", "x two", "answer 2", "x three", "x four", "answer 4"]
    assert said_in_order(transcript) == [*expected, "five", "answer 5"]


async def test_a_removed_message_keeps_its_place_when_the_ones_before_it_go():
    shape = Removing()
    chat, transcript = chat_on(shape.compile())
    await chat.send("one")
    shape.quiet = True
    await chat.send("x two")
    shape.quiet = False
    await chat.send("forget")
    await chat.send("four")
    assert said_in_order(transcript) == ["x two", "forget", "answer 3", "four", "answer 4"]


@pytest.mark.parametrize("streamed", [True, False])
async def test_the_same_failure_again_is_shown_once(streamed):
    failures = ["broken", "broken", "broken", "torn", "broken"]

    async def node(state):
        if streamed:
            await FakeListChatModel(responses=["half an answer"]).ainvoke("")
        raise RuntimeError(failures.pop(0))

    chat, transcript = chat_on(one_node(node))
    await chat.send("hello")
    for _ in range(2):
        await chat.continue_run()
    assert len(texts(transcript, "problem")) == 1
    assert texts(transcript, "answer") == ["half an answer"] * streamed
    for _ in range(2):
        await chat.continue_run()
    assert ["torn" in text for text in texts(transcript, "problem")] == [True, False]


async def test_two_equal_answers_of_one_run_are_both_shown():
    async def node(state):
        for _ in range(2):
            await FakeListChatModel(responses=["ok"]).ainvoke("")
        raise RuntimeError("broken")

    chat, transcript = chat_on(one_node(node))
    await chat.send("hello")
    await chat.continue_run()
    assert texts(transcript, "answer") == ["ok", "ok"]


async def test_a_graph_whose_input_has_no_messages_says_so_and_shows_the_failure():
    class Email(TypedDict):
        email: dict

    class State(MessagesState):
        email: dict

    graph = StateGraph(State, input_schema=Email)
    graph.add_node("triage", lambda state: {"messages": [AIMessage(str(state["email"]))]})
    graph.add_edge(START, "triage")
    chat, transcript = chat_on(graph.compile(checkpointer=InMemorySaver()))
    assert "Email" in chat.access.caveats[0]
    await chat.send("hello")
    assert texts(transcript, "you") == ["hello"] and texts(transcript, "problem")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (AIMessage("half a sent", response_metadata={"finish_reason": "length"}), "cut off"),
        (AIMessage("half", response_metadata={"stop_reason": "max_tokens"}), "cut off"),
        (AIMessage("", response_metadata={"finish_reason": "content_filter"}), "filtered"),
        (AIMessage([{"type": "thinking", "thinking": "hm"}]), "only reasoned"),
        (AIMessage("", additional_kwargs={"reasoning_content": "hm"}), "only reasoned"),
        (AIMessage("", additional_kwargs={"refusal": "I may not"}), "I may not"),
    ],
)
async def test_the_reason_of_an_early_end_is_shown_also_after_a_restart(message, told):
    chat, transcript = chat_on(one_node(lambda state: {"messages": [message]}))
    await chat.send("hello")
    again, reread = chat_on(chat.graph, thread_id=chat.thread_id)
    await again.load()
    for shown in (transcript, reread):
        notes = [
            e.get("note") or e["text"] for e in shown.entries if e["kind"] in ("answer", "note")
        ]
        assert told in notes[-1]


async def test_a_value_that_raises_when_it_is_shown_ends_no_run():
    class Detached:
        def __repr__(self):
            raise RuntimeError("detached")

    def node(state):
        get_stream_writer()({"label": "x", "row": Detached()})
        return {"messages": [AIMessage("done")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("hello")
    assert transcript.kept()[-1] == ("answer", "done") and not chat.running


@pytest.mark.parametrize("text", ["heard {}", ""])
async def test_an_answer_in_place_of_an_earlier_one_is_an_answer(text):
    def node(state):
        return {"messages": [AIMessage(text.format(state["messages"][-1].text), id="board")]}

    chat, transcript = chat_on(one_node(node))
    for said in ("one", "two", "three"):
        await chat.send(said)
    assert texts(transcript, "answer") == (["heard three"] if text else [])
    assert texts(transcript, "note") == ([ABOVE] * 2 if text else [NO_ANSWER] * 3)


async def test_a_run_that_goes_on_and_only_ends_says_nothing_of_an_answer_that_is_there():
    graph = StateGraph(MessagesState).add_node("end", lambda state: {})
    graph.add_node("node", lambda state: {"messages": [AIMessage("done")]})
    graph.add_edge(START, "node").add_edge("node", "end")
    chat, transcript = chat_on(
        graph.compile(checkpointer=InMemorySaver(), interrupt_before=["end"])
    )
    await chat.send("go")
    await chat.continue_run()
    assert texts(transcript, "answer") == ["done"] and not texts(transcript, "note")


class Watched(AgentMiddleware):
    """Wraps calls of models and tools, and knows no asynchronous way."""

    def wrap_model_call(self, request, handler):
        return handler(request)


@wrap_tool_call
def watched_tools(request, handler):
    return handler(request)


@pytest.mark.parametrize("middleware", [Watched(), watched_tools])
async def test_a_graph_that_only_runs_synchronously_is_told_what_to_change(middleware):
    agent = create_agent(
        OfflineChatModel(), [book_place], middleware=[middleware], checkpointer=InMemorySaver()
    )
    chat, transcript = chat_on(agent)
    await chat.send("book Dawon for 2 tomorrow")
    (problem,) = texts(transcript, "problem")
    assert "`async def`" in problem.splitlines()[0] and "Asynchronous implementation" in problem
