"""A step that has not ended: what its finished nodes wrote is neither lost nor told wrongly."""

import asyncio
import time
from dataclasses import dataclass
from functools import partial

import pytest
from agent_shapes import Whole
from chat_graphs import chat_on, one_node, settled, texts
from langchain.agents import create_agent
from langchain.tools import tool
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt
from waiting import wait_until

from course_lib.chat import ChatController, ChatPanel
from course_lib.chat.forking import NO_RESULT
from course_lib.persistence import open_checkpointer

charged: list[str] = []


@tool
def charge(amount: str) -> str:
    """Charge the card."""
    charged.append(amount)
    return f"charged {amount}"


@tool
def mail(text: str) -> str:
    """Send a mail."""
    wait_until(lambda: charged)
    time.sleep(0.3)  # a tool beside it that has not ended yet would be cancelled
    raise ConnectionError("the mail server is away")


@tool
def confirm(text: str) -> str:
    """Ask before sending."""
    return str(interrupt(f"send {text}?"))


def calls(*names):
    made = [
        {"name": name, "args": {"amount": "10", "text": "hi"}, "id": f"call-{number}"}
        for number, name in enumerate(names)
    ]
    return AIMessage("", tool_calls=made)


def answers_of_tools(graph, chat):
    messages = graph.get_state({"configurable": {"thread_id": chat.thread_id}}).values["messages"]
    return {m.name: m for m in messages if isinstance(m, ToolMessage)}


@pytest.mark.parametrize("url", ["memory:", "sqlite"])
@pytest.mark.parametrize("other", ["mail", "confirm"])
@pytest.mark.parametrize("first", [True, False])
async def test_a_tool_that_ran_is_not_told_to_the_model_as_not_run(url, other, first, tmp_path):
    names = ["charge", other] if first else [other, "charge"]
    charged.clear()
    with open_checkpointer(url.replace("sqlite", f"sqlite:///{tmp_path / 'a.db'}")) as saver:
        arguments = {"amount": "10", "text": "hi"}
        model = Whole(calls=[[(name, arguments) for name in names]])
        graph = create_agent(model, [charge, mail, confirm], checkpointer=saver)
        panel = ChatPanel(graph)
        await panel.send("use a tool to pay, and one to write")
        await settled(panel)
        await panel.controller.send("did you charge me?")
        await settled(panel)
        stored = answers_of_tools(graph, panel.controller)
        ran, left = stored["charge"], stored[other]
        assert (ran.content, ran.status) == ("charged 10", "success")
        assert "continued with another message" in left.content and left.status == "error"
        assert charged == ["10"]
        work = next(e for e in panel.transcript.entries if e["kind"] == "work")
        states = {chip["name"]: chip["state"] for chip in work["chips"] if chip["kind"] == "tool"}
        assert states == {"charge": "done", other: "stopped"}


@tool
def slow(text: str) -> str:
    """Charge, and fail to say so in time."""
    charged.append(text)
    time.sleep(1)
    return "charged"


@pytest.mark.parametrize("other", ["mail", ""])
async def test_a_tool_that_was_broken_off_is_not_told_to_the_model_as_not_run(other):
    """Another tool fails beside it, or the person presses Stop: it may have done its work."""
    names = ["slow", "mail"] if other else ["slow"]
    charged.clear()
    model = Whole(calls=[[(name, {"amount": "10", "text": "hi"}) for name in names]])
    graph = create_agent(model, [slow, mail], checkpointer=InMemorySaver())
    panel = ChatPanel(graph)
    sending = asyncio.ensure_future(panel.send("use a tool to pay"))
    if not other:
        while not charged:
            await asyncio.sleep(0.01)
        panel.controller.stop()
    await sending
    await settled(panel)
    await panel.controller.send("did you charge me?")
    await settled(panel)
    told = answers_of_tools(graph, panel.controller)["slow"]
    assert told.content == NO_RESULT and told.status == "error"
    (work, *_) = [e for e in panel.transcript.entries if e["kind"] == "work"]
    states = {chip["name"]: chip["state"] for chip in work["chips"] if chip["kind"] == "tool"}
    assert states["slow"] == "stopped"


class Cart(MessagesState):
    cart: list


