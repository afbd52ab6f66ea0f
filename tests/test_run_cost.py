"""What a run cost: every call of a model counts, and what nobody reported is not made up."""

import asyncio

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from openai_server import openai_server

from course_lib.chat import ChatController, RunEnded, Transcript
from course_lib.chat.run_cost import CostCounter, RunCost, cost_parts
from course_lib.models import OfflineChatModel, RemoteChatModel
from course_lib.namu import build_namu


def heard(graph, **options):
    events, transcript = [], Transcript()

    def listen(event):
        events.append(event)
        transcript.handle(event)

    return ChatController(graph, on_event=listen, **options), events, transcript


def costs_of(events):
    return [event.cost for event in events if isinstance(event, RunEnded)]


def summary_of(transcript):
    return [entry["summary"] for entry in transcript.entries if entry["kind"] == "work"][-1]


def graph_of(node):
    builder = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node")
    return builder.compile(InMemorySaver())


async def test_every_call_counts_also_those_whose_answers_are_not_stored():
    with openai_server() as server:
        model = RemoteChatModel(
            base_url=server.url, model=server.model, api_key="any", stream_usage=True
        )
        chat, events, transcript = heard(build_namu(model=model, checkpointer=InMemorySaver()))
        await chat.send("a cafe in Mapo")
        (cost,) = costs_of(events)
        assert cost.calls == len(server.requests) == 3 and cost.unreported == 0
    stored = [each.usage_metadata for each in events[-1].thread.messages if each.type == "ai"]
    assert len(stored) == 2  # the router's answer is in no message
    assert cost.input_tokens > sum(usage["input_tokens"] for usage in stored)
    assert cost.tokens == cost.input_tokens + cost.output_tokens
    assert cost.seconds > 0
    assert summary_of(transcript).endswith(f"{cost.tokens:,} tokens")
    assert "at least" not in summary_of(transcript)


async def test_a_server_that_sends_no_usage_makes_the_tokens_unknown():
    with openai_server() as server:
        model = RemoteChatModel(base_url=server.url, model=server.model, api_key="any")
        chat, events, transcript = heard(build_namu(model=model, checkpointer=InMemorySaver()))
        server.script = [[{"content": '{"intent": "CONVERSATION"}'}], [{"content": "Hi."}]]
        await chat.send("hello")
    (cost,) = costs_of(events)
    assert (cost.calls, cost.unreported, cost.tokens) == (2, 2, None)
    assert summary_of(transcript).endswith("tokens unknown")


async def test_where_one_call_reports_nothing_the_sum_is_a_lower_limit():
    silent = GenericFakeChatModel(messages=iter([AIMessage("No usage.")]))

    async def node(state: MessagesState):
        await silent.ainvoke("hello")
        return {"messages": [await OfflineChatModel().ainvoke(state["messages"])]}

    chat, events, transcript = heard(graph_of(node))
    await chat.send("hello")
    (cost,) = costs_of(events)
    assert (cost.calls, cost.unreported, cost.tokens) == (2, 1, None)
    total = cost.input_tokens + cost.output_tokens
    assert total > 0 and summary_of(transcript).endswith(f"at least {total:,} tokens")


async def test_a_graph_without_a_model_says_nothing_of_tokens():
    chat, events, transcript = heard(graph_of(lambda state: {"messages": [("ai", "hello")]}))
    await chat.send("hello")
    (cost,) = costs_of(events)
    assert (cost.calls, cost.tokens) == (0, 0)
    assert "tokens" not in summary_of(transcript)


