"""The chat takes any graph, or says in one sentence what has to be changed."""

import asyncio
import enum
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import InitVar, dataclass, field
from typing import Annotated, ClassVar, Literal

import pytest
import typing_extensions
from chat_graphs import chat_on, moody, one_node, texts
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.runtime import Runtime
from langgraph.store.sqlite.aio import AsyncSqliteStore
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, create_model
from pydantic.dataclasses import dataclass as pydantic_dataclass

from course_lib.chat import ChatController, ChatError, ChatPanel
from course_lib.chat.message_keys import read_messages
from course_lib.chat.thread_locks import shared_thread
from course_lib.persistence import open_async_checkpointer, open_checkpointer


class Mood(enum.Enum):
    KIND = "kind"
    DRY = "dry"


@dataclass
class Record:
    user: str = "nobody"
    tone: Literal["kind", "dry"] = "dry"
    mood: Mood = Mood.DRY


class Model(BaseModel):
    user: str = "nobody"
    tone: Literal["kind", "dry"] = "dry"
    mood: Mood | None = Mood.DRY


@dataclass
class Connection:
    db: sqlite3.Connection
    search: Callable[[str], str]
    tone: Literal["kind", "dry"] = "kind"


def telling(schema, saver=None):
    def node(state: MessagesState, runtime: Runtime):
        return {"messages": [AIMessage(str(runtime.context))]}

    graph = StateGraph(MessagesState, context_schema=schema).add_node(node).add_edge(START, "node")
    return graph.compile(checkpointer=saver or InMemorySaver())


@pytest.mark.parametrize("schema", [Record, Model])
async def test_a_context_has_its_defaults_its_choices_and_what_is_given(schema):
    panel = ChatPanel(telling(schema))
    assert set(panel.run_context.choices) == {"tone", "mood"}
    await panel.send("who?")
    assert texts(panel.transcript, "answer")[-1] == str(schema())
    panel.run_context.choices["tone"].value = "kind"
    panel.run_context.choices["mood"].value = Mood.KIND
    await panel.send("and now?")
    expected = str(schema(tone="kind", mood=Mood.KIND))
    assert texts(panel.transcript, "answer")[-1] == expected
    for given in ({"user": "ann"}, schema(user="ann")):
        panel = ChatPanel(telling(schema), context=given)
        await panel.send("who?")
        assert texts(panel.transcript, "answer")[-1] == str(schema(user="ann"))


Tone = Literal["kind", "dry"]


def from_the_environment():
    return os.environ["NO_SUCH_TONE"]


@dataclass
class FailingRecord:
    tone: Tone = "kind"
    token: str = field(default_factory=from_the_environment)


class FailingModel(BaseModel):
    tone: Tone = "kind"
    token: str = Field(default_factory=from_the_environment)


@dataclass
class FailingChoice:
    tone: Tone = field(default_factory=from_the_environment)


class FailingModelChoice(BaseModel):
    tone: Tone = Field(default_factory=from_the_environment)


@pytest.mark.parametrize("schema", [FailingRecord, FailingModel, FailingChoice, FailingModelChoice])
async def test_a_default_that_cannot_be_made_is_told_when_the_graph_runs(schema, monkeypatch):
    """A token is often set in a later cell than the one that makes the panel."""
    panel = ChatPanel(telling(schema))
    panel.run_context.choices["tone"].value = "dry"
    await panel.send("hello")
    if "Choice" not in schema.__name__:
        assert "NO_SUCH_TONE" in texts(panel.transcript, "problem")[0]
        monkeypatch.setenv("NO_SUCH_TONE", "secret")
        await panel.send("again")
    assert texts(panel.transcript, "answer") == [str(schema(tone="dry"))]


@dataclass
class MadeForEachRun:
    seen: list = field(default_factory=list)


class MadeForEachRunModel(BaseModel):
    seen: list = Field(default_factory=list)