@tool
def put(amount: str, text: str) -> Command:
    """Put something into the cart."""
    answer = ToolMessage(f"put {text} there", tool_call_id="call-0", name="put")
    return Command(update={"cart": [text], "messages": [answer]})


async def test_a_tool_whose_other_writes_are_lost_says_so():
    async def agent(state):
        last = state["messages"][-1]
        return {"messages": [calls("put", "mail") if last.text == "go" else AIMessage("I see.")]}

    def route(state):
        made = getattr(state["messages"][-1], "tool_calls", [])
        return [Send("tools", [call]) for call in made] or "__end__"

    builder = StateGraph(Cart).add_node("agent", agent)
    builder.add_node("tools", ToolNode([put, mail], handle_tool_errors=False))
    builder.add_edge(START, "agent").add_conditional_edges("agent", route, ["tools", "__end__"])
    graph = builder.add_edge("tools", "agent").compile(checkpointer=InMemorySaver())
    chat = ChatController(graph)
    await chat.send("go")
    await chat.send("well?")
    told = answers_of_tools(graph, chat)["put"].content
    assert told.startswith("put hi there (The tool ran.") and "was lost" in told
    assert not graph.get_state(chat.config).values.get("cart")


def side_by_side(how, kind=AIMessage):
    def a(state):
        return {"messages": [kind(f"A says {state['messages'][-1].text}")]}

    async def b(state):
        if state["messages"][-1].text == "one":
            if how == "fails":
                await asyncio.sleep(0.3)  # the node beside it would be cancelled
                raise ValueError("b fails")
            if how == "asks":
                interrupt("b asks?")
            await asyncio.sleep(60 if how == "is slow" else 0)
        return {"messages": [AIMessage("B answers")]}

    builder = StateGraph(MessagesState).add_node("a", a).add_node("b", b)
    builder.add_edge(START, "a").add_edge(START, "b")
    return builder.compile(checkpointer=InMemorySaver())


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("fails", AIMessage),
        ("asks", AIMessage),
        ("asks", partial(ChatMessage, role="expert")),
        ("is slow", AIMessage),
    ],
)
async def test_an_answer_of_a_step_that_did_not_end_stays_marked_when_the_person_goes_on(how, kind):
    graph = side_by_side(how, kind)
    panel = ChatPanel(graph)
    sending = asyncio.ensure_future(panel.controller.send("one"))
    if how == "is slow":
        while "A says one" not in texts(panel.transcript, "answer"):
            await asyncio.sleep(0.01)
        panel.controller.stop()
    await sending
    await settled(panel)
    assert panel.transcript.kept()[-1] == ("answer", "A says one")
    await panel.controller.send("two")
    await settled(panel)
    (shown,) = [e for e in panel.transcript.entries if e.get("text") == "A says one"]
    assert not shown["kept"] and "before its step had ended" in shown["note"]
    kept = [text for _, text in panel.transcript.kept()]
    assert kept == ["one", "two", "A says two", "B answers"]
    order = [e["text"] for e in panel.transcript.entries if e["kind"] in ("you", "answer")]
    assert order == ["one", "A says one", "two", "A says two", "B answers"]


async def test_what_a_finished_step_wrote_gets_no_such_mark():
    chat, transcript = chat_on(side_by_side("nothing"))
    await chat.send("zero")
    await chat.send("two")
    assert all(e["kept"] for e in transcript.entries if e["kind"] == "answer")


@pytest.mark.parametrize(
    "critique",
    [
        HumanMessage("try harder"),
        ("user", "try harder"),
        {"role": "user", "content": "try harder"},
    ],
)
async def test_a_run_that_goes_on_from_its_input_knows_who_wrote_what(critique):
    def answer(state):
        return {"messages": [AIMessage(f"draft of {state['messages'][0].text}")]}

    def judge(state):
        return {"messages": [critique]}

    builder = StateGraph(MessagesState).add_node("answer", answer).add_node("judge", judge)
    graph = (
        builder.add_edge(START, "answer")
        .add_edge("answer", "judge")
        .compile(checkpointer=InMemorySaver())
    )
    for ticks in range(60):  # find the moment at which only the input is stored
        chat, transcript = chat_on(graph)
        sending = asyncio.ensure_future(chat.send("an essay"))
        for _ in range(ticks):
            await asyncio.sleep(0)
        chat.stop()
        await sending
        if any("broke off behind START" in each for each in texts(transcript, "unfinished")):
            break
    else:
        pytest.fail("no stop left the input alone")
    reopened, shown = chat_on(graph, thread_id=chat.thread_id)
    await reopened.load()
    await reopened.continue_run()
    for each in (shown,):
        assert texts(each, "you") == ["an essay"]
        assert texts(each, "summary") == ["try harder"]


