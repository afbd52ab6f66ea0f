"""Checks of chapter 01, Build a state graph."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync, invoke, updates

CHAPTER = "01"
quiz = quiz_of(CHAPTER)


def _graph(build: Any, name: str) -> Any:
    """Call the learner's builder function and make sure that a compiled graph came."""
    graph = build()
    require(
        graph is not None,
        f"{name}() returned None. End it with `return builder.compile()`.",
    )
    require(
        hasattr(graph, "invoke"),
        f"{name}() returned a {type(graph).__name__}, which cannot run yet. "
        "Return what its compile() gives you.",
    )
    return graph


def _check_three_nodes(build: Any) -> None:
    graph = _graph(build, "build_abc")
    for given, wanted in (("", "abc"), ("x", "xabc")):
        got = invoke(graph, {"text": given})
        shown = f"build_abc().invoke({{'text': {given!r}}})"
        look = "Follow the edges from START: who writes last?"
        if got.get("text") == given + wanted[-1] * 3:
            look = "Every node adds the last letter: each function needs a letter of its own."
        elif got.get("text") == given:
            look = "No node changed text: does each return {'text': ...}, spelt like the field?"
        expect(shown, {"text": wanted}, got, look)
    grown = [update.get("text") for _, update in updates(graph, {"text": ""})]
    expect(
        "what the nodes write, one after the other",
        ["a", "ab", "abc"],
        grown,
        "Each of the three nodes adds one letter.",
    )
    nodes = [name for name in graph.get_graph().nodes if not name.startswith("__")]
    require(
        len(nodes) == 3,
        f"The text is right, but the graph has {len(nodes)} node(s): {nodes}. Use three, one "
        "for each letter.",
    )


def _check_branches(by_intent: Any) -> None:
    branches = {
        "NEW_SEARCH": "search",
        "REFINEMENT": "search",
        "REFINE_EXCLUDE": "refine_exclude",
        "FOLLOW_UP": "chat",
        "CONVERSATION": "chat",
        None: "chat",
        "SOMETHING_ELSE": "chat",
    }
    for intent, branch in branches.items():
        got = as_sync(by_intent)({"intent": intent})
        if isinstance(got, (list, tuple)) and len(got) == 1:
            got = got[0]  # LangGraph takes a list of names, too
        expect(
            f"by_intent({{'intent': {intent!r}}})",
            branch,
            got,
            "A conditional edge returns the name of the next node, for every intent there is.",
        )


def _check_budget(note_budget: Any) -> None:
    cases = {
        "a free museum": {"max_price": 0},
        "Something FREE in Mapo-gu": {"max_price": 0},
        "Free entry": {"max_price": 0},
        "a park (fREE)": {"max_price": 0},
        "a cheap restaurant": {"max_price": 1},
        "Cheap noodles": {"max_price": 1},
        "CHEAP, please": {"max_price": 1},
        "A ChEaP inn": {"max_price": 1},
        "a museum": {},
    }
    for message, wanted in cases.items():
        before = {"message": message, "max_price": 3}
        kept = dict(before)
        got = as_sync(note_budget)(before)
        if isinstance(got, Command):
            got = got.update
        require(
            before == kept,
            f"note_budget changed the state it was given: {before!r}. Return an update, and leave "
            "the argument alone.",
        )
        require(
            got is None or isinstance(got, dict),
            f"note_budget returned {got!r}. A node returns a dictionary of the fields it changes.",
        )
        look = "Return only the fields that change; nothing to change is an empty update."
        if wanted and not got:
            look = "Look for the word anywhere in the lower-case message."
        expect(f"note_budget({before!r})", wanted, got or {}, look)


MESSAGES = {"NEW_SEARCH": "Find me a park in Mapo-gu", "CONVERSATION": "thanks, that is all"}
LIMIT = {"recursion_limit": 10}