@pytest.mark.parametrize("schema", [MadeForEachRun, MadeForEachRunModel])
async def test_a_default_that_is_made_is_made_for_each_run(schema):
    def node(state: MessagesState, runtime: Runtime):
        runtime.context.seen.append(1)
        return {"messages": [AIMessage(str(len(runtime.context.seen)))]}

    graph = StateGraph(MessagesState, context_schema=schema).add_node(node).add_edge(START, "node")
    panel = ChatPanel(graph.compile(checkpointer=InMemorySaver()))
    for _ in range(2):
        await panel.send("hello")
    assert texts(panel.transcript, "answer") == ["1", "1"]


@dataclass
class NotAllGiven:
    tone: Tone = "kind"
    mood: Mood = field(init=False, default=Mood.DRY)
    total: ClassVar[int] = 3
    limit: InitVar[Tone] = "kind"

    def __post_init__(self, limit):
        self.made = f"{self.tone} {limit}"


class NotAllGivenModel(BaseModel):
    tone: Tone = "kind"
    total: ClassVar[Tone] = "kind"
    city: str = None  # Pydantic does not check defaults
    _own: str = "mine"


@pydantic_dataclass
class NotAllGivenBoth:
    tone: Tone = "kind"
    mood: Mood = Field(init=False, default=Mood.DRY)
    plain: Mood = field(init=False, default=Mood.DRY)


@pytest.mark.parametrize("schema", [NotAllGiven, NotAllGivenModel, NotAllGivenBoth])
async def test_a_schema_is_given_only_what_it_takes(schema):
    for options in ({}, {"context": {}}, {"context": schema()}):
        panel = ChatPanel(telling(schema), **options)
        taken = {"tone", "limit"} if schema is NotAllGiven else {"tone"}
        assert set(panel.run_context.choices) == taken
        panel.run_context.choices["tone"].value = "dry"
        await panel.send("hello")
        assert texts(panel.transcript, "answer") == [str(schema(tone="dry"))]


def with_alias(**settings):
    return create_model(
        "Aliased",
        __config__=ConfigDict(**settings),
        tone=(Tone, Field("kind", alias="Tone")),
        user=(str, Field("nobody", validation_alias=AliasChoices(AliasPath("x", 0), "User"))),
    )


@pydantic_dataclass
class AliasedBoth:
    tone: Tone = Field("kind", alias="Tone")
    user: str = Field("nobody", alias="User")


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        (with_alias(), ["Tone"]),
        (with_alias(populate_by_name=True), ["Tone", "tone"]),
        (with_alias(validate_by_name=True, validate_by_alias=False), ["tone"]),
        (with_alias(validate_by_name=True), ["Tone", "tone"]),
        (AliasedBoth, ["Tone"]),
    ],
)
async def test_a_choice_reaches_a_field_with_an_alias(schema, names):
    for given in (None, *({name: "dry"} for name in names)):
        panel = ChatPanel(telling(schema), context=given)
        choice = panel.run_context.choices["tone"]
        for chosen in [choice.value, "kind", "dry"]:
            choice.value = chosen
            await panel.send("hello")
        first = "kind" if given is None else "dry"
        expected = [str(schema(**{names[0]: tone})) for tone in (first, "kind", "dry")]
        assert texts(panel.transcript, "answer") == expected


async def test_a_field_that_lies_inside_another_value_is_no_choice():
    inside = Field("kind", validation_alias=AliasPath("user", "tone"))
    schema = create_model("Inside", tone=(Tone, inside))
    panel = ChatPanel(telling(schema), context={"user": {"tone": "dry"}})
    assert not panel.run_context.choices
    await panel.send("hello")
    assert texts(panel.transcript, "answer") == ["tone='dry'"]


async def test_a_context_that_is_missing_is_named_with_the_message():
    panel = ChatPanel(telling(Connection))
    await panel.send("hello")
    assert texts(panel.transcript, "you") == ["hello"]
    assert "db" in texts(panel.transcript, "problem")[0]
    given = Connection(sqlite3.connect(":memory:"), str)
    panel = ChatPanel(telling(Connection), context=given)
    await panel.send("hello")
    assert "sqlite3.Connection" in texts(panel.transcript, "answer")[0]


