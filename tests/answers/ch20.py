"""Chapter 20, Put it all in one chat."""

from answers import Answers

CHAPTER = "20"

SETUP = '''
import math
from typing import Any, Literal
from uuid import uuid4

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config, get_store, get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command, Overwrite, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from course_lib.chat import RunEnded, RunStarted, Token
from course_lib.chat.run_cost import RunCost
from course_lib.namu import NamuState, build_namu
from course_lib.persistence import namespace_label

Tools = ToolRuntime[Any, Any]


class Approval(BaseModel):
    approve: bool


def names(runtime):
    return [place["name_en"] for place in runtime.state["last_recommended_places"]]


def emptied(runtime, value=None, text="Forgotten."):
    answer = ToolMessage(text, tool_call_id=runtime.tool_call_id)
    update = {"excluded_place_ids": Overwrite([]) if value is None else value}
    return Command(update={**update, "messages": [answer]})


def kept(page, key, numbers=range(1, 4)):
    """A tool that keeps a place, under a page and a key of its own choosing."""

    def keep_place(number: int, runtime: Tools) -> str:
        table = runtime.state["last_recommended_places"]
        if number not in numbers:
            return f"no place {number}"
        place = table[number - 1]
        user = namespace_label(runtime.config["metadata"]["user"])
        runtime.store.put(page(user), key(place), {"place": place["name_en"]})
        return f"kept {number}"

    return keep_place


def own_page(user):
    return ("favourites", user)


def id_of(place):
    return place["id"]


def bill_of(counts):
    """A bill over some of the runs."""

    def bill(events):
        ended = [event for event in events if isinstance(event, RunEnded) and event.cost]
        costs = [event.cost for event in ended if counts(event.cost, event)]
        tokens = [cost.tokens for cost in costs]
        return {
            "runs": len(costs),
            "seconds": sum(cost.seconds for cost in costs),
            "tokens": None if None in tokens else sum(tokens),
        }

    return bill


@tool
def unused() -> str:
    """Nobody will ever call this."""
    return "never"


@tool
def flip_coin() -> str:
    """Flip a coin to choose between the first two places."""
    return "Heads: the first one."
'''

