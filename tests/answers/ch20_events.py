"""Chapter 20, Put it all in one chat: events and features."""

from answers import Answers
from answers.ch20 import CHAPTER, SETUP

__all__ = ["ANSWERS", "CHAPTER", "SETUP"]

ANSWERS = {
    4: Answers(
        right=(
            """
            def answer(events):
                bill = {"tokens": 0, "seconds": 0.0, "runs": 0}
                for event in events:
                    match event:
                        case RunEnded(cost=RunCost() as cost):
                            bill["runs"] += 1
                            bill["seconds"] += cost.seconds
                            if cost.tokens is None or bill["tokens"] is None:
                                bill["tokens"] = None
                            else:
                                bill["tokens"] += cost.tokens
                return bill
            """,
            """
            def answer(events):
                total = RunCost(0)
                costs = [getattr(event, "cost", None) for event in events]
                costs = [cost for cost in costs if cost]
                for cost in costs:
                    total = total + cost
                return {"runs": len(costs), "seconds": total.seconds, "tokens": total.tokens}
            """,
            """
            async def answer(events):
                names = [(type(event).__name__, event) for event in events]
                costs = [e.cost for name, e in names if name == "RunEnded" and e.cost is not None]
                known = not any(cost.unreported for cost in costs)
                return {
                    "seconds": math.fsum(cost.seconds for cost in reversed(costs)),
                    "runs": len(costs),
                    "tokens": sum(c.input_tokens + c.output_tokens for c in costs)
                    if known
                    else None,
                }
            """,
        ),
        wrong=(
            """
            def answer(events):
                ended = [e for e in events if isinstance(e, RunEnded) and e.outcome == "done"]
                return {
                    "runs": len(ended),
                    "seconds": sum(event.cost.seconds for event in ended),
                    "tokens": sum(isinstance(event, Token) for event in events),
                }
            """,
            "bill_of(lambda cost, event: event.outcome == 'done')",
            "bill_of(lambda cost, event: event.outcome != 'stopped')",
            "bill_of(lambda cost, event: cost.tokens is not None)",
            "bill_of(lambda cost, event: cost.tokens != 0)",
            """
            def answer(events):
                ended = [event for event in events if isinstance(event, RunEnded)]
                costs = [event.cost for event in ended if event.cost is not None]
                tokens = sum(cost.tokens or 0 for cost in costs)
                seconds = sum(cost.seconds for cost in costs)
                return {"runs": len(ended), "seconds": seconds, "tokens": tokens}
            """,
            """
            def answer(events):
                costs = [e.cost for e in events if isinstance(e, RunEnded) and e.cost is not None]
                tokens = [cost.tokens for cost in costs]
                seconds = sum(cost.seconds for cost in costs)
                return {
                    "runs": len(costs),
                    "seconds": seconds,
                    "tokens": sum(tokens) if all(tokens) else None,
                }
            """,
            """
            def answer(events):
                bill = bill_of(lambda cost, event: True)(events)
                starts = sum(isinstance(event, RunStarted) for event in events)
                return {**bill, "runs": starts}
            """,
            """
            def answer(events):
                bill = bill_of(lambda cost, event: True)(events)
                return {**bill, "tokens": bill["tokens"] or None}
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