@dataclass
class WithoutDefaults:
    user_id: str
    city: str


class RequiredModel(BaseModel):
    user_id: str
    tone: Literal["kind", "dry"] = "kind"


class Keys(typing_extensions.TypedDict):
    user_id: str


@pytest.mark.parametrize(
    ("schema", "read", "given"),
    [
        (WithoutDefaults, lambda runtime: runtime.context.user_id, None),
        (WithoutDefaults, lambda runtime: runtime.context.user_id, {"city": "Seoul"}),
        (RequiredModel, lambda runtime: runtime.context.user_id, None),
        (Keys, lambda runtime: runtime.context["user_id"], None),
        (Keys, lambda runtime: runtime.context["user_id"], {}),
    ],
    ids=["no context", "a field", "a model", "no mapping", "an empty mapping"],
)
async def test_what_a_context_lacks_is_named_with_where_to_give_it(schema, read, given):
    def node(state: MessagesState, runtime: Runtime):
        return {"messages": [AIMessage(f"for {read(runtime)}")]}

    graph = StateGraph(MessagesState, context_schema=schema).add_node(node).add_edge(START, "node")
    graph = graph.compile(checkpointer=InMemorySaver())
    panel = ChatPanel(graph, context=given)
    await panel.send("hello")
    (problem,) = texts(panel.transcript, "problem")
    assert "context={'user_id': ...}" in problem and "city" not in problem
    panel = ChatPanel(graph, context={"user_id": "u-7", "city": "Seoul", **(given or {})})
    await panel.send("hello")
    assert texts(panel.transcript, "answer") == ["for u-7"]


def other_dictionary(runtime):
    order = {"city": "Seoul"}
    return order["user_id"]


@pytest.mark.parametrize(
    ("schema", "given", "fault"),
    [
        (Keys, None, other_dictionary),
        (Keys, {"user_id": "u-7"}, lambda runtime: runtime.context["city"]),
        (WithoutDefaults, {"user_id": "u-7", "city": "Seoul"}, lambda _: WithoutDefaults("u-7")),
        (WithoutDefaults, None, lambda runtime: "Seoul".user_id),
    ],
)
async def test_a_fault_of_another_kind_is_not_put_down_to_the_context(schema, given, fault):
    def node(state: MessagesState, runtime: Runtime):
        return fault(runtime)

    graph = StateGraph(MessagesState, context_schema=schema).add_node(node).add_edge(START, "node")
    panel = ChatPanel(graph.compile(checkpointer=InMemorySaver()), context=given)
    await panel.send("hello")
    assert "context=" not in texts(panel.transcript, "problem")[0]


async def test_values_for_the_configuration_reach_the_graph():
    def node(state: MessagesState, config):
        return {"messages": [AIMessage(config["configurable"]["customer"])]}

    panel = ChatPanel(one_node(node), configurable={"customer": "c-7"})
    await panel.send("who?")
    assert texts(panel.transcript, "answer") == ["c-7"]
    with pytest.raises(ValueError, match="thread_id="):
        ChatPanel(moody(), configurable={"thread_id": "t"})


def read_as_it_is(config):
    return config["configurable"]["customer"]


def read_by_its_name(config):
    configurable = config.get("configurable", {})
    return configurable["customer"]


def read_by_another_name(config):
    settings = config["configurable"]
    return settings["customer"]


@pytest.mark.parametrize("read", [read_as_it_is, read_by_its_name, read_by_another_name])
async def test_what_the_configuration_lacks_is_named_with_where_to_give_it(read):
    def node(state: MessagesState, config: RunnableConfig):
        return {"messages": [AIMessage(read(config))]}

    panel = ChatPanel(one_node(node))
    await panel.send("who?")
    assert "configurable={'customer': ...}" in texts(panel.transcript, "problem")[0]
    panel = ChatPanel(one_node(node), configurable={"customer": "c-7"})
    await panel.send("who?")
    assert texts(panel.transcript, "answer") == ["c-7"]


