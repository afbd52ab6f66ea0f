"""Chapter 07, Ask a human: interrupts."""

from answers import Answers

CHAPTER = "07"

SETUP = """
import operator
from functools import cache
from typing import Annotated

from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

COUNTS = {
    "earlier node": 1,
    "before Book?": 3,
    "between": 2,
    "after Pay now?": 1,
    "quiet node": 1,
    "waiting node": 3,
}


class Approval(BaseModel):
    approve: bool


class Booking(TypedDict, total=False):
    place: str
    hold: int
    agreed: bool


def one_node(node, saver):
    builder = StateGraph(Booking).add_node("node", node).add_edge(START, "node")
    return builder.compile(checkpointer=saver)


def in_a_row(nodes, saver):
    builder = StateGraph(Booking).add_sequence(nodes).add_edge(START, nodes[0].__name__)
    return builder.compile(checkpointer=saver)


def sent(route, tools):
    builder = StateGraph(MessagesState).add_node("tools", ToolNode(tools))
    builder.add_conditional_edges(START, route, ["tools"])
    return builder.compile(checkpointer=InMemorySaver())


def good(answer):
    return type(answer) is int and 1 <= answer <= 8
"""

ANSWERS = {
    1: Answers(
        right=(
            "COUNTS",
            "{**dict.fromkeys(COUNTS, 1), 'before Book?': 3, 'between': 2, 'waiting node': 3}",
            "__import__('collections').Counter(COUNTS)",
            "__import__('types').MappingProxyType({**COUNTS, 'another line': 9})",
        ),
        wrong=(
            "{**COUNTS, 'before Book?': 2}",
            "{**COUNTS, 'earlier node': 3}",
            "{**COUNTS, 'between': 1}",
            "{**COUNTS, 'between': 3}",
            "{**COUNTS, 'quiet node': 3}",
            "{**COUNTS, 'waiting node': 1}",
            "dict.fromkeys(COUNTS, 1)",
            "{'earlier node': 1}",
            "[1, 3, 2, 1, 1, 3]",
            "3",
        ),
    ),
    2: Answers(
        right=(
            """
            async def answer(hold, saver):
                async def take(state: Booking):
                    return Command(update={"hold": hold(state["place"])}, goto="ask")

                async def ask(state: Booking):
                    question = {"text": "Shall I?", "number": state["hold"]}
                    reply = interrupt(question, response_schema=Approval)
                    return Command(update={"agreed": reply.approve}, goto=END)

                builder = StateGraph(Booking).add_node(take).add_node(ask)
                return builder.add_edge(START, "take").compile(checkpointer=saver)
            """,
            """
            def answer(hold, saver):
                def node(state: Booking):
                    if "hold" not in state:
                        return Command(update={"hold": hold(state["place"])}, goto="node")
                    return {"agreed": interrupt(f"Hold {state['hold']}?")}

                return one_node(node, saver)
            """,
            """
            def answer(hold, saver):
                def node(state: Booking):
                    number = task(hold)(state["place"]).result()
                    return {"hold": number, "agreed": interrupt(f"Hold {number}?")}

                return one_node(node, saver)
            """,
            """
            def answer(hold, saver):
                class Desk(BaseModel):
                    place: str
                    hold: int = 0
                    agreed: bool | None = None

                builder = StateGraph(Desk)
                builder.add_node("desk", lambda state: {"hold": hold(state.place)})
                builder.add_node("ask", lambda state: {"agreed": interrupt(f"{state.hold}?")})
                builder.add_edge(START, "desk")
                builder.add_conditional_edges("desk", lambda state: "ask", ["ask"])
                return builder.compile(checkpointer=saver)
            """,
        ),
        wrong=(
            """
            def answer(hold, saver):
                def node(state: Booking):
                    number = hold(state["place"])
                    return {"hold": number, "agreed": interrupt(f"Hold {number}?")}

                return one_node(node, saver)
            """,
            """
            def answer(hold, saver):
                def node(state: Booking):
                    agreed = interrupt(f"Hold a table at {state['place']}?")
                    return {"hold": hold(state["place"]), "agreed": agreed}

                return one_node(node, saver)
            """,
            """
            def answer(hold, saver):
                hold = cache(hold)  # gone when another process answers

                def node(state: Booking):
                    number = hold(state["place"])
                    return {"hold": number, "agreed": interrupt(f"Hold {number}?")}

                return one_node(node, saver)
            """,
            """
            def answer(hold, saver):
                def node(state: Booking):
                    if "hold" not in state:
                        state["hold"] = hold(state["place"])
                    agreed = interrupt(f"Hold {state['hold']}?")
                    return {"hold": state["hold"], "agreed": agreed}

                return one_node(node, saver)
            """,
            """
            def answer(hold, saver):
                def take(state: Booking):
                    return {"hold": hold(state["place"])}

                def ask(state: Booking):
                    return {"agreed": interrupt(f"Hold a table at {state['place']}?")}

                return in_a_row([take, ask], saver)
            """,
            """
            def answer(hold, saver):
                def take(state: Booking):
                    return {"hold": hold(state["place"])}

                def ask(state: Booking):
                    interrupt(f"Hold {state['hold']}?")
                    return {"agreed": True}

                return in_a_row([take, ask], saver)
            """,
            """
            def answer(hold, saver):
                def take(state: Booking):
                    return {"hold": hold(state["place"]), "agreed": True}

                return in_a_row([take], saver)
            """,
            """
            def answer(hold, saver):
                def take(state: Booking):
                    return {"hold": hold(state["place"])}

                def ask(state: Booking):
                    return {"agreed": interrupt(f"Hold {state['hold']}?")}

                return in_a_row([take, ask], InMemorySaver())
            """,
            "lambda hold, saver: hold('Dawon')",
        ),
    ),
    3: Answers(
        right=(
            """
            async def answer(state):
                question = {"question": "How many?"}
                while not good(reply := interrupt(question)):
                    question = {"question": "How many?", "error": f"not 1 to 8: {reply}"}
                return {"people": reply}
            """,
            """
            def answer(state, wrong=""):
                reply = interrupt(f"{wrong}How many people?")
                if isinstance(reply, int) and not isinstance(reply, bool) and 0 < reply < 9:
                    return Command(update={"people": reply})
                return answer(state, f"No, {reply} is no number from 1 to 8. ")
            """,
            """
            def answer(state):
                tried = []
                while True:
                    reply = interrupt(f"How many? Not {tried}." if tried else "How many?")
                    if type(reply) is int and reply in range(1, 9):
                        return {"people": reply}
                    tried.append(reply)
            """,
        ),
        wrong=(
            "lambda state: {'people': interrupt('How many?')}",
            """
            def answer(state):
                while not good(reply := interrupt("How many?")):
                    pass
                return {"people": reply}
            """,
            """
            def answer(state):
                question = "How many?"
                while not good(reply := interrupt(question)):
                    question = "Again, please: how many?"
                return {"people": reply}
            """,
            """
            def answer(state):
                question = "How many?"
                while True:
                    reply = interrupt(question)
                    if isinstance(reply, int) and 1 <= reply <= 8:  # True is an int as well
                        return {"people": reply}
                    question = f"{reply!r} is no number from 1 to 8."
            """,
            """
            def answer(state):
                question = "How many?"
                while True:
                    reply = interrupt(question)
                    if str(reply).isdigit() and 1 <= int(reply) <= 8:
                        return {"people": int(reply)}
                    question = f"{reply!r} is no number from 1 to 8."
            """,
            """
            def answer(state):
                question = "How many?"
                while True:
                    reply = interrupt(question)
                    if type(reply) is int and reply <= 8:
                        return {"people": reply}
                    question = f"{reply!r} is no number from 1 to 8."
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(graph, thread, answers):
                for each in graph.get_state(thread).interrupts:
                    if each.value in answers:
                        graph.invoke(Command(resume={each.id: answers[each.value]}), thread)
            """,
            """
            def answer(graph, thread, answers):
                known = {}
                for task in graph.get_state(thread).tasks:
                    for each in task.interrupts:
                        if each.value in answers:
                            known[each.id] = answers[each.value]
                if known:
                    list(graph.stream(Command(resume=known), thread))
            """,
            """
            def answer(graph, thread, answers):
                ids = {each.value: each.id for each in graph.get_state(thread).interrupts}
                known = {ids[q]: answers[q] for q in ids.keys() & answers.keys()}
                return graph.invoke(Command(resume=known), thread)
            """,
        ),
        wrong=(
            """
            def answer(graph, thread, answers):
                asked = graph.get_state(thread).interrupts
                known = {e.id: value for e, value in zip(asked, answers.values(), strict=False)}
                return graph.invoke(Command(resume=known), thread)
            """,
            """
            def answer(graph, thread, answers):
                asked = graph.get_state(thread).interrupts
                known = {each.id: answers.get(each.value) for each in asked}
                return graph.invoke(Command(resume=known), thread)
            """,
            """
            def answer(graph, thread, answers):
                for each in graph.get_state(thread).interrupts:
                    if each.value in answers:
                        known = {each.id: answers[each.value]}
                        return graph.invoke(Command(resume=known), thread)
            """,
            "lambda graph, thread, answers: answers.clear()",
            """
            def answer(graph, thread, answers):
                fields = {"When?": "when", "Who?": "who", "Where?": "where"}
                known = {fields[q]: a for q, a in answers.items() if q in fields}
                graph.update_state(thread, known, as_node="__start__")
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            async def answer(tools):
                def start(state: MessagesState):
                    calls = state["messages"][-1].tool_calls
                    return Command(goto=[Send("tools", [call]) for call in calls])

                builder = StateGraph(MessagesState).add_node(start)
                builder.add_node("tools", ToolNode(tools)).add_edge(START, "start")
                return builder.compile(checkpointer=InMemorySaver())
            """,
            """
            def answer(tools):
                def next_call(state: MessagesState):
                    answered = [m.tool_call_id for m in state["messages"] if m.type == "tool"]
                    request = [m for m in state["messages"] if m.type == "ai"][-1]
                    left = [c for c in request.tool_calls if c["id"] not in answered]
                    return Send("tools", left[:1]) if left else END

                builder = StateGraph(MessagesState).add_node("tools", ToolNode(tools))
                builder.add_conditional_edges(START, next_call, ["tools", END])
                builder.add_conditional_edges("tools", next_call, ["tools", END])
                return builder.compile(checkpointer=InMemorySaver())
            """,
            """
            def answer(tools):
                known = {each.name: each for each in tools}

                def run_call(call):
                    return {"messages": [known[call["name"]].invoke(call)]}

                def route(state: MessagesState):
                    return [Send("run_call", call) for call in state["messages"][-1].tool_calls]

                builder = StateGraph(MessagesState).add_node(run_call)
                return builder.add_conditional_edges(START, route, ["run_call"])
            """,
        ),
        wrong=(
            """
            def answer(tools):
                builder = StateGraph(MessagesState).add_node("tools", ToolNode(tools))
                return builder.add_edge(START, "tools").compile(checkpointer=InMemorySaver())
            """,
            """
            def answer(tools):
                known = {each.name: each for each in tools}

                def one_by_one(state: MessagesState):
                    calls = state["messages"][-1].tool_calls
                    return {"messages": [known[c["name"]].invoke(c) for c in calls]}

                builder = StateGraph(MessagesState).add_node(one_by_one)
                builder.add_edge(START, "one_by_one")
                return builder.compile(checkpointer=InMemorySaver())
            """,
            """
            def answer(tools):
                def by_name(state: MessagesState):  # two payments still share a node
                    calls = state["messages"][-1].tool_calls
                    together = [[c for c in calls if c["name"] == t.name] for t in tools]
                    return [Send("tools", calls) for calls in together if calls]

                return sent(by_name, tools)
            """,
            """
            def answer(tools):
                def first_only(state: MessagesState):
                    return [Send("tools", state["messages"][-1].tool_calls[:1])]

                return sent(first_only, tools)
            """,
            """
            def answer(tools):
                def without_questions(state: MessagesState):
                    calls = state["messages"][-1].tool_calls
                    return [Send("tools", [c]) for c in calls if c["name"] == "mail"] or END

                return sent(without_questions, tools)
            """,
            """
            def answer(tools):
                builder = StateGraph(MessagesState).add_node("tools", ToolNode(tools))
                return builder.add_edge(START, "tools").compile()
            """,
        ),
    ),
}
