"""Chapter 20, Put it all in one chat: events and features."""

from answers import Answers
from answers.ch20 import CHAPTER, SETUP

__all__ = ["ANSWERS", "CHAPTER", "SETUP"]

ANSWERS = {
    4: Answers(
        right=(
            """
            def answer(events):
                kinds = Counter(type(event) for event in events)
                tools = [event.name for event in events if type(event) is ToolCalled]
                return {"runs": kinds[RunStarted], "tokens": kinds[Token], "tools": tools}
            """,
            """
            def answer(events):
                found = {"tools": [], "runs": 0, "tokens": 0}
                for event in events:
                    match event:
                        case RunStarted():
                            found["runs"] += 1
                        case Token():
                            found["tokens"] += 1
                        case ToolCalled(name=name):
                            found["tools"].append(name)
                return found
            """,
            """
            def answer(events):
                named = [(type(event).__name__, event) for event in events]
                return {
                    "runs": len([1 for name, _ in named if name == "RunStarted"]),
                    "tokens": sum(name == "Token" for name, _ in named),
                    "tools": [event.name for name, event in named if name == "ToolCalled"],
                }
            """,
        ),
        wrong=(
            "lambda events: {'runs': len(events), 'tokens': len(events), 'tools': []}",
            "lambda events: {'runs': 1, 'tokens': 137, 'tools': ['search_places']}",
            """
            def answer(events):
                return {
                    "runs": sum(isinstance(e, RunStarted) for e in events),
                    "tokens": sum(len(e.text.split()) for e in events if isinstance(e, Token)),
                    "tools": [e.name for e in events if isinstance(e, ToolCalled)],
                }
            """,
            """
            def answer(events):
                return {
                    "runs": sum(isinstance(e, RunStarted) for e in events),
                    "tokens": sum(isinstance(e, Token) for e in events),
                    "tools": [e.name for e in events if hasattr(e, "name")],
                }
            """,
            """
            def answer(events):
                return {
                    "runs": sum(type(e).__name__ == "RunEnded" for e in events),
                    "tokens": sum(isinstance(e, Token) for e in events),
                    "tools": [e.name for e in events if isinstance(e, ToolCalled)],
                }
            """,
            """
            def answer(events):
                return {
                    "runs": sum(isinstance(e, RunStarted) for e in events),
                    "tokens": sum(isinstance(e, Token) and bool(e.text) for e in events),
                    "tools": sorted({e.name for e in events if isinstance(e, ToolCalled)}),
                }
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(saver):
                @tool
                def plan_route(runtime: Tools) -> str:
                    "Plan a route through the places on the table."
                    runtime.stream_writer({"label": "planning", "done": 1, "total": 1})
                    return "First the first one, then the second."

                return build_namu(checkpointer=saver, tools=[plan_route]), "plan a route"
            """,
            """
            def answer(saver):
                @tool
                def rate_place() -> str:
                    "Rate a place."
                    return f"You gave {interrupt('How many stars?')}."

                return build_namu(tools=[rate_place], checkpointer=saver), "rate a place"
            """,
            """
            def answer(saver):
                def think(state: NamuState):
                    return {"messages": [AIMessage("Let me think.")]}

                builder = StateGraph(NamuState)
                builder.add_node(think)
                return builder.add_edge(START, "think").compile(checkpointer=saver), "hello"
            """,
            """
            class Style(TypedDict):
                tone: Literal["short", "long"]


            def answer(saver):
                def agent(state: NamuState):
                    return {"messages": [AIMessage("Well.")]}

                builder = StateGraph(NamuState, context_schema=Style)
                builder.add_node(agent)
                return builder.add_edge(START, "agent").compile(checkpointer=saver), "hello"
            """,
        ),
        wrong=(
            "lambda saver: (build_namu(checkpointer=saver), 'something cheaper')",
            "lambda saver: build_namu(checkpointer=saver)",
            "lambda saver: (build_namu(checkpointer=saver, tools=[unused]), 'hello')",
            """
            def answer(saver):
                graph = build_namu(checkpointer=InMemorySaver(), tools=[flip_coin])
                return graph, "flip a coin for me"
            """,
            "lambda saver: (build_namu, 'flip a coin')",
            """
            def answer(saver):
                return build_namu(checkpointer=saver, tools=[flip_coin]), ["flip a coin"]
            """,
        ),
    ),
}