@pytest.mark.parametrize(
    "fault",
    [
        lambda config: {"city": "Seoul"}["customer"],
        lambda config: config["metadata"]["customer"],
        lambda config: {"city": {}}[config["configurable"]["thread_id"]],
        lambda config: {}.pop("customer"),
    ],
)
async def test_a_fault_of_another_kind_is_not_put_down_to_the_configuration(fault):
    def node(state: MessagesState, config: RunnableConfig):
        return {"messages": [AIMessage(fault(config))]}

    panel = ChatPanel(one_node(node))
    await panel.send("hello")
    assert "configurable=" not in texts(panel.transcript, "problem")[0]


async def test_a_panel_opens_the_thread_that_it_is_given():
    graph = moody()
    await graph.ainvoke({"messages": ["from code"]}, {"configurable": {"thread_id": "mine"}})
    panel = ChatPanel(graph, thread_id="mine")
    await panel.load()
    assert texts(panel.transcript, "you") == ["from code"]
    await panel.send("two")
    assert panel.config["configurable"]["thread_id"] == "mine"


@pytest.mark.parametrize(("limit", "ends"), [(None, False), (500, True)])
async def test_the_recursion_limit_of_the_graph_holds(limit, ends):
    class Counted(MessagesState):
        n: int

    graph = StateGraph(Counted)
    graph.add_node("step", lambda state: {"n": state.get("n", 0) + 1})
    graph.add_node("tell", lambda state: {"messages": [AIMessage(f"{state['n']} steps")]})
    graph.add_edge(START, "step").add_edge("tell", END)
    graph.add_conditional_edges("step", lambda s: "step" if s["n"] < 120 else "tell")
    app = graph.compile(checkpointer=InMemorySaver())
    app = app.with_config({"recursion_limit": limit}) if limit else app
    chat, transcript = chat_on(app)
    await chat.send("go")
    assert texts(transcript, "answer") == (["120 steps"] if ends else [])
    assert bool(texts(transcript, "problem")) != ends


@dataclass(kw_only=True)
class Owned:
    user_id: str

    @classmethod
    def from_runnable_config(cls, config: RunnableConfig):
        names = set(typing_extensions.get_type_hints(cls)) & set(config["configurable"])
        return cls(**{name: config["configurable"][name] for name in names})


@dataclass(kw_only=True)
class Configuration(Owned):
    tone: Literal["kind", "dry"] = "kind"


class ConfigurationModel(BaseModel):
    user_id: str
    tone: Literal["kind", "dry"] = "kind"
    from_runnable_config = classmethod(Owned.from_runnable_config.__func__)


def configured(schema, made=None):
    def node(state: MessagesState, config: RunnableConfig, runtime: Runtime):
        (made or schema).from_runnable_config(config)
        read = schema.from_runnable_config(config)
        assert runtime.context in (None, read)
        return {"messages": [AIMessage(f"{read.tone} to {read.user_id}")]}

    graph = StateGraph(MessagesState, context_schema=schema).add_node(node).add_edge(START, "node")
    return graph.compile(checkpointer=InMemorySaver())


@pytest.mark.parametrize("schema", [Configuration, ConfigurationModel])
async def test_a_schema_that_is_read_from_the_configuration_is_found_there(schema):
    given = {"user_id": "u-7"}
    for options in ({"context": given}, {"context": schema(**given)}, {"configurable": given}):
        panel = ChatPanel(configured(schema), **options)
        await panel.send("hello")
        panel.run_context.choices["tone"].value = "dry"
        await panel.send("again")
        assert texts(panel.transcript, "answer") == ["kind to u-7", "dry to u-7"]


