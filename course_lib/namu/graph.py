"""Namu, the assistant of the course, as the chapters build it.

    START -> router -> agent <-> tools -> update_state -> END
                    \\-> refine_exclude -> agent

`router` decides the intent, `refine_exclude` notes which places the person rejected, `agent` calls
the search or answers, and `update_state` remembers which places were recommended. With a memory, a
node `remember` comes before `router`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import BaseTool
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import get_runtime
from langgraph.types import Overwrite
from pydantic import ValidationError

from course_lib.models import chat_model, pair_tool_calls
from course_lib.models.language.message_parser import language_of
from course_lib.namu.booking import book_place
from course_lib.namu.booking_changes import BOOKING_COMPANIONS
from course_lib.namu.found_places import brings_back, found_in_this_turn
from course_lib.namu.memory import MemoryWish, apply_wish, facts, user_of
from course_lib.namu.retrieval import check_sources, guides_tool
from course_lib.namu.search_tool import search_places
from course_lib.namu.state import NamuState, Rejection, RememberingState, Route

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore
    from pydantic import BaseModel

    from course_lib.models import ModelSwitch
    from course_lib.namu.retrieval import PassageIndex

MEMORY_RULES = (
    "You remember some things about the person from earlier conversations; Memory holds them. "
    "Confirm what was kept or forgotten in this turn in one short sentence.",
    "A message that only tells you something to remember or to forget, or asks what you know about "
    "the person, is a CONVERSATION. A wish that names no part of the city is near their home.",
)
"""What is added to the system prompt where Namu has a memory."""

GUIDE_RULES = (
    "For a question on how something works in Seoul, or what a neighbourhood is like, call "
    "search_guides, also in a CONVERSATION. Say only what its passages say, with the mark of the "
    "passage after each sentence, such as [1]; name title and address of each mark at the end.",
)
"""What is added to the system prompt where Namu has guides."""


def instructions(state: NamuState, *, guides: bool = False) -> SystemMessage:
    """Write the system prompt: who Namu is, and the part of the state that a model needs."""
    table = json.dumps(state.get("last_recommended_places") or [], ensure_ascii=False)
    lines = [
        "You are Namu, a guide to real places in Seoul.",
        "Answer in the language of the person's last message, Korean or English, in plain text.",
        "Recommend only places that search_places returned; number them and give the name, "
        "district and one sentence. For a FOLLOW_UP use the places on the table, and a tool only "
        "to do what the person asks for, such as booking. When an intent "
        "is CONVERSATION call no tool, and say what you can do if no wish is clear.",
        "To refine, repeat your last search with what changed. Cheaper means a max_price below "
        "the cheapest place on the table.",
        *(GUIDE_RULES if guides else ()),
        f"Places on the table: {table}",
    ]
    if "known" in state:
        told = {"known": facts(state["known"]), **state.get("memory_change", {})}
        lines += [*MEMORY_RULES, f"Memory: {json.dumps(told, ensure_ascii=False)}"]
    if state.get("intent"):
        lines.append(f"Intent: {state['intent']}")
    return SystemMessage("\n".join(lines))


def drop_open_tool_calls(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Leave out every message with an unanswered or malformed tool call, and its answers.

    A run that stops between a tool call and its answer leaves such a message in the thread, and
    models refuse a history that holds one. A `ToolMessage` that answers no call is left out too.

    Args:
        messages: a history, oldest message first.
    """
    dropped = {n for n, message in enumerate(messages) if isinstance(message, ToolMessage)}
    for group in pair_tool_calls(messages):
        if all(pair.is_valid and pair.answer is not None for pair in group.calls):
            answers = [pair.answer for pair in group.calls]
            behind = range(group.index + 1, group.end)
            dropped -= {n for n in behind if any(messages[n] is answer for answer in answers)}
        else:
            dropped.add(group.index)
    return [message for n, message in enumerate(messages) if n not in dropped]


def _readable(reply: AIMessage) -> AIMessage:
    """Return a reply in words for one whose only tool calls are malformed; keep any other."""
    if reply.tool_calls or not reply.invalid_tool_calls:
        return reply
    sorry = "I could not put that search together. Please say it again, perhaps in other words."
    return AIMessage(reply.text or sorry, id=reply.id)


