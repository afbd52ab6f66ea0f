"""What a repeated request comes to, wherever the run before it died."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from course_lib.fastapi_app.turns import Turn, plan_turn
from course_lib.persistence import unfinished_step

CONFIG = {"configurable": {"thread_id": "1"}}


class DyingSaver(InMemorySaver):
    """Stores some checkpoints and every pending write, as a process that is killed between them."""

    def __init__(self, checkpoints):
        super().__init__()
        self.left = checkpoints

    def put(self, *arguments):
        if self.left == 0:
            raise RuntimeError("killed")
        self.left -= 1
        return super().put(*arguments)


def three_nodes(saver, ran):
    builder = StateGraph(MessagesState)

    def node(name, update):
        builder.add_node(name, lambda state: ran.append(name) or update)

    node("first", {})
    node("second", {})
    node("answer", {"messages": [AIMessage("hello to you", id="2")]})
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    builder.add_edge("second", "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("checkpoints", range(6))
def test_a_repeated_message_is_answered_whatever_was_stored_when_its_run_died(checkpoints):
    saver, ran = DyingSaver(checkpoints), []
    graph, turn = three_nodes(saver, ran), Turn("m", "hello")
    question = {"messages": [HumanMessage("hello", id="m")]}
    ended = checkpoints == 5  # one for the input, one behind it, and one for each node
    if ended:
        graph.invoke(question, CONFIG, durability="sync")
    else:
        with pytest.raises(RuntimeError, match="killed"):
            graph.invoke(question, CONFIG, durability="sync")
    saver.left = -1
    state = graph.get_state(CONFIG)
    assert bool(unfinished_step(state)) == (0 < checkpoints < 5)
    plan = plan_turn(turn, state)
    assert plan.action == ("repeat" if ended else "run")
    if not ended:
        graph.invoke(plan.value, CONFIG)
    state = graph.get_state(CONFIG)
    assert [message.text for message in state.values["messages"]] == ["hello", "hello to you"]
    assert plan_turn(turn, state).action == "repeat" and not unfinished_step(state)
    assert ran == sorted(ran, key=["first", "second", "answer"].index) and len(set(ran)) == 3