async def test_a_typed_dict_is_read_as_a_context_and_from_the_configuration():
    class Choices(typing_extensions.TypedDict, total=False):
        user_id: str
        tone: Literal["kind", "dry"]

    def node(state: MessagesState, config: RunnableConfig, runtime: Runtime[Choices]):
        names = sorted(set(Choices.__annotations__) & set(config["configurable"]))
        read = {name: config["configurable"][name] for name in names}
        more = dict(runtime.context)
        assert more.pop("not named", 1) == 1
        return {"messages": [AIMessage(f"{read == more} {read}")]}

    graph = StateGraph(MessagesState, context_schema=Choices).add_node(node).add_edge(START, "node")
    graph = graph.compile(checkpointer=InMemorySaver())
    given = {"user_id": "u-7"}
    for options in ({}, {"context": {**given, "not named": 1}}, {"configurable": given}):
        panel = ChatPanel(graph, **options)
        panel.run_context.choices["tone"].value = "dry"
        await panel.send("hello")
        read = {"tone": "dry", **({"user_id": "u-7"} if options else {})}
        assert texts(panel.transcript, "answer") == [f"True {read}"]


@pytest.mark.parametrize(
    ("schema", "made"),
    [(Configuration, Configuration), (Configuration, Owned), (ConfigurationModel, None)],
)
async def test_what_the_configuration_lacks_is_named_with_a_remedy_that_helps(schema, made):
    graph = configured(schema, made)
    panel = ChatPanel(graph)
    await panel.send("hello")
    assert "context={'user_id': ...}" in texts(panel.transcript, "problem")[0]
    panel = ChatPanel(graph, context={"user_id": "u-7"})
    await panel.send("hello")
    assert texts(panel.transcript, "answer") == ["kind to u-7"]


@pytest.mark.parametrize(
    ("thing", "told"),
    [
        (StateGraph(MessagesState), "was not compiled"),
        ("graph", "this is a str"),
        (lambda state: state, "compiled LangGraph graph"),
    ],
)
def test_what_is_no_graph_is_refused_with_the_remedy(thing, told):
    for made in (ChatPanel, ChatController):
        with pytest.raises(TypeError, match=told):
            made(thing)


def test_messages_without_a_reducer_are_told_when_the_panel_is_made():
    class Bare(typing_extensions.TypedDict):
        messages: list[AnyMessage]

    graph = StateGraph(Bare).add_node("node", lambda state: {}).add_edge(START, "node")
    panel = ChatPanel(graph.compile(checkpointer=InMemorySaver()))
    assert "add_messages" in texts(panel.transcript, "note")[0]


class Needing(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages]
    topic: str
    count: int = 0


@dataclass
class NeedingRecord:
    topic: str
    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list)
    count: int = 0


@pytest.mark.parametrize("schema", [Needing, NeedingRecord])
@pytest.mark.parametrize("branching", [True, False])
def test_a_state_that_messages_alone_cannot_begin_is_told_when_the_panel_is_made(schema, branching):
    graph = StateGraph(schema).add_node("node", lambda state: {})
    if branching:
        graph.add_conditional_edges(START, lambda state: "node", ["node"])
    else:
        graph.add_edge(START, "node")
    panel = ChatPanel(graph.compile(checkpointer=InMemorySaver()))
    (told,) = texts(panel.transcript, "note")
    assert "'topic'" in told and "count" not in told and "default" in told


def test_a_field_that_the_first_node_fills_in_is_no_caveat():
    graph = StateGraph(MessagesState)
    graph.add_node("fill", lambda state: {"topic": "x"})
    graph.add_node("use", lambda state: {}, input_schema=Needing)
    graph.add_edge(START, "fill").add_edge("fill", "use")
    assert not chat_on(graph.compile(checkpointer=InMemorySaver()))[0].access.caveats


@pytest.mark.parametrize("own", [True, None])
def test_a_subgraph_with_a_memory_of_its_own_is_told_when_the_panel_is_made(own):
    inner = StateGraph(MessagesState).add_node("node", lambda state: {}).add_edge(START, "node")
    graph = StateGraph(MessagesState).add_node("helper", inner.compile(checkpointer=own))
    app = graph.add_edge(START, "helper").compile(checkpointer=InMemorySaver())
    told = texts(ChatPanel(app).transcript, "note")
    assert bool(told) == bool(own) and all("'helper'" in each for each in told)