def build_namu(
    *,
    model: BaseChatModel | ModelSwitch | None = None,
    checkpointer: BaseCheckpointSaver | None = None,
    store: BaseStore | None = None,
    interrupt_before: Sequence[str] = (),
    tools: Sequence[BaseTool] = (),
    context_schema: type | None = None,
    memory: bool = False,
    guides: PassageIndex | None = None,
) -> CompiledStateGraph:
    """Build and compile Namu.

    Args:
        model: a chat model that calls tools, or a `ModelSwitch`; `chat_model()` when left out.
        checkpointer: where the state of each thread is kept; None to forget after each run.
        store: long-term memory across threads.
        interrupt_before: names of nodes to stop before.
        tools: more tools for the agent, beside `search_places`. `book_place` brings those with it
            that list, change and cancel what was booked.
        context_schema: what a run may be given as its context. A field `model` in it names the
            model that answers in this run.
        memory: whether Namu remembers people across conversations, in the store: where they live,
            what they turned down for good, and the language they asked for. A node `remember`
            comes first then, and the person is the field `user` of the run's context, or else of
            its metadata.
        guides: an index of longer texts. Namu answers from it with the tool `search_guides`, and a
            node `check_sources` takes out what no source supports.

    Returns:
        A graph over `NamuState`. `invoke({"messages": [{"role": "user", "content": text}]},
        config)` returns a state whose last message is the answer.
    """
    model = chat_model() if model is None else model
    router_model, rejection_model = _answers_by(model, Route), _answers_by(model, Rejection)
    own_tools = [search_places] if guides is None else [search_places, guides_tool(guides)]
    agent_tools = [*own_tools, *_with_companions(tools)]
    prompt = partial(instructions, guides=guides is not None)
    agent_model = model.bind_tools(agent_tools)

    memory_model = _answers_by(model, MemoryWish)

    def remembered(state: NamuState, wish: MemoryWish | None) -> dict[str, Any]:
        runtime, table = get_runtime(), state.get("last_recommended_places") or []
        if runtime.store is None:
            raise ValueError(
                "Namu was built with memory=True and has no store to keep it in. Give it one, for "
                "example build_namu(memory=True, store=InMemoryStore())."
            )
        user = user_of(runtime.context, get_config())
        asked = [m for m in state["messages"] if isinstance(m, HumanMessage)]
        language = language_of(str(asked[-1].text)) if asked else None
        noted_last = state.get("noted_last")
        return apply_wish(runtime.store, user, wish, table, language, noted_last)

    def asked_memory(state: NamuState) -> list[BaseMessage]:
        # Also where nothing is known yet: the line says that there is a memory.
        shown = {"known": {}, **state, "memory_change": {}, "intent": None}
        return [prompt(shown), *drop_open_tool_calls(state["messages"])]

    def remember(state: NamuState) -> dict[str, Any]:
        return remembered(state, memory_model.invoke(asked_memory(state))["parsed"])

    async def remember_async(state: NamuState) -> dict[str, Any]:
        wish = (await memory_model.ainvoke(asked_memory(state)))["parsed"]
        return await asyncio.to_thread(remembered, state, wish)

    def asked_route(state: NamuState) -> list[BaseMessage]:
        shown = {key: value for key, value in state.items() if key != "intent"}
        return [prompt(shown), *drop_open_tool_calls(state["messages"])]

    def routed(route: dict[str, Any]) -> dict[str, Any]:
        return {"intent": route["parsed"].intent if route["parsed"] else "CONVERSATION"}

    def router(state: NamuState) -> dict[str, Any]:
        return routed(router_model.invoke(asked_route(state)))

    async def router_async(state: NamuState) -> dict[str, Any]:
        return routed(await router_model.ainvoke(asked_route(state)))

    def asked_agent(state: NamuState) -> list[BaseMessage]:
        return [prompt(state), *drop_open_tool_calls(state["messages"])]

    def refine_exclude(state: NamuState) -> dict[str, Any]:
        table = state.get("last_recommended_places") or []
        rejection = rejection_model.invoke(asked_agent(state))["parsed"]
        if rejection is None:  # it cannot be read, so nothing is taken out
            return {}
        if not rejection.positions:  # none in particular: all of them
            return {"excluded_place_ids": [place["id"] for place in table]}
        named = [table[n - 1]["id"] for n in rejection.positions if 0 < n <= len(table)]
        return {"excluded_place_ids": named}

    def agent(state: NamuState) -> dict[str, Any]:
        reply = agent_model.invoke(asked_agent(state), **_chosen_model())
        return {"messages": [_readable(reply)]}

    async def agent_async(state: NamuState) -> dict[str, Any]:
        reply = await agent_model.ainvoke(asked_agent(state), **_chosen_model())
        return {"messages": [_readable(reply)]}

    def update_state(state: NamuState) -> dict[str, Any]:
        found = found_in_this_turn(state["messages"])
        told: dict[str, Any] = {"last_recommended_places": found} if found else {}
        if brings_back(state["messages"]):
            back = {place["id"] for place in found}
            left = [each for each in state.get("excluded_place_ids") or () if each not in back]
            told["excluded_place_ids"] = Overwrite(left)
        return told

    schema = RememberingState if memory else NamuState
    graph = StateGraph(schema, context_schema=context_schema)
    # Two forms of one node: a run that is stopped can cancel the second, and so stop the model.
    graph.add_node("router", RunnableLambda(router, router_async))
    graph.add_node(refine_exclude)
    graph.add_node("agent", RunnableLambda(agent, agent_async))
    graph.add_node("tools", ToolNode(agent_tools))
    graph.add_node(update_state)
    if memory:
        graph.add_node("remember", RunnableLambda(remember, remember_async))
        graph.add_edge(START, "remember")
    graph.add_edge("remember" if memory else START, "router")
    graph.add_conditional_edges("router", _by_intent)
    graph.add_edge("refine_exclude", "agent")
    after_answer = "update_state" if guides is None else "check_sources"
    if guides is not None:
        graph.add_node(check_sources)
        graph.add_edge("check_sources", "update_state")
    graph.add_conditional_edges("agent", _after_agent(after_answer), ["tools", after_answer])
    graph.add_edge("tools", "agent")
    graph.add_edge("update_state", END)
    return graph.compile(
        checkpointer=checkpointer, store=store, interrupt_before=list(interrupt_before), name="namu"
    )