def _asked(intent: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": MESSAGES[intent]}]}


def _check_assistant(build: Any) -> None:
    graph = _graph(build, "build_assistant")
    writers, branches = {}, {}
    for intent, text in MESSAGES.items():
        steps = updates(graph, _asked(intent), LIMIT)
        state = invoke(graph, _asked(intent), LIMIT)
        expect(
            f"the intent after {text!r}",
            intent,
            state.get("intent"),
            "Which node writes the intent, and what does it return for this message?",
        )
        last = state["messages"][-1]
        require(
            last.type != "human" or last.text == text,
            f"after {text!r} the last message is a human one: {last.text!r}. A bare string becomes "
            "a human message; write {'role': 'ai', 'content': ...}.",
        )
        if last.type != "ai" or not str(last.text).strip():
            raise IncorrectAnswer(
                f"after {text!r} the last message is {last.type}: {str(last.text)!r}. Each branch "
                "should end with an answer of the assistant's."
            )
        nodes = [node for node, _ in steps]
        first = next(n for n, (_, update) in enumerate(steps) if "intent" in update)
        writers[intent], branches[intent] = nodes[first], nodes[first + 1 :]
    require(
        len(set(writers.values())) == 1,
        f"{' and '.join(writers.values())} both write the intent: what chose between them was not "
        "the intent. Let one node write it, before the branches.",
    )
    require(
        branches["NEW_SEARCH"] != branches["CONVERSATION"],
        f"After the intent was written, both messages led to {branches['NEW_SEARCH']}. Let the "
        "conditional edge return different names.",
    )
    if any(graph.builder.branches.values()):  # else a Command chose, and wrote the intent with it
        _require_choice_by_intent(graph, writers["NEW_SEARCH"], branches)


def _require_choice_by_intent(graph: Any, writer: str, branches: dict[str, list[str]]) -> None:
    """Change the intent behind the node that wrote it: the edge must follow the changed one."""
    for intent, other in (("NEW_SEARCH", "CONVERSATION"), ("CONVERSATION", "NEW_SEARCH")):
        watched = graph.copy({"checkpointer": InMemorySaver()})
        thread = {**LIMIT, "configurable": {"thread_id": "ann"}}
        invoke(watched, _asked(intent), thread, interrupt_after=[writer])
        watched.update_state(thread, {"intent": other}, as_node=writer)
        taken = [node for node, _ in updates(watched, None, thread)]
        expect(
            f"the nodes that run when the intent of {MESSAGES[intent]!r} is {other}",
            branches[other],
            taken,
            "The edge should look at the intent in the state, and at nothing else.",
        )


e1 = Exercise(
    CHAPTER,
    1,
    "three nodes in a row",
    _check_three_nodes,
    (
        "Copy the shape of the two-node graph: a builder, nodes, edges, compile.",
        "Three nodes need four edges: from START, two in between, and to END.",
        "Write three functions, each returning {'text': state['text'] + ...}, and give each to "
        "add_node.",
    ),
    "Each node read what the one before it had written.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "name the branch",
    _check_branches,
    (
        "The function gets the state and returns a string.",
        "Two intents lead to search, one to refine_exclude, and everything else to chat.",
        "A dictionary with .get(intent, 'chat') says it in one line.",
    ),
    "Everything you did not think of goes to chat, and not to a crash.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "change one field, or none",
    _check_budget,
    (
        "Look for 'free' and 'cheap' in the lower-case message.",
        "Return {'max_price': 0}, {'max_price': 1}, or an empty dictionary.",
    ),
    "An update holds what changed, and nothing else.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "a small assistant of your own",
    _check_assistant,
    (
        "Start from ChatState: messages and intent. A router node writes the intent.",
        "A conditional edge leads to one of two nodes, and each adds an AI message.",
        "A node answers with {'messages': [{'role': 'ai', 'content': '...'}]}, or with "
        "chat_model().invoke(state['messages']).",
    ),
    "Two messages, two branches, and an answer at the end of each.",
)