async def test_what_is_told_of_a_graph_stays_above_every_thread():
    class Bare(typing_extensions.TypedDict):
        messages: list[AnyMessage]

    graph = StateGraph(Bare).add_node("node", lambda state: {}).add_edge(START, "node")
    panel = ChatPanel(graph.compile(checkpointer=InMemorySaver()))
    await panel.load()
    await panel.new_thread()  # this one is still new
    assert len(panel.threads.widget.rows) == 1
    await panel.send("one")
    assert "add_messages" in panel.transcript.entries[0]["text"]
    await panel.new_thread()
    assert ["add_messages" in text for text in texts(panel.transcript, "note")] == [True]


def test_an_entrypoint_is_refused_with_the_remedy():
    @entrypoint(checkpointer=InMemorySaver())
    def app(given):
        return given

    with pytest.raises(ValueError, match="node of a StateGraph"):
        ChatPanel(app)


@pytest.mark.parametrize("strict", [True, False])
async def test_two_graphs_on_one_saver_and_thread_take_turns(strict, tmp_path, monkeypatch):
    monkeypatch.setenv("LANGGRAPH_STRICT_MSGPACK", str(strict).lower())
    log = []

    async def node(state):
        text = str(state["messages"][-1].text)
        log.append(text)
        await asyncio.sleep(0.05)
        log.append(text)
        return {"messages": [AIMessage(f"heard {text}")]}

    with open_checkpointer(f"sqlite:///{tmp_path / 'chat.db'}") as saver:
        chats = [ChatController(one_node(node, saver), thread_id="t") for _ in range(2)]
        await asyncio.gather(*(chat.send(text) for chat, text in zip(chats, "ab", strict=True)))
    assert log in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


@pytest.mark.parametrize("opening", ["again", "to await"])
async def test_turns_are_taken_by_two_savers_of_one_file(tmp_path, opening):
    """A cell that opens the saver and makes the panel may have run twice."""
    log, url = [], f"sqlite:///{tmp_path / 'chat.db'}"

    async def node(state):
        log.append("in")
        await asyncio.sleep(0.05)
        log.append("out")
        return {"messages": [AIMessage("heard")]}

    async with AsyncExitStack() as opened:
        first = opened.enter_context(open_checkpointer(url))
        if opening == "again":
            second = opened.enter_context(open_checkpointer(url))
        else:
            second = await opened.enter_async_context(open_async_checkpointer(url))
        chats = [ChatController(one_node(node, saver), thread_id="t") for saver in (first, second)]
        await asyncio.gather(*(chat.send(text) for chat, text in zip(chats, "ab", strict=True)))
        stored = (await chats[0].access.snapshot(chats[0].config)).values["messages"]
    assert log == ["in", "out"] * 2
    assert sorted(each.text for each in stored) == ["a", "b", "heard", "heard"]


def test_savers_of_two_files_are_two(tmp_path):
    with open_checkpointer("sqlite:///" + str(tmp_path / "a.db")) as first:
        with open_checkpointer("sqlite:///" + str(tmp_path / "b.db")) as second:
            copy = SqliteSaver(first.conn, serde=second.serde)
            assert shared_thread(first, "t") is shared_thread(first, "t")
            assert shared_thread(first, "t") is not shared_thread(second, "t")
            assert shared_thread(first, "t") is not shared_thread(first, "u")
            assert shared_thread(copy, "t") is not shared_thread(second, "t")


def test_turns_are_taken_across_event_loops():
    graph, log = moody(), []

    def chat_in_a_loop_of_its_own(text):
        async def talk():
            chat, transcript = chat_on(graph, thread_id="t")
            for n in range(3):
                await chat.send(f"{text} {n}")
                log.append(transcript.kept()[-1][1])

        asyncio.run(talk())

    jobs = [threading.Thread(target=chat_in_a_loop_of_its_own, args=(t,)) for t in ("a", "b")]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(30)
    assert sorted(log) == sorted(f"heard {t} {n}" for t in ("a", "b") for n in range(3))
    stored = graph.get_state({"configurable": {"thread_id": "t"}}).values["messages"]
    assert [m.type for m in stored] == ["human", "ai"] * 6