def _answers_by(model: BaseChatModel | ModelSwitch, schema: type[BaseModel]) -> Runnable[Any, Any]:
    """Return the model with answers by a schema; `parsed` is None where an answer does not fit it.

    What it answers is for the graph, not for the person: `nostream` keeps it out of the tokens.
    """
    quiet = {"tags": ["nostream"]}
    answering = model.with_structured_output(schema, include_raw=True).with_config(quiet)
    # ChatOpenAI checks the answer while it is asked, and raises in spite of `include_raw`.
    unread = RunnableLambda(lambda messages: {"parsed": None})
    return answering.with_fallbacks([unread], exceptions_to_handle=(ValidationError,))


def _with_companions(tools: Sequence[BaseTool]) -> list[BaseTool]:
    """Return the tools, and behind `book_place` what goes with it."""
    if not any(tool.name == book_place.name for tool in tools):
        return list(tools)
    names = {tool.name for tool in tools}
    return [*tools, *(tool for tool in BOOKING_COMPANIONS if tool.name not in names)]


def _chosen_model() -> dict[str, str]:
    """The model that the context of this run asks for, as an argument for a model's call."""
    context = get_runtime().context
    chosen = context.get("model") if isinstance(context, Mapping) else None
    chosen = chosen or getattr(context, "model", None)
    return {"model": chosen} if chosen else {}


def _by_intent(state: NamuState) -> Literal["refine_exclude", "agent"]:
    return "refine_exclude" if state["intent"] == "REFINE_EXCLUDE" else "agent"


def _after_agent(after_answer: str) -> Callable[[NamuState], str]:
    """Return the choice of what follows the agent: its tools, or a node that follows an answer."""

    def after_agent(state: NamuState) -> str:
        return "tools" if state["messages"][-1].tool_calls else after_answer

    return after_agent
