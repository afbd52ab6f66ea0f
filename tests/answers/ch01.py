"""Chapter 01, Build a state graph."""

from answers import Answers

CHAPTER = "01"

SETUP = """
import re
from functools import partial
from typing import Literal

from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict


class Text(TypedDict):
    text: str


class ChatState(MessagesState):
    intent: str


def letters(*order, compiled=True):
    def build():
        builder = StateGraph(Text)
        previous = START
        for n, letter in enumerate(order):
            builder.add_node(str(n), lambda s, letter=letter: {"text": s["text"] + letter})
            builder.add_edge(previous, str(n))
            previous = str(n)
        builder.add_edge(previous, END)
        return builder.compile() if compiled else builder

    return build


def intent_of(state):
    wish = "find" in state["messages"][0].text.lower()
    return {"intent": "NEW_SEARCH" if wish else "CONVERSATION"}


def say(text):
    return lambda state: {"messages": [{"role": "ai", "content": text}]}


def by_intent(state):
    return "search" if state["intent"] == "NEW_SEARCH" else "chat"


def by_text(state):
    return "search" if "Find" in state["messages"][-1].text else "chat"


def assistant(router=intent_of, path=by_intent, search=say("Here."), chat=say("Bye.")):
    builder = StateGraph(ChatState)
    builder.add_node("router", router)
    builder.add_node("search", search)
    builder.add_node("chat", chat)
    builder.add_edge(START, "router")
    builder.add_conditional_edges("router", path, ["search", "chat"])
    return builder
"""

