"""Namu, the assistant of the course, as the chapters build it.

    START -> router -> agent <-> tools -> update_state -> END
                    \\-> refine_exclude -> agent

`router` reads the intent, `refine_exclude` notes what was turned down, `agent` calls the search
or answers, `update_state` remembers what was recommended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.runtime import get_runtime
from pydantic import BaseModel, Field

from course_lib import places as place_data
from course_lib.models import chat_model

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore

Intent = Literal["NEW_SEARCH", "REFINEMENT", "REFINE_EXCLUDE", "FOLLOW_UP", "CONVERSATION"]
"""What a message wants, as the router decides it."""


SUGGESTIONS = (
    "A quiet cafe in Jongno-gu",
    "not the first one",
    "book the second one for 4",
    "종로에 있는 고궁 추천해줘",
)
"""What a newcomer may say to Namu, one after the other."""


def union(left: Sequence[str] | None, right: Sequence[str] | None) -> list[str]:
    """Reduce two lists of ids to one: everything in `left`, then what is new in `right`, in order.

    Args:
        left: the value in the state.
        right: what a node wrote.
    """
    return list(dict.fromkeys([*(left or ()), *(right or ())]))


class NamuState(MessagesState, total=False):
    """Everything Namu remembers of one conversation; `messages` comes from `MessagesState`.

    Args:
        session_id: a plain label of the caller's; not the thread id.
        intent: what the last message wanted.
        last_recommended_places: the places on the table, `Place` fields as a dict each.
        excluded_place_ids: ids turned down so far; grows, unless it is overwritten.
    """

    session_id: str
    intent: Intent | None
    last_recommended_places: list[dict[str, Any]]
    excluded_place_ids: Annotated[list[str], union]


class Route(BaseModel):
    """What the person's last message wants."""

    intent: Intent = Field(
        description="NEW_SEARCH: places of a new kind. REFINEMENT: the last wish, changed. "
        "REFINE_EXCLUDE: turns recommended places down. FOLLOW_UP: asks about a recommended "
        "place. CONVERSATION: anything else."
    )


class Rejection(BaseModel):
    """Which of the places on the table the person turns down."""

    positions: list[int] = Field(
        max_length=10,  # a small model under a grammar may not find the end of a list
        description="Their numbers, 1 for the first. Empty when all of them are meant.",
    )


@tool
def search_places(
    state: Annotated[dict[str, Any], InjectedState],
    category: place_data.Category | None = None,
    district: place_data.District | None = None,
    tags: list[str] | None = None,
    indoor: bool | None = None,
    max_price: int | None = None,
    min_price: int | None = None,
    name: str | None = None,
    near: place_data.District | None = None,
    exclude_ids: list[str] | None = None,
) -> str:
    """Search real places in Seoul. Every argument is optional; leave out what was not asked for.

    Args:
        state: filled in by LangGraph, unseen by the model.
        category: the kind of place.
        district: one of Seoul's districts.
        tags: moods such as quiet or night-view.
        indoor: true for under a roof, false for in the open.
        max_price: highest price level, from 0 (free) to 3.
        min_price: lowest price level.
        name: (part of) the name of a place.
        near: a district; the places nearest to it come first.
        exclude_ids: ids of places that must not come.
    """
    found = place_data.search_places(
        category=category,
        district=district,
        tags=tags or (),
        indoor=indoor,
        max_price=max_price,
        min_price=min_price,
        name=name,
        exclude_ids=[*(exclude_ids or ()), *(state.get("excluded_place_ids") or ())],
        limit=1000 if near else 3,
    )
    if near:
        found = place_data.nearest_first(found, near)[:3]
    return json.dumps([place.as_dict() for place in found], ensure_ascii=False)


def instructions(state: NamuState) -> SystemMessage:
    """Write the system prompt: who Namu is, and the part of the state a model needs to see."""
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
        f"Places on the table: {table}",
    ]
    if state.get("intent"):
        lines.append(f"Intent: {state['intent']}")
    return SystemMessage("\n".join(lines))