async def test_an_asynchronous_store_keeps_the_list_of_threads(tmp_path):
    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "store.db")) as store:
        await store.setup()
        saver = InMemorySaver()
        first = ChatPanel(moody(saver), store=store)
        await first.load()
        await first.send("hello")
        await asyncio.sleep(0.2)
        second = ChatPanel(moody(saver), store=store)
        await second.load()
        assert texts(second.transcript, "you") == ["hello"]


class Strict(InMemorySaver):
    """Refuses an empty thread id, as some savers do."""

    async def aget_tuple(self, config):
        if not config["configurable"]["thread_id"]:
            raise ValueError("thread_id='' is not valid")
        return await super().aget_tuple(config)


async def test_a_saver_that_refuses_odd_ids_carries_a_chat():
    chat, transcript = chat_on(moody(Strict()))
    await chat.send("hi")
    assert transcript.kept()[-1] == ("answer", "heard hi")


def summarising(saver=None):
    """Replaces all but the last message of a person by a summary under the role of a person."""

    def node(state: MessagesState):
        persons = [m for m in state["messages"] if m.type == "human" and m.name != "graph"]
        summary = HumanMessage(f"They said {len(persons)} things.", name="graph", id="summary")
        removed = [RemoveMessage(m.id) for m in state["messages"][:-1] if m.id != "summary"]
        answer = AIMessage(f"heard {persons[-1].text}", name="teller")
        return {"messages": [*removed, summary, answer]}

    return one_node(node, saver)


async def test_what_the_graph_wrote_under_a_persons_role_is_the_graphs():
    graph = summarising()
    chat, transcript = chat_on(graph)
    for text in ("one", "two"):
        await chat.send(text)
    again, reread = chat_on(graph, thread_id=chat.thread_id)
    await again.load()
    for shown in (transcript, reread):
        assert texts(shown, "you") == ["two"]
        assert texts(shown, "summary") == ["They said 2 things."]
        (summary,) = [entry for entry in shown.entries if entry["kind"] == "summary"]
        assert summary["author"] == "graph"
        assert shown.entries[-1]["author"] == "teller"
    with pytest.raises(ChatError, match="The graph wrote"):
        await chat.edit(summary["key"], "x")
    await again.try_again(reread.entries[-1]["key"])
    assert texts(reread, "you") == ["two"]


@pytest.mark.parametrize(
    "form",
    [
        lambda text: {"role": "user", "content": text},
        lambda text: ("user", text),
        lambda text: text,
        HumanMessage,
        None,
    ],
    ids=["a dict", "a pair", "a text", "a message", "a change of the list"],
)
async def test_what_the_graph_wrote_without_an_id_is_the_graphs_at_once(form):
    def node(state: MessagesState):
        if form is None:
            state["messages"].append(HumanMessage("3 files"))
        return {"messages": [*([form("3 files")] if form else []), AIMessage("There are three.")]}

    graph = one_node(node)
    chat, transcript = chat_on(graph)
    for text in ("count them", "3 files"):  # a person may use the same words
        await chat.send(text)
    again, reread = chat_on(graph, thread_id=chat.thread_id)
    await again.load()
    for shown in (transcript, reread):
        assert texts(shown, "you") == ["count them", "3 files"]
        assert texts(shown, "summary") == ["3 files"] * 2
    await chat.try_again(transcript.entries[-1]["key"])
    assert texts(transcript, "you") == ["count them", "3 files"]


@pytest.mark.parametrize("renamed", [True, False])
async def test_a_persons_message_is_theirs_under_any_reducer(renamed):
    def put(old, new):
        ids = [f"{len(old) + n}" if renamed else None for n in range(len(new))]
        return [*old, *(m.model_copy(update={"id": i}) for m, i in zip(new, ids, strict=True))]

    class Renamed(typing_extensions.TypedDict):
        messages: Annotated[list[AnyMessage], put]

    def node(state: Renamed):
        return {"messages": [HumanMessage("too long", name="critic"), AIMessage("short")]}

    graph = StateGraph(Renamed).add_node(node).add_edge(START, "node")
    chat, transcript = chat_on(graph.compile(checkpointer=InMemorySaver()))
    await chat.send("write")
    await chat.send("and again")
    assert texts(transcript, "you") == ["write", "and again"]
    assert texts(transcript, "summary") == ["too long"] * 2