ANSWERS = {
    1: Answers(
        right=(
            """
            def answer():
                def add(letter):
                    return lambda state: {"text": state["text"] + letter}

                steps = [(letter, add(letter)) for letter in "abc"]
                return StateGraph(Text).add_sequence(steps).add_edge(START, "a").compile()
            """,
            """
            def answer():
                def first(state) -> Command[Literal["second"]]:
                    return Command(update={"text": state["text"] + "a"}, goto="second")

                def second(state) -> Command[Literal["third"]]:
                    return Command(update={"text": state["text"] + "b"}, goto="third")

                def third(state):
                    return {"text": state["text"] + "c"}

                builder = StateGraph(Text)
                for node in (first, second, third):
                    builder.add_node(node)
                builder.add_edge(START, "first")
                return builder.compile()
            """,
            """
            def answer():
                async def a(state):
                    return {"text": state["text"] + "a"}

                async def b(state):
                    return {"text": state["text"] + "b"}

                def c(state):
                    return {"text": state["text"] + "c"}

                builder = StateGraph(Text)
                builder.add_sequence([a, b, c])
                builder.set_entry_point("a")
                builder.set_finish_point("c")
                return builder.compile()
            """,
        ),
        wrong=(
            "letters('c', 'b', 'a')",
            "letters('abc')",
            "letters('abc', '', '')",
            "letters('c', 'c', 'c')",
            "letters('a', 'b', 'c', compiled=False)",
            "letters('a', 'b', 'c', 'c')",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(state):
                match state.get("intent"):
                    case "NEW_SEARCH" | "REFINEMENT":
                        return "search"
                    case "REFINE_EXCLUDE":
                        return "refine_exclude"
                return "chat"
            """,
            """
            async def answer(state):
                if state["intent"] in {"NEW_SEARCH", "REFINEMENT"}:
                    return "search"
                return "refine_exclude" if state["intent"] == "REFINE_EXCLUDE" else "chat"
            """,
            """
            def answer(state):
                names = [("search", "NEW_SEARCH REFINEMENT"), ("refine_exclude", "REFINE_EXCLUDE")]
                intent = state["intent"]
                return [name for name, all in names if intent in all.split()] or ["chat"]
            """,
        ),
        wrong=(
            "lambda s: 'search' if s['intent'] else 'chat'",
            "lambda s: s['intent']",
            "lambda s: {'REFINE_EXCLUDE': 'refine_exclude'}.get(s['intent'], 'search')",
            "lambda s: 'search' if 'REFINE' in (s['intent'] or '') else 'chat'",
            """
            def answer(state):
                known = {"REFINE_EXCLUDE": "refine_exclude", "FOLLOW_UP": "chat", None: "chat"}
                other = "chat" if state["intent"] == "CONVERSATION" else "search"
                return known.get(state["intent"], other)
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(state):
                for word, price in (("free", 0), ("cheap", 1)):
                    if re.search(word, state["message"], re.IGNORECASE):
                        return {"max_price": price}
            """,
            """
            async def answer(state):
                text = state["message"].casefold()
                prices = [price for price, word in enumerate(("free", "cheap")) if word in text]
                return {"max_price": prices[0]} if prices else {}
            """,
            """
            def answer(state):
                text = state["message"].upper()
                update = {}
                if "CHEAP" in text:
                    update["max_price"] = 1
                if "FREE" in text:
                    update["max_price"] = 0
                return Command(update=update)
            """,
        ),
        wrong=(
            "lambda s: {**s, 'max_price': 0}",
            "lambda s: s.update(max_price=0)",
            "lambda s: 0 if 'free' in s['message'].lower() else 1",
            """
            def answer(state):
                text = state["message"].lower()
                return {"max_price": 0 if "free" in text else 1 if "cheap" in text else 3}
            """,
            """
            def answer(state):
                text = state["message"]
                if "free" in text or "Free" in text or "FREE" in text:
                    return {"max_price": 0}
                return {"max_price": 1} if "cheap" in text or "Cheap" in text else {}
            """,
            """
            def answer(state):
                words = state["message"].lower()
                if "free" in words:
                    return {"max_price": 0}
                return {"max_price": 1} if re.search("[Cc]heap", state["message"]) else {}
            """,
            """
            def answer(state):
                if "free" in state["message"].lower():
                    return {}
                return {"max_price": 1} if "cheap" in state["message"].lower() else {}
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer():
                def router(state) -> Command[Literal["search", "chat"]]:
                    update = intent_of(state)
                    return Command(update=update, goto=by_intent(update))

                builder = StateGraph(ChatState)
                builder.add_node(router)
                builder.add_node("search", say("Here."))
                builder.add_node("chat", say("Bye."))
                return builder.add_edge(START, "router").compile()
            """,
            """
            def answer():
                builder = StateGraph(ChatState)
                builder.add_node("greet", say("Hello."))
                builder.add_node("router", intent_of)
                builder.add_node("search", say("Here."))
                builder.add_node("chat", say("Bye."))
                builder.add_edge(START, "greet")
                builder.add_edge("greet", "router")
                builder.add_conditional_edges("router", by_intent)
                return builder.compile()
            """,
            """
            def answer():
                async def router(state):
                    return intent_of(state)

                async def search(state):
                    return {"messages": [("ai", "Here.")]}

                return assistant(router, search=search).compile()
            """,
            """
            def answer():
                builder = StateGraph(ChatState)
                builder.add_node("router", intent_of)
                builder.add_node("wait", lambda state: None)
                builder.add_node("search", say("Here."))
                builder.add_node("chat", say("Bye."))
                builder.add_edge(START, "router")
                builder.add_edge("router", "wait")
                names = {True: "search", False: "chat"}
                builder.add_conditional_edges("wait", lambda s: s["intent"] == "NEW_SEARCH", names)
                return builder.compile()
            """,
        ),
        wrong=(
            "lambda: assistant(router=lambda s: {'intent': '?'}).compile()",
            "lambda: assistant(search=say(''), chat=say('')).compile()",
            "lambda: assistant(path=lambda s: 'search').compile()",
            "lambda: assistant(path=by_text).compile()",
            "lambda: assistant(search=lambda s: {'messages': 'Here.'}).compile()",
            "lambda: assistant()",
            """
            def answer():
                def both(text, intent):
                    return lambda s: {"intent": intent, "messages": [("ai", text)]}

                builder = StateGraph(ChatState)
                builder.add_node("search", both("Here.", "NEW_SEARCH"))
                builder.add_node("chat", both("Bye.", "CONVERSATION"))
                builder.add_conditional_edges(START, by_text, ["search", "chat"])
                return builder.compile()
            """,
            """
            def answer():
                def do_all(state):
                    return {**intent_of(state), "messages": [("ai", "Well.")]}

                builder = StateGraph(ChatState)
                builder.add_node(do_all)
                return builder.add_edge(START, "do_all").compile()
            """,
        ),
    ),
}
