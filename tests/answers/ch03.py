"""Chapter 03, Build the agent."""

from answers import Answers

CHAPTER = "03"

SETUP = """
import asyncio
import operator
from dataclasses import dataclass
from typing import Annotated

from langchain_core.messages import ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send
from pydantic import BaseModel
from typing_extensions import TypedDict

from course_lib import places
from course_lib.exercises import tool_runs

TRUTH = {
    "bad arguments": True,
    "unknown tool": True,
    "tool raises": False,
    "tool raises, handled": True,
    "tool raises, other exception handled": False,
}


def union(left, right):
    return list(dict.fromkeys([*left, *right]))


class Search(TypedDict):
    category: str
    districts: list[str]
    names: Annotated[list[str], operator.add]
    report: str


def first(task):
    return [place.name_en for place in places.search_places(**task, limit=1)]


def tasks_of(state):
    return [{"category": state["category"], "district": d} for d in state["districts"]]


def search_one(task):
    return {"names": first(task)}


def write_report(state):
    return {"report": ", ".join(state["names"]) or "nothing found"}


def graph_of(one_each, search=search_one, report=write_report, schema=Search):
    builder = StateGraph(schema)
    builder.add_node("search_one", search)
    builder.add_node("write_report", report)
    builder.add_conditional_edges(START, one_each, ["search_one", "write_report"])
    builder.add_edge("search_one", "write_report")
    return builder


def one_each(state):
    return [Send("search_one", task) for task in tasks_of(state)] or "write_report"


def answers_to(message, answer_one):
    return [answer_one(call) for call in message.tool_calls]


def run_one(call, tools):
    return {tool.name: tool for tool in tools}[call["name"]].invoke(call["args"])
"""