def drop_open_tool_calls(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Leave out tool calls that were never answered, with the answers of those that half were.

    A run that stops between a tool call and its answer leaves such a message in the thread, and
    models refuse a history that holds one.
    """
    kept: list[BaseMessage] = []
    batch: list[BaseMessage] = []  # an AI message with calls, and the answers behind it
    for message in messages:
        if isinstance(message, ToolMessage) and batch:
            batch.append(message)
            continue
        kept += _complete(batch)
        calls = isinstance(message, AIMessage) and (
            message.tool_calls or message.invalid_tool_calls
        )
        batch = [message] if calls else []
        if not calls and not isinstance(message, ToolMessage):
            kept.append(message)
    return kept + _complete(batch)


def _complete(batch: list[BaseMessage]) -> list[BaseMessage]:
    if not batch or batch[0].invalid_tool_calls:
        return []
    done = {message.tool_call_id for message in batch[1:]}
    return batch if all(call["id"] in done for call in batch[0].tool_calls) else []


def _readable(reply: AIMessage) -> AIMessage:
    """Turn a reply whose only tool call is malformed into words; others stay as they are."""
    if reply.tool_calls or not reply.invalid_tool_calls:
        return reply
    sorry = "I could not put that search together. Please say it again, perhaps in other words."
    return AIMessage(reply.text or sorry, id=reply.id)


def build_namu(
    *,
    model: BaseChatModel | None = None,
    checkpointer: BaseCheckpointSaver | None = None,
    store: BaseStore | None = None,
    interrupt_before: Sequence[str] = (),
    tools: Sequence[BaseTool] = (),
    context_schema: type | None = None,
) -> CompiledStateGraph:
    """Build and compile Namu.

    Args:
        model: any chat model that calls tools; `chat_model()` when left out.
        checkpointer: where the state of each thread is kept; None to forget after each run.
        store: long-term memory across threads.
        interrupt_before: names of nodes to stop before.
        tools: more tools for the agent, beside `search_places`.
        context_schema: what a run may be given as its context. A field `model` in it names the
            model that answers in this run.

    Returns:
        A graph over `NamuState`. `invoke({"messages": [{"role": "user", "content": text}]},
        config)` returns a state whose last message is the answer.
    """
    model = chat_model() if model is None else model
    # What these two answer is for the graph, not for the person: `nostream` keeps it out of the
    # token stream, `include_raw` turns an answer that does not parse into None.
    quiet = {"tags": ["nostream"]}
    router_model = model.with_structured_output(Route, include_raw=True).with_config(quiet)
    rejection_model = model.with_structured_output(Rejection, include_raw=True).with_config(quiet)
    agent_tools = [search_places, *tools]
    agent_model = model.bind_tools(agent_tools)

    def asked_route(state: NamuState) -> list[BaseMessage]:
        shown = {key: value for key, value in state.items() if key != "intent"}
        return [instructions(shown), *drop_open_tool_calls(state["messages"])]

    def routed(route: dict[str, Any]) -> dict[str, Any]:
        return {"intent": route["parsed"].intent if route["parsed"] else "CONVERSATION"}

    def router(state: NamuState) -> dict[str, Any]:
        return routed(router_model.invoke(asked_route(state)))

    async def router_async(state: NamuState) -> dict[str, Any]:
        return routed(await router_model.ainvoke(asked_route(state)))

    def refine_exclude(state: NamuState) -> dict[str, Any]:
        table = state.get("last_recommended_places") or []
        rejection = rejection_model.invoke(
            [instructions(state), *drop_open_tool_calls(state["messages"])]
        )
        positions = rejection["parsed"].positions if rejection["parsed"] else []
        if not positions:  # none in particular: all of them
            return {"excluded_place_ids": [place["id"] for place in table]}
        named = [table[n - 1]["id"] for n in positions if 0 < n <= len(table)]
        return {"excluded_place_ids": named}

    def asked_agent(state: NamuState) -> list[BaseMessage]:
        return [instructions(state), *drop_open_tool_calls(state["messages"])]

    def agent(state: NamuState) -> dict[str, Any]:
        reply = agent_model.invoke(asked_agent(state), **_chosen_model())
        return {"messages": [_readable(reply)]}

    async def agent_async(state: NamuState) -> dict[str, Any]:
        reply = await agent_model.ainvoke(asked_agent(state), **_chosen_model())
        return {"messages": [_readable(reply)]}

    def update_state(state: NamuState) -> dict[str, Any]:
        found = _found_in_this_turn(state["messages"])
        return {"last_recommended_places": found} if found else {}

    graph = StateGraph(NamuState, context_schema=context_schema)
    # Two forms of one node: a run that is stopped can cancel the second, and so stop the model.
    graph.add_node("router", RunnableLambda(router, router_async))
    graph.add_node(refine_exclude)
    graph.add_node("agent", RunnableLambda(agent, agent_async))
    graph.add_node("tools", ToolNode(agent_tools))
    graph.add_node(update_state)
    graph.add_edge(START, "router")
    graph.add_conditional_edges("router", _by_intent)
    graph.add_edge("refine_exclude", "agent")
    graph.add_conditional_edges("agent", _after_agent)
    graph.add_edge("tools", "agent")
    graph.add_edge("update_state", END)
    return graph.compile(
        checkpointer=checkpointer, store=store, interrupt_before=list(interrupt_before), name="namu"
    )


def _chosen_model() -> dict[str, str]:
    """The model that the context of this run asks for, as an argument for a model's call."""
    context = get_runtime().context
    chosen = context.get("model") if isinstance(context, Mapping) else None
    chosen = chosen or getattr(context, "model", None)
    return {"model": chosen} if chosen else {}


def _by_intent(state: NamuState) -> Literal["refine_exclude", "agent"]:
    return "refine_exclude" if state["intent"] == "REFINE_EXCLUDE" else "agent"


def _after_agent(state: NamuState) -> Literal["tools", "update_state"]:
    return "tools" if state["messages"][-1].tool_calls else "update_state"


def _found_in_this_turn(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """The places of the last successful searches since the person spoke, each once."""
    found: dict[str, dict[str, Any]] = {}
    for message in reversed(messages):
        if isinstance(message, ToolMessage):
            if message.name == search_places.name and message.status != "error":
                found = {**{p["id"]: p for p in json.loads(message.text)}, **found}
        elif not isinstance(message, AIMessage) or (found and message.tool_calls):
            break
    return list(found.values())
