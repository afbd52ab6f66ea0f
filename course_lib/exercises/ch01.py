"""Checks of chapter 01, Build a state graph."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require

CHAPTER = "01"


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
        got = graph.invoke({"text": given})
        shown = f"build_abc().invoke({{'text': {given!r}}})"
        look = "Follow the edges from START: who writes last?"
        if got.get("text") == given + wanted[-1] * 3:
            look = "Every node adds the last letter: each function needs a letter of its own."
        elif got.get("text") == given:
            look = "No node changed text: does each return {'text': ...}, spelt like the field?"
        expect(shown, {"text": wanted}, got, look)
    grown = [
        update
        for step in graph.stream({"text": ""}, stream_mode="updates")
        for update in step.values()
    ]
    expect(
        "what the nodes write, one after the other",
        ["a", "ab", "abc"],
        [(update or {}).get("text") for update in grown],
        "Each of the three nodes adds one letter.",
    )
    nodes = [name for name in graph.get_graph().nodes if not name.startswith("__")]
    require(
        len(nodes) == 3,
        f"The text is right, but the graph has {len(nodes)} node(s): {nodes}. Use three, one "
        "for each letter.",
    )


def _check_roads(by_intent: Any) -> None:
    roads = {
        "NEW_SEARCH": "search",
        "REFINEMENT": "search",
        "REFINE_EXCLUDE": "refine_exclude",
        "FOLLOW_UP": "chat",
        "CONVERSATION": "chat",
        None: "chat",
        "SOMETHING_ELSE": "chat",
    }
    for intent, road in roads.items():
        expect(
            f"by_intent({{'intent': {intent!r}}})",
            road,
            by_intent({"intent": intent}),
            "A conditional edge returns the name of the next node, for every intent there is.",
        )


def _check_budget(note_budget: Any) -> None:
    cases = {
        "a free museum": {"max_price": 0},
        "Something FREE in Mapo-gu": {"max_price": 0},
        "a cheap restaurant": {"max_price": 1},
        "Cheap noodles": {"max_price": 1},
        "a museum": {},
    }
    for message, wanted in cases.items():
        before = {"message": message, "max_price": 3}
        kept = dict(before)
        got = note_budget(before)
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
            look = "Capitals count too: look for the word in the lower-case message."
        expect(f"note_budget({before!r})", wanted, got or {}, look)


def _check_assistant(build: Any) -> None:
    graph = _graph(build, "build_assistant")
    require(
        any(graph.builder.branches.values()),
        "The graph has no conditional edge. Let the intent choose between two roads.",
    )
    roads = {}
    for text, intent in (
        ("Find me a park in Mapo-gu", "NEW_SEARCH"),
        ("thanks, that is all", "CONVERSATION"),
    ):
        question = {"messages": [{"role": "user", "content": text}]}
        steps = list(graph.stream(question, {"recursion_limit": 10}, stream_mode="updates"))
        state = graph.invoke(question, {"recursion_limit": 10})
        expect(
            f"the intent after {text!r}",
            intent,
            state.get("intent"),
            "Which node writes the intent, and what does it return for this message?",
        )
        first = next(iter(steps[0].values())) or {}
        require(
            "intent" in first,
            f"The first node to run writes {sorted(first)}. It should write the intent, so that "
            "the conditional edge behind it can choose by it.",
        )
        last = state["messages"][-1]
        require(
            last.type != "human" or last.text == text,
            f"after {text!r} the last message is a human one: {last.text!r}. A bare string becomes "
            "a human message; write {'role': 'ai', 'content': ...}.",
        )
        if last.type != "ai" or not str(last.text).strip():
            raise IncorrectAnswer(
                f"after {text!r} the last message is {last.type}: {str(last.text)!r}. Each road "
                "should end with an answer of the assistant's."
            )
        roads[intent] = [node for step in steps for node in step]
    require(
        roads["NEW_SEARCH"] != roads["CONVERSATION"],
        f"Both messages took the same road: {roads['NEW_SEARCH']}. Let the conditional edge "
        "return different names.",
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
    "name the road",
    _check_roads,
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
    "Two messages, two roads, and an answer at the end of each.",
)