ANSWERS = {
    1: Answers(
        right=(
            "dict(reversed(TRUTH.items()))",
            "{case: int(value) for case, value in TRUTH.items()}",
            "{case: tool_runs.goes_on(case) for case in tool_runs.CASES}",
        ),
        wrong=(
            "{case: True for case in TRUTH}",
            "{case: False for case in TRUTH}",
            "{**TRUTH, 'bad arguments': False}",
            "{**TRUTH, 'unknown tool': False}",
            "{**TRUTH, 'tool raises': True}",
            "{**TRUTH, 'tool raises, handled': False}",
            "{**TRUTH, 'tool raises, other exception handled': True}",
            "{'bad arguments': True}",
            "{case: 'yes' for case in TRUTH}",
            "list(TRUTH.values())",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(message, tools):
                builder = StateGraph(MessagesState)
                builder.add_node("tools", ToolNode(tools, handle_tool_errors=True))
                builder.add_edge(START, "tools")
                graph = builder.compile()
                if not message.tool_calls:
                    return []
                return graph.invoke({"messages": [message]})["messages"][1:]
            """,
            """
            def answer(message, tools):
                def one(call):
                    found = [tool for tool in tools if tool.name == call["name"]]
                    if not found:
                        text = f"There is no tool {call['name']}."
                        return ToolMessage(text, tool_call_id=call["id"], status="error")
                    try:
                        return found[0].invoke(call)
                    except RuntimeError as error:
                        return ToolMessage(repr(error), tool_call_id=call["id"], status="error")

                return list(map(one, message.tool_calls))
            """,
            """
            def answer(message, tools):
                answers = []
                for call in message.tool_calls:
                    status = "success"
                    try:
                        result = run_one(call, tools)
                    except KeyError:
                        status, result = "error", "unknown: " + call["name"]
                    except Exception as error:
                        status, result = "error", error
                    answers.append(
                        ToolMessage(
                            content=str(result),
                            tool_call_id=call["id"],
                            name=call["name"],
                            status=status,
                        )
                    )
                return answers
            """,
        ),
        wrong=(
            "lambda message, tools: []",
            """
            def answer(message, tools):
                call = message.tool_calls[0] if message.tool_calls else None
                if call is None:
                    return []
                return [ToolMessage(str(run_one(call, tools)), tool_call_id=call["id"])]
            """,
            """
            def answer(message, tools):
                answers = {}
                for call in message.tool_calls:
                    try:
                        text, status = str(run_one(call, tools)), "success"
                    except Exception as error:
                        text, status = f"{call['name']}: {error}", "error"
                    answers[call["name"]] = ToolMessage(
                        text, tool_call_id=call["id"], status=status
                    )
                return list(answers.values())
            """,
            """
            def answer(message, tools):
                answers = []
                for call in message.tool_calls:
                    try:
                        text = str(run_one(call, tools))
                    except Exception as error:
                        text = f"{call['name']}: {error}"
                    answers.append(ToolMessage(text, tool_call_id=call["id"]))
                return answers
            """,
            """
            def answer(message, tools):
                answers = []
                for call in message.tool_calls:
                    try:
                        text, status = str(run_one(call, tools)), "success"
                    except Exception:
                        text, status = "Something went wrong.", "error"
                    answers.append(ToolMessage(text, tool_call_id=call["id"], status=status))
                return answers
            """,
            """
            def answer(message, tools):
                answers = []
                for call in message.tool_calls:
                    try:
                        result = run_one(call, tools) or "nothing"
                        status = "success"
                    except Exception as error:
                        result, status = f"{call['name']}: {error}", "error"
                    answers.append(ToolMessage(str(result), tool_call_id=call["id"], status=status))
                return answers
            """,
            """
            def answer(message, tools):
                answers = []
                for call in message.tool_calls:
                    try:
                        text = str(run_one(call, tools))
                        answers.append(ToolMessage(text, tool_call_id=call["id"]))
                    except Exception:
                        continue
                return answers
            """,
            """
            def answer(message, tools):
                return [str(run_one(call, tools)) for call in message.tool_calls]
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            class Day(BaseModel):
                stops: Annotated[list[str], union] = []

            answer = Day
            """,
            """
            @dataclass
            class Day:
                stops: Annotated[list[str], union]

            answer = Day
            """,
            """
            def new_ones(left, right):
                joined = list(left)
                for stop in right:
                    if stop not in joined:
                        joined.append(stop)
                return joined

            class Day(TypedDict, total=False):
                stops: Annotated[list, new_ones]

            answer = Day
            """,
            """
            class Day(TypedDict):
                day: str
                stops: Annotated[list[str], lambda a, b: sorted({*a, *b}, key=[*a, *b].index)]

            answer = Day
            """,
        ),
        wrong=(
            """
            class Day(TypedDict):
                stops: Annotated[list[str], operator.add]

            answer = Day
            """,
            """
            class Day(TypedDict):
                stops: list[str]

            answer = Day
            """,
            """
            class Day(TypedDict):
                stops: Annotated[list[str], lambda a, b: list({*a, *b})]

            answer = Day
            """,
            """
            class Day(TypedDict):
                stops: Annotated[list[str], lambda a, b: sorted({*a, *b})]

            answer = Day
            """,
            """
            class Day(TypedDict):
                stops: Annotated[set, lambda a, b: {*a, *b}]

            answer = Day
            """,
            """
            class Day(TypedDict):
                stops: Annotated[list[str], lambda a, b: b if b[: len(a)] == a else a + b]

            answer = Day
            """,
            """
            class Day(TypedDict):
                stops: Annotated[list[str], lambda a, b: list(dict.fromkeys([*b, *a]))]

            answer = Day
            """,
            """
            class Day(TypedDict):
                places: Annotated[list[str], union]

            answer = Day
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer():
                def start(state):
                    sends = [Send("search_one", task) for task in tasks_of(state)]
                    return Command(goto=sends or "write_report")

                builder = StateGraph(Search)
                builder.add_node("start", start)
                builder.add_node("search_one", search_one)
                builder.add_node("write_report", write_report)
                builder.add_edge(START, "start")
                builder.add_edge("search_one", "write_report")
                return builder.compile()
            """,
            """
            def answer():
                async def search(task):
                    await asyncio.sleep(0)
                    return {"names": first(task)}

                return graph_of(one_each, search).compile()
            """,
            """
            class State(BaseModel):
                category: str
                districts: list[str]
                names: Annotated[list[str], operator.add] = []
                report: str = "nothing found"

            def answer():
                def sends(state):
                    found = []
                    for district in state.districts:
                        task = {"category": state.category, "district": district}
                        found.append(Send("search_one", task))
                    return found

                builder = StateGraph(State)
                builder.add_node("search_one", search_one)
                builder.add_node("prepare", lambda state: {"report": "nothing found"})
                builder.add_node("join", lambda state: {"report": ", ".join(state.names)})
                builder.add_edge(START, "prepare")
                builder.add_conditional_edges("prepare", sends, ["search_one"])
                builder.add_conditional_edges(
                    "search_one", lambda state: "join" if state.names else END
                )
                return builder.compile()
            """,
            """
            class State(Search):
                found: Annotated[dict, lambda left, right: {**(left or {}), **right}]

            def answer():
                def search(task):
                    return {"found": {task["district"]: first(task)}}

                def report(state):
                    found = state.get("found") or {}
                    names = [name for d in state["districts"] for name in found[d]]
                    return {"report": ", ".join(names) if names else "nothing found"}

                return graph_of(one_each, search, report, State)
            """,
        ),
        wrong=(
            "lambda: graph_of(lambda s: [Send('search_one', t) for t in tasks_of(s)]).compile()",
            """
            def answer():
                def all_in_one(state):
                    return {"names": [name for task in tasks_of(state) for name in first(task)]}

                builder = StateGraph(Search)
                builder.add_node("all_in_one", all_in_one)
                builder.add_node("write_report", write_report)
                builder.add_edge(START, "all_in_one")
                builder.add_edge("all_in_one", "write_report")
                return builder.compile()
            """,
            """
            def answer():
                def report(state):
                    return {"report": ", ".join(state["names"])}

                return graph_of(one_each, report=report).compile()
            """,
            """
            def answer():
                def report(state):
                    return {"report": ", ".join(sorted(state["names"])) or "nothing found"}

                return graph_of(one_each, report=report).compile()
            """,
            """
            def answer():
                def first_only(state):
                    return [Send("search_one", t) for t in tasks_of(state)[:1]] or "write_report"

                return graph_of(first_only).compile()
            """,
            """
            def answer():
                def all_three(task):
                    return {"names": [place.name_en for place in places.search_places(**task)]}

                return graph_of(one_each, all_three).compile()
            """,
            """
            def answer():
                def search(task):
                    return {"names": first(task) or ["nothing found"]}

                return graph_of(one_each, search).compile()
            """,
            "lambda: graph_of(one_each, report=lambda state: {'report': state['names']}).compile()",
            "lambda: 'no graph'",
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(turn_down):
                table = ["b", "c", "a"]

                def gives(*positions):
                    return turn_down({"table": table, "positions": list(positions)})["excluded"]

                assert gives(3, 1) == ["a", "b"]
                assert gives(0, 4) == []
                assert gives() == table
            """,
            """
            def answer(turn_down):
                for positions in ([], [1], [2], [3], [0], [4], [3, 2, 1], [9, 2, 0]):
                    state = {"table": ["x", "y", "z"], "positions": positions}
                    wanted = ["x", "y", "z"] if not positions else []
                    for number in positions:
                        if number in (1, 2, 3):
                            wanted.append("xyz"[number - 1])
                    if turn_down(state) != {"excluded": wanted}:
                        raise ValueError(positions)
            """,
            """
            async def answer(turn_down):
                table = ["x", "y", "z"]
                for positions, wanted in (((2, 3, 1), "yzx"), ((0, 5), ""), ((), "xyz")):
                    got = turn_down({"table": table, "positions": list(positions)})
                    assert "".join(got["excluded"]) == wanted
            """,
        ),
        wrong=(
            "lambda turn_down: print(end='')",
            """
            def answer(turn_down):
                assert False
            """,
            """
            def answer(turn_down):
                state = {"table": ["x", "y", "z"], "positions": [1]}
                assert turn_down(state) == {"excluded": ["x"]}
            """,
            """
            def answer(turn_down):
                table = ["x", "y", "z"]
                for positions, wanted in (([1], ["x"]), ([1, 3], ["x", "z"]), ([], table)):
                    state = {"table": table, "positions": positions}
                    assert turn_down(state) == {"excluded": wanted}
            """,
            """
            def answer(turn_down):
                table = ["x", "y", "z"]
                for positions, wanted in (([2, 1], ["y", "x"]), ([4], []), ([], table)):
                    state = {"table": table, "positions": positions}
                    assert turn_down(state) == {"excluded": wanted}
            """,
            """
            def answer(turn_down):
                table = ["x", "y", "z"]
                for positions, wanted in (([3, 1], ["z", "x"]), ([0, 4, 2], ["y"]), ([], table)):
                    state = {"table": table, "positions": positions}
                    assert turn_down(state) == {"excluded": wanted}
            """,
            """
            def answer(turn_down):
                state = {"table": ["x", "y"], "positions": [0]}
                assert turn_down(state) == {"excluded": ["y"]}
            """,
            """
            def answer(turn_down):
                state = {"table": ["x", "y"], "positions": [2, 1]}
                assert set(turn_down(state)["excluded"]) == {"x", "y"}
            """,
        ),
    ),
}