async def test_what_people_said_elsewhere_is_theirs():
    graph = moody()
    config = {"configurable": {"thread_id": "t"}}
    await graph.ainvoke({"messages": [("user", "by code")]}, config)
    await graph.aupdate_state(config, {"messages": [HumanMessage("by hand")]})
    chat, transcript = chat_on(graph, thread_id="t")
    await chat.load()
    assert texts(transcript, "you") == ["by code", "by hand"] and not texts(transcript, "summary")


async def test_images_and_names_survive_an_edit_and_a_second_try():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    graph = moody()
    config = {"configurable": {"thread_id": "t"}}
    said = HumanMessage([{"type": "text", "text": "what is this?"}, picture], name="ann")
    await graph.ainvoke({"messages": [said]}, config)
    chat, transcript = chat_on(graph, thread_id="t")
    await chat.load()
    assert transcript.entries[0]["attachments"] == ["image"]
    await chat.edit(transcript.entries[0]["key"], "and this?")
    await chat.try_again(transcript.entries[-1]["key"])
    stored = graph.get_state(config).values["messages"][0]
    assert stored.content == [{"type": "text", "text": "and this?"}, picture]
    assert stored.name == "ann"


async def test_a_checkpoint_that_does_not_exist_is_refused():
    chat, transcript = chat_on(moody())
    await chat.send("one")
    before = transcript.kept()
    with pytest.raises(ChatError, match="no checkpoint 'nowhere'"):
        await chat.go_to("nowhere")
    await chat.send("two")
    assert transcript.kept()[:2] == before and len(transcript.kept()) == 4


async def test_a_stop_between_fork_and_run_leaves_the_true_thread_on_the_screen(monkeypatch):
    graph = moody()
    chat, transcript = chat_on(graph)
    for text in ("one", "two"):
        await chat.send(text)
    before = transcript.kept()
    read_before = chat._reader.read_before

    async def stopped_meanwhile(*arguments):
        found = await read_before(*arguments)
        chat.stop()
        return found

    monkeypatch.setattr(chat._reader, "read_before", stopped_meanwhile)
    await chat.edit(transcript.entries[0]["key"], "uno")
    assert transcript.kept() == before
    monkeypatch.undo()
    await chat.send("three")
    assert transcript.kept()[:4] == before


async def test_the_tree_is_always_of_the_thread_in_front():
    panel = ChatPanel(moody())
    await panel.load()
    panel.inspector.view_selector.value = "Tree"
    await panel.send("one")
    await panel.send("two")
    job = asyncio.create_task(panel.inspector._read_tree())
    await asyncio.sleep(0)
    await panel.new_thread()
    await job
    await asyncio.sleep(0.1)
    assert panel.inspector.tree.turns == []


class Listed(typing_extensions.TypedDict):
    messages: Annotated[list, lambda old, new: [*old, *new]]


async def test_messages_of_no_known_form_are_shown_and_stop_nothing():
    def node(state: Listed):
        return {"messages": [("assistant", "a pair"), 42, {"no": "message"}]}

    graph = StateGraph(Listed).add_node(node).add_edge(START, "node")
    chat, transcript = chat_on(graph.compile(checkpointer=InMemorySaver()))
    await chat.send("hello")
    assert texts(transcript, "answer")[:2] == ["a pair", "42"]
    await chat.send("again")
    assert texts(transcript, "you") == ["hello", "again"]


def test_messages_that_a_dict_holds_by_their_ids_are_read_as_a_list():
    said, plain = HumanMessage("one", id="a"), {"role": "assistant", "content": "two"}
    read = read_messages({"a": said, "b": plain})
    assert [(m.type, m.text, m.id) for m in read] == [("human", "one", "a"), ("ai", "two", "b")]
    assert read_messages({}) == []
    assert [m.text for m in read_messages(plain)] == ["two"]
    assert [m.type for m in read_messages({"no": "message"})] == ["chat"]