ANSWERS = {
    1: Answers(
        right=(
            """
            def answer(runtime: Tools) -> str:
                tell = get_stream_writer()
                for n, name in enumerate(names(runtime), 1):
                    tell({"done": n, "label": name, "total": len(names(runtime))})
                return ", ".join(names(runtime))
            """,
            """
            @tool
            def answer(runtime: Tools) -> str:
                "Look around."
                said, places = "", runtime.state["last_recommended_places"]
                for place in places:
                    done = places.index(place) + 1
                    label = place["name_en"]
                    runtime.stream_writer({"label": label, "done": done, "total": len(places)})
                    said += f", {label}" if said else label
                return said
            """,
            """
            async def answer(runtime: Tools) -> str:
                for n, name in enumerate(names(runtime)):
                    part = {"label": name, "done": n + 1, "total": len(names(runtime))}
                    runtime.stream_writer(part)
                return ", ".join(names(runtime))
            """,
        ),
        wrong=(
            """
            def answer(runtime: Tools) -> str:
                return ", ".join(names(runtime))
            """,
            """
            def answer(runtime: Tools) -> str:
                for n, name in enumerate(names(runtime)):
                    part = {"label": name, "done": n, "total": len(names(runtime))}
                    runtime.stream_writer(part)
                return ", ".join(names(runtime))
            """,
            """
            def answer(runtime: Tools) -> str:
                for n, name in enumerate(names(runtime), 1):
                    runtime.stream_writer({"label": name, "done": n, "total": 3})
                return ", ".join(names(runtime))
            """,
            """
            def answer(runtime: Tools) -> str:
                for n, name in enumerate(names(runtime), 1):
                    part = {"label": name, "done": n, "total": len(names(runtime))}
                    runtime.stream_writer(part)
                return ""
            """,
            """
            def answer(runtime: Tools) -> str:
                for n, place in enumerate(runtime.state["last_recommended_places"], 1):
                    part = {"label": place["id"], "done": n, "total": len(names(runtime))}
                    runtime.stream_writer(part)
                return ", ".join(names(runtime))
            """,
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(runtime: Tools) -> Any:
                count = len(runtime.state["excluded_place_ids"])
                question = {"question": f"Forget {count} places?", "count": count}
                if interrupt(question, response_schema=Approval).approve:
                    return emptied(runtime)
                return "Nothing is forgotten."
            """,
            """
            async def answer(runtime: Tools) -> Any:
                words = "no one two three four five".split()
                rejected = runtime.state["excluded_place_ids"]
                if interrupt(f"Forget {words[len(rejected)]}: {', '.join(rejected)}?") is True:
                    return emptied(runtime)
                return emptied(runtime, [], "Kept.")
            """,
            """
            @tool
            def answer(runtime: Tools) -> Any:
                "Forget."
                reply = interrupt(f"{len(runtime.state['excluded_place_ids'])} places: forget?")
                if str(reply).lower() not in ("true", "yes"):
                    return "Kept."
                return emptied(runtime)
            """,
        ),
        wrong=(
            """
            def answer(runtime: Tools) -> Any:
                return emptied(runtime)
            """,
            """
            def answer(runtime: Tools) -> Any:
                return emptied(runtime, []) if interrupt("Forget 3 places?") is True else "no"
            """,
            """
            def answer(runtime: Tools) -> Any:
                return emptied(runtime) if interrupt("Forget 3 places?") is True else "no"
            """,
            """
            def answer(runtime: Tools) -> Any:
                asked = f"Forget {len(runtime.state['excluded_place_ids'])} places?"
                return "no" if str(interrupt(asked)) == "False" else emptied(runtime)
            """,
            """
            def answer(runtime: Tools) -> Any:
                interrupt("Forget 3 places?")
                return emptied(runtime)
            """,
            """
            def answer(runtime: Tools) -> Any:
                if interrupt(f"Forget {len(runtime.state['excluded_place_ids'])} places?"):
                    return emptied(runtime)
                return "no"
            """,
            """
            def answer(runtime: Tools) -> Any:
                ids = ", ".join(runtime.state["excluded_place_ids"])
                return emptied(runtime) if interrupt(f"Forget {ids}?") is True else "no"
            """,
            """
            def answer(runtime: Tools) -> Any:
                if interrupt(f"Forget {len(runtime.state['excluded_place_ids'])}?") is not True:
                    return emptied(runtime, [], "")
                return emptied(runtime)
            """,
        ),
    ),
    3: Answers(
        right=(
            "kept(own_page, lambda place: f\"place {place['id']}\")",
            """
            async def answer(number: int, runtime: Tools) -> str:
                table = {n: p for n, p in enumerate(runtime.state["last_recommended_places"], 1)}
                if number not in table:
                    return f"I have no {number}."
                user = get_config()["metadata"]["user"]
                value = {"place": table[number]["name_en"]}
                page = ("favourites", namespace_label(user))
                await get_store().aput(page, table[number]["name_en"], value)
                return "Done."
            """,
            """
            @tool
            def answer(number: int, runtime: Tools) -> Any:
                "Keep a place."
                places = runtime.state["last_recommended_places"]
                text = f"There is no {number}."
                if 0 < number <= len(places):
                    place, user = places[number - 1], runtime.config["metadata"]["user"]
                    page = ("favourites", namespace_label(user))
                    runtime.store.put(page, place["id"], {"place": place["name_en"]})
                    text = "Kept."
                message = ToolMessage(text, tool_call_id=runtime.tool_call_id)
                return Command(update={"messages": [message]})
            """,
        ),
        wrong=(
            "kept(lambda user: ('favourites',), id_of)",
            "kept(own_page, lambda place: str(uuid4()))",
            "kept(lambda user: ('favourites', 'ann'), id_of)",
            "kept(own_page, lambda place: 'favourite')",
            "kept(own_page, id_of, range(0, 4))",
            "kept(own_page, id_of, range(-2, 4))",
            """
            def answer(number: int, runtime: Tools) -> str:
                table = runtime.state["last_recommended_places"]
                if number < 1 or number > len(table):
                    return "There is no such place."
                return kept(own_page, id_of)(number, runtime)
            """,
        ),
    ),
}
