"""Appendix A1, Troubleshoot a graph."""

from answers import Answers

CHAPTER = "A1"

SETUP = """
import operator
import re
from typing import Annotated, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from pydantic import BaseModel
from typing_extensions import TypedDict

TEXT = "INVALID_GRAPH_NODE_RETURN_VALUE"
WRITERS = "INVALID_CONCURRENT_GRAPH_UPDATE"
LIMIT = "GRAPH_RECURSION_LIMIT"


def predicted(**changes):
    right = [
        ("text", "a node returns a text", TEXT),
        ("undeclared", "a node returns a field that the schema does not declare", None),
        ("at_once", "two nodes of one super-step write a plain field", WRITERS),
        ("in_turn", "two nodes, one after the other, write a plain field", None),
        ("reduced", "two nodes of one super-step write a field with a reducer", None),
        ("three", "three nodes in a row, with recursion_limit 3", LIMIT),
        ("four", "three nodes in a row, with recursion_limit 4", None),
        ("goto", "Command(goto=...) names a node that is not there", None),
        ("robot", "a message has the role robot", "MESSAGE_COERCION_FAILURE"),
        ("template", "a template with {district} gets no district", "INVALID_PROMPT_INPUT"),
    ]
    return {name: changes.get(short, value) for short, name, value in right}


class Plan(TypedDict, total=False):
    weather: str
    places: Annotated[list[str], operator.add]
    note: str


class PlainPlan(TypedDict, total=False):
    weather: str
    places: list[str]
    note: str


def choose(state):
    return {"sunny": "walk", "rainy": "read"}.get(state["weather"], END)


def plan(schema=Plan, path=choose, read=lambda state: {"note": "Read a book."}, compiled=True):
    def repaired_plan():
        builder = StateGraph(schema)
        builder.add_node("parks", lambda state: {"places": ["Sajik Park"]})
        builder.add_node("cafes", lambda state: {"places": ["Cafe Onion"]})
        builder.add_node("choose", lambda state: {})
        builder.add_node("walk", lambda state: {"note": "Take a walk."})
        builder.add_node("read", read)
        builder.add_edge(START, "parks").add_edge(START, "cafes")
        builder.add_edge(["parks", "cafes"], "choose")
        builder.add_conditional_edges("choose", path)
        return builder.compile() if compiled else builder

    return repaired_plan
"""