async def test_a_failed_run_and_a_stopped_one_have_a_cost():
    broken = OfflineChatModel(fail_after_tokens=3)
    chat, events, _ = heard(graph_of(lambda state: {"messages": [broken.invoke("hello")]}))
    await chat.send("hello")
    (cost,) = costs_of(events)
    assert (cost.calls, cost.unreported, cost.tokens) == (1, 1, None)

    begun = asyncio.Event()

    async def node(state: MessagesState):
        message = await OfflineChatModel().ainvoke("hello")
        begun.set()
        await asyncio.Event().wait()
        return {"messages": [message]}

    chat, events, transcript = heard(graph_of(node))
    sending = asyncio.ensure_future(chat.send("hello"))
    await begun.wait()
    chat.stop()
    await sending
    (cost,) = costs_of(events)
    assert cost.calls == 1 and cost.tokens > 0 and events[-1].outcome == "stopped"
    assert f"{cost.tokens:,} tokens" in summary_of(transcript)


async def test_the_runs_of_a_turn_are_added_and_a_run_of_another_sitting_is_not_made_up():
    model = OfflineChatModel()

    def ask(state: MessagesState):
        first = model.invoke(state["messages"])
        interrupt("Go on?")
        return {"messages": [first]}

    graph = graph_of(ask)
    chat, events, transcript = heard(graph, thread_id="a")
    await chat.send("hello")
    (question,) = events[-1].thread.interrupts
    await chat.resume({question.id: True})
    first, second = costs_of(events)
    assert first.calls == second.calls == 1
    assert summary_of(transcript).endswith(f"{first.tokens + second.tokens:,} tokens")

    chat, events, _ = heard(graph, thread_id="b")
    await chat.send("hello")
    (question,) = events[-1].thread.interrupts
    later, later_events, later_transcript = heard(graph, thread_id="b")
    await later.load()
    await later.resume({question.id: True})
    (cost,) = costs_of(later_events)
    assert summary_of(later_transcript).endswith(f"at least {cost.tokens:,} tokens")


async def test_a_reopened_thread_says_what_its_stored_messages_report_as_a_lower_limit():
    saver = InMemorySaver()
    chat, _, _ = heard(build_namu(checkpointer=saver), thread_id="a")
    await chat.send("a cafe in Mapo")
    again, events, transcript = heard(build_namu(checkpointer=saver), thread_id="a")
    await again.load()
    usages = [each.usage_metadata for each in events[-1].messages if each.type == "ai"]
    stored = sum(usage["total_tokens"] for usage in usages)
    assert summary_of(transcript).endswith(f"at least {stored:,} tokens")


@pytest.mark.parametrize(
    ("cost", "stored", "whole", "shown"),
    [
        (None, 0, True, []),
        (None, 1234, True, ["at least 1,234 tokens"]),
        (RunCost(0.32, 2, 0, 1400, 12), 500, True, ["0.3 s", "1,412 tokens"]),
        (RunCost(0.32, 2, 0, 1400, 12), 500, False, ["0.3 s", "at least 1,412 tokens"]),
        (RunCost(0.32, 2, 0, 1400, 12), 2000, True, ["0.3 s", "at least 2,000 tokens"]),
        (RunCost(1, 3, 1, 10, 2), 0, True, ["1.0 s", "at least 12 tokens"]),
        (RunCost(1, 3, 3), 0, True, ["1.0 s", "tokens unknown"]),
        (RunCost(1, 0), 0, True, ["1.0 s"]),
        (RunCost(1, None), 0, True, ["1.0 s"]),  # a server that runs the graph
        (RunCost(1, None), 77, True, ["1.0 s", "at least 77 tokens"]),
    ],
)
def test_how_a_cost_is_shown(cost, stored, whole, shown):
    assert cost_parts(cost, stored, whole=whole) == shown


def test_costs_add_up_and_what_is_unknown_stays_unknown():
    total = RunCost(1, 2, 0, 10, 1) + RunCost(0.5, 1, 1, 5, 2)
    assert total == RunCost(1.5, 3, 1, 15, 3) and total.tokens is None
    assert (RunCost(1, 2) + RunCost(1, None)).calls is None


def test_a_counter_that_sees_no_calls_says_so():
    assert CostCounter(sees_calls=False).cost().calls is None
    assert CostCounter(sees_calls=True).cost().calls == 0