async def test_agents_that_answer_one_another_as_persons_have_answered():
    def researcher(state):
        return {"messages": [HumanMessage("found it", name="researcher")]}

    chat, transcript = chat_on(one_node(researcher, InMemorySaver()))
    for _ in range(2):
        await chat.send("look")
        assert texts(transcript, "summary")[-1] == "found it"
        assert not texts(transcript, "note")


async def test_a_graph_that_writes_nothing_is_still_told():
    chat, transcript = chat_on(one_node(lambda state: {}, InMemorySaver()))
    await chat.send("look")
    assert "wrote no answer" in texts(transcript, "note")[-1]


async def test_an_earlier_breakpoint_offers_to_go_on():
    ran = []

    def act(state):
        ran.append(len(ran))
        return {"messages": [AIMessage(f"acted {len(ran)}")]}

    builder = StateGraph(MessagesState).add_node("act", act).add_edge(START, "act")
    graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["act"])
    chat, transcript = chat_on(graph)
    await chat.send("go")
    there = graph.get_state(chat.config).config["configurable"]["checkpoint_id"]
    await chat.continue_run()
    await chat.go_to(there)
    (offer,) = [e for e in transcript.entries if e["kind"] == "unfinished"]
    assert offer["button"] == "Continue" and "Next: act" in offer["text"]
    await chat.continue_run()
    assert texts(transcript, "answer") == ["acted 2"]
    ends = graph.get_state_history({"configurable": {"thread_id": chat.thread_id}})
    assert sorted(
        s.values["messages"][-1].text for s in ends if not s.next and s.values.get("messages")
    ) == ["acted 1", "acted 2"]


# ---------------------------------------------------------------- errors with their remedy


@dataclass
class Owner:
    user: str
    size: int = 1


async def test_a_misspelt_field_of_a_dataclass_context_is_named_with_the_right_ones():
    builder = StateGraph(MessagesState, context_schema=Owner)
    builder.add_node("a", lambda state, runtime: {}).add_edge(START, "a")
    chat, transcript = chat_on(
        builder.compile(checkpointer=InMemorySaver()), context={"usr": "ann"}
    )
    await chat.send("one")
    told = texts(transcript, "problem")[-1]
    assert "no field 'usr'" in told and "'user', 'size'" in told


async def told_of(node, **options):
    chat, transcript = chat_on(one_node(node, InMemorySaver()), **options)
    await chat.send("one")
    return texts(transcript, "problem")[-1]


async def test_a_graph_that_reads_what_it_was_not_given_says_where_to_give_it():
    from langgraph.runtime import Runtime

    async def reads_store(state, runtime: Runtime):
        await runtime.store.aget(("a",), "b")

    def searches_store(state, runtime: Runtime):
        runtime.store.search(("a",))

    def reads_context(state, runtime: Runtime):
        return {"messages": [AIMessage(runtime.context["user"])]}

    for node in (reads_store, searches_store):
        assert "compiled without one" in await told_of(node)
    assert "reads a context, and was not given one" in await told_of(reads_context)

    def fails_otherwise(state):
        nothing = None
        return nothing.get("x")

    assert "store" not in (await told_of(fails_otherwise)).partition("\n")[0]


async def test_what_no_checkpointer_can_store_is_told_with_what_it_can():
    def asks_with_an_object(state):
        interrupt(object())

    assert "Put plain values there" in await told_of(asks_with_an_object)


async def test_an_error_without_a_word_is_told_by_its_class():
    def late(state):
        raise TimeoutError

    assert "TimeoutError, without a word" in await told_of(late)