ANSWERS = {
    1: Answers(
        right=(
            "predicted()",
            "dict(reversed(predicted().items()))",
            "{**predicted(), 'something else': 'INVALID_PROMPT_INPUT'}",
        ),
        wrong=(
            "predicted(undeclared=TEXT)",
            "predicted(goto=TEXT)",
            "predicted(three=None)",
            "predicted(four=LIMIT)",
            "predicted(in_turn=WRITERS)",
            "predicted(text='InvalidUpdateError')",
            "list(predicted().values())",
            "{'a node returns a text': TEXT}",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(error):
                found = re.search(r"langchain\\.com/[\\w/]*errors/([A-Z_]+)", repr(error))
                return found.group(1) if found else None
            """,
            """
            def answer(error):
                text = str(error)
                if "docs.langchain.com" not in text:
                    return None
                tail = text.rpartition("/errors/")[2]
                return re.match(r"[A-Z_]+", tail).group()
            """,
            """
            async def answer(error):
                for word in str(error).replace("\\\\n", " ").split():
                    if word.startswith("https://docs.langchain.com/") and "/errors/" in word:
                        return word.rsplit("/", 1)[1].strip("'\\"")
                return None
            """,
        ),
        wrong=(
            "lambda error: getattr(error, 'lc_error_code', None)",
            "lambda error: str(error).rsplit('/', 1)[-1]",
            "lambda error: str(error).strip().rsplit('/', 1)[-1]",
            "lambda error: (re.findall(r'[A-Z]+_[A-Z_]+', str(error)) or [None])[-1]",
            "lambda error: type(error).__name__",
            "lambda error: (m := re.search(r'errors/([A-Z_]+)', str(error))) and m[1]",
            """
            def answer(error):
                found = re.search(r"errors/(\\w*)", str(error))
                return found and found[1]
            """,
        ),
    ),
    3: Answers(
        right=(
            "plan()",
            """
            def answer():
                class Days(BaseModel):
                    weather: str = ""
                    places: Annotated[list[str], operator.add] = []
                    note: str | None = None

                async def parks(state):
                    return {"places": ["Sajik Park"]}

                builder = StateGraph(Days)
                builder.add_node(parks)
                builder.add_node("cafes", lambda state: {"places": ["Cafe Onion"]})
                builder.add_node("walk", lambda state: {"note": "Take a walk."})
                builder.add_node("read", lambda state: {"note": "Read a book."})

                def choose(state) -> Command[Literal["walk", "read"]]:
                    goto = {"sunny": "walk", "rainy": "read"}
                    return Command(goto=goto.get(state.weather, END))

                builder.add_node(choose, defer=True)
                builder.add_edge(START, "parks").add_edge(START, "cafes")
                builder.add_edge("parks", "choose").add_edge("cafes", "choose")
                return builder.compile()
            """,
            """
            def answer():
                notes = {"sunny": "Take a walk.", "rainy": "Read a book."}

                def tell(state):
                    return {"note": notes[state["weather"]]} if state["weather"] in notes else None

                builder = StateGraph(Plan)
                builder.add_node("parks", lambda state: {"places": ["Sajik Park"]})
                builder.add_node("cafes", lambda state: {"places": ["Cafe Onion"]})
                builder.add_node(tell)
                builder.add_edge(START, "parks").add_edge(START, "cafes")
                return builder.add_edge(["parks", "cafes"], "tell").compile()
            """,
        ),
        wrong=(
            "plan(schema=PlainPlan)",
            "plan(path=lambda state: 'walk' if state['weather'] == 'sunny' else 'read')",
            "plan(path=lambda state: {'sunny': 'walk', 'rainy': 'read'}[state['weather']])",
            "plan(read=lambda state: 'Read a book.')",
            "plan(read=lambda state: {'note': 'Read a book'})",
            "plan(compiled=False)",
            """
            def answer():
                builder = StateGraph(PlainPlan)
                builder.add_node("parks", lambda state: {"places": ["Sajik Park"]})
                builder.add_node("cafes", lambda state: {
                    "places": [*state["places"], "Cafe Onion"],
                })
                builder.add_edge(START, "parks").add_edge("parks", "cafes")
                return builder.compile()
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(state) -> Command[Literal["refunds", "deliveries", "person"]]:
                if state["kind"] == "refund":
                    return Command(goto="refunds")
                if state["kind"] == "delivery":
                    return Command(goto="deliveries")
                return Command(goto="person")
            """,
            """
            async def answer(state):
                desks = {"refund": "refunds", "delivery": "deliveries"}
                return Command(goto=[desks.get(state["kind"], "person")])
            """,
            """
            def answer(state):
                match state["kind"]:
                    case "refund":
                        desk = "refunds"
                    case "delivery":
                        desk = "deliveries"
                    case _:
                        desk = "person"
                return Command(update={"kind": state["kind"]}, goto=desk)
            """,
        ),
        wrong=(
            """lambda state: Command(goto=state["kind"] + "s")""",
            "lambda state: Command(goto='refunds' if state['kind'] == 'refund' else 'deliveries')",
            "lambda state: Command(goto={'refund': 'refunds'}.get(state['kind'], 'person'))",
            "lambda state: {'refund': 'refunds', 'delivery': 'deliveries'}.get(state['kind'])",
            """
            def answer(state):
                desks = ("refunds", "deliveries")
                found = [desk for desk in desks if desk.startswith(state["kind"][:6])]
                return Command(goto=found[0] if found else "person")
            """,
        ),
    ),
}
