"""The small checkpointer of appendix A3: complete, atomic, and with a history that expires."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis as redis_client
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.persistence import RedisSaver
from course_lib.persistence.async_saver import adapt


def place(thread="ann/1", namespace=""):
    return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace}}


@pytest.fixture
def client(redis):
    with redis_client.Redis.from_url(redis.url) as made:
        yield made


@pytest.fixture
def saver(redis, client):
    return RedisSaver(client, prefix=f"{redis.prefix}-saver-{time.monotonic_ns()}")


def written(saver, n, config, id=None):
    checkpoint = empty_checkpoint() | {"channel_values": {"n": n}}
    checkpoint["id"] = id or checkpoint["id"]
    return saver.put(config, checkpoint, {"source": "loop", "step": n}, {})


async def test_it_passes_the_suite_of_langgraph(saver):
    @checkpointer_test(name="Redis")
    async def made():
        yield adapt(saver)

    report = await validate(made)
    assert report.passed_all(), report.to_dict()
    assert sum(result.tests_passed for result in report.results.values()) >= 58


def test_a_conversation_is_as_in_memory(saver):
    def answer(state):
        return {"messages": [{"role": "ai", "content": f"{len(state['messages'])}", "id": "a"}]}

    builder = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer")
    states = []
    for each in (saver, InMemorySaver()):
        graph = builder.compile(checkpointer=each)
        for n in range(3):
            said = {"role": "user", "content": "hi", "id": f"u{n}"}
            graph.invoke({"messages": [said]}, place())
        history = list(graph.get_state_history(place()))
        states.append([(s.values, s.next, s.metadata) for s in history])
    assert states[0] == states[1] and len(states[0]) == 9


def test_two_writers_leave_the_pointer_at_the_newest_checkpoint(redis, saver):
    """Both write ids in a shuffled order, each with a connection of its own."""
    ids = [str(uuid6(clock_seq=n)) for n in range(200)]

    def write(mine):
        with redis_client.Redis.from_url(redis.url) as own:
            other = RedisSaver(own, seconds=60, prefix=saver.prefix)
            for id in mine:
                written(other, 0, place(), id)
                seen = other.get_tuple(place())
                assert seen is not None and seen.checkpoint["id"] >= id

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, ids[::-2]), pool.submit(write, ids[::2])]:
            done.result(60)
    assert saver.get_tuple(place()).checkpoint["id"] == max(ids)
    ttl = {id: saver.client.ttl(saver._key("checkpoint", "ann/1", "", id)) for id in ids}
    assert ttl.pop(max(ids)) == -1 and all(0 < left <= 60 for left in ttl.values())


def test_a_pointer_that_is_read_and_then_set_loses_the_newest_checkpoint(saver):
    """Why the script: the same in two commands, with another writer between them."""
    first, second, third = sorted(str(uuid6(clock_seq=n)) for n in range(3))
    pointer = saver._key("latest", "ann/1", "")
    saver.client.set(pointer, first)
    ours = max(second, saver.client.get(pointer).decode())  # one writer reads ...
    saver.client.set(pointer, third)  # ... another one writes ...
    saver.client.set(pointer, ours)  # ... and the first one puts it back
    assert saver.client.get(pointer).decode() == second != third


@pytest.mark.soak
def test_only_the_history_expires_with_its_writes(client, saver):
    saver.seconds = 1
    first = written(saver, 0, place())
    saver.put_writes(first, [("n", 1)], "task")
    second = written(saver, 1, first)
    saver.put_writes(second, [("n", 2)], "task")
    saver.put_writes(first, [("late", 1)], "task-2")  # after it has become history
    assert len([*saver.list(place())]) == 2
    time.sleep(1.3)
    assert saver.get_tuple(first) is None
    third = written(saver, 2, second)
    assert client.zcard(saver._key("history", "ann/1", "")) == 2  # the first one's id went, too
    saver.put_writes(third, [("n", 3)], "task")
    time.sleep(1.3)
    assert [each.metadata["step"] for each in saver.list(place())] == [2]
    assert saver.get_tuple(place()).pending_writes == [("task", "n", 3)]
    keys = sorted(key.decode().split(":")[1] for key in client.scan_iter(f"{saver.prefix}:*"))
    assert keys == ["checkpoint", "history", "latest", "writes"]


def test_the_newest_of_each_namespace_stays(saver):
    saver.seconds = 1
    for namespace in ("", "sub:1", "sub:2"):
        written(saver, 1, written(saver, 0, place(namespace=namespace)))
    time.sleep(1.3)
    for namespace in ("", "sub:1", "sub:2"):
        kept = saver.list(place(namespace=namespace))
        assert [each.metadata["step"] for each in kept] == [1]


def test_versions_repeat_in_branches_where_those_of_postgresql_do_not(saver):
    assert saver.get_next_version(3, None) == saver.get_next_version(3, None)
    first, second = (PostgresSaver.get_next_version(None, "3.0", None) for _ in range(2))
    assert first != second and first.split(".")[0] == second.split(".")[0]


def test_a_delta_channel_is_refused_where_the_history_expires(saver):
    saver.seconds = 60
    counters = {"counters_since_delta_snapshot": {"messages": [1, 2]}}
    with pytest.raises(NotImplementedError, match="seconds=None"):
        saver.put(place(), empty_checkpoint(), {"step": 0, **counters}, {})


def test_deleting_a_thread_leaves_nothing_of_it_and_no_less_of_the_others(client, saver):
    odd = ("ann/1", "ann/10", "ann/*", "a[n]n", "{x}")
    for thread in odd:
        for namespace in ("", "child:1"):
            config = written(saver, 0, place(thread, namespace))
            saver.put_writes(config, [("n", 1)], "task")
    for number, thread in enumerate(odd, 1):
        saver.delete_thread(thread)
        left = {each.config["configurable"]["thread_id"] for each in saver.list(None)}
        assert left == set(odd[number:])
    assert not [*client.scan_iter(f"{saver.prefix}:*")]
