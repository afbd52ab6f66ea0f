"""The read-through cache: never older than the database, bounded, and passed over when it is away.

LangGraph's suite runs on cached savers in test_conformance.py. It also passes a cache that keeps
its entries when a task's writes arrive, so these promises have tests of their own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import pytest
import redis as redis_client
from graph_shapes import fold
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from typing_extensions import TypedDict

from course_lib.persistence import (
    AsyncSaverAdapter,
    CachedSaver,
    CacheError,
    MemoryCache,
    RedisCheckpointCache,
    WrongKey,
    as_async_saver,
    open_async_checkpointer,
    open_checkpointer,
    same_storage,
)
from course_lib.serving import free_port, redis_program, start
from course_lib.serving.redis_process import OPTIONS

KEY = b"0123456789abcdef"
THREAD = "ann/1"
HERE = {"configurable": {"thread_id": THREAD, "checkpoint_ns": ""}}


@pytest.fixture(params=["memory", "redis"])
def cache(request):
    """Both caches, empty."""
    if request.param == "memory":
        yield MemoryCache()
        return
    running = request.getfixturevalue("redis")
    made = RedisCheckpointCache(running.url, prefix=f"{running.prefix}-{time.monotonic_ns()}")
    yield made
    made.clear()
    made.close()


def written(saver, n, config=HERE):
    """Write checkpoint number n after the one of a config, and return its config."""
    checkpoint = empty_checkpoint() | {"channel_values": {"n": n, "words": ["Bukchon", n]}}
    checkpoint["channel_versions"] = {"n": n + 1, "words": n + 1}
    metadata = {"source": "loop", "step": n}
    return saver.put(config, checkpoint, metadata, dict(checkpoint["channel_versions"]))


def fields(found):
    """All parts of a tuple; two readers' tuples are compared by them."""
    return None if found is None else found._asdict()


# -- every read after a write sees it ----------------------------------------------------------


def read_write_read(cached, raw):
    """Check after each kind of write that the cached saver answers as the raw one does."""

    def agree():
        for _ in range(2):  # the first read fills the cache, and the second one uses it
            assert fields(cached.get_tuple(HERE)) == fields(raw.get_tuple(HERE))

    agree()
    first = written(cached, 0)
    agree()
    second = written(cached, 1, first)
    agree()
    cached.put_writes(second, [("n", 7), ("__error__", "closed")], "task-1")
    agree()
    cached.put_writes(second, [("words", ["Seochon"])], "task-2", "~path")
    agree()
    if hasattr(type(raw), "prune") and "prune" in vars(type(cached)):
        cached.prune([THREAD], strategy="keep_latest")
        agree()
    cached.delete_thread(THREAD)
    agree()
    assert cached.get_tuple(HERE) is None


async def aread_write_read(cached, raw):
    """The same for the awaitable methods, which are other code."""

    async def agree():
        for _ in range(2):
            assert fields(await cached.aget_tuple(HERE)) == fields(await raw.aget_tuple(HERE))

    await agree()
    config = HERE
    for n in range(2):
        checkpoint = empty_checkpoint() | {"channel_values": {"n": n}}
        config = await cached.aput(config, checkpoint, {"source": "loop", "step": n}, {})
        await agree()
    await cached.aput_writes(config, [("n", 7)], "task-1")
    await agree()
    await cached.aput_writes(config, [("n", 8)], "task-2", "~path")
    await agree()
    if "aprune" in vars(type(cached)):
        await cached.aprune([THREAD], strategy="delete")
        await agree()
    await cached.adelete_thread(THREAD)
    await agree()


class KeepsOnWrites(CachedSaver):
    """A cached saver with the usual mistake: a task's writes do not drop the entry."""

    def put_writes(self, *arguments, **options):
        self.saver.put_writes(*arguments, **options)

    async def aput_writes(self, *arguments, **options):
        await self.saver.aput_writes(*arguments, **options)


def test_every_read_after_a_write_sees_it(url, cache):
    with open_checkpointer(url) as saver:
        read_write_read(CachedSaver(saver, cache), saver)


async def test_every_awaited_read_after_a_write_sees_it(url, cache):
    async with open_async_checkpointer(url) as saver:
        await aread_write_read(CachedSaver(saver, cache), saver)


async def test_the_suite_passes_a_cache_that_keeps_its_entry_on_writes_and_ours_does_not(cache):
    raw = InMemorySaver()

    @checkpointer_test(name="keeps its entry")
    async def saver():
        yield KeepsOnWrites(raw, cache)

    report = await validate(saver)
    assert report.passed_all_base()
    with pytest.raises(AssertionError):
        read_write_read(KeepsOnWrites(raw, cache), raw)
    with pytest.raises(AssertionError):
        await aread_write_read(KeepsOnWrites(raw, cache), raw)


async def test_a_conversation_with_an_interrupt_is_the_same_with_a_cache(url, cache):
    from langgraph.types import Command, interrupt

    def ask(state):
        return {"messages": [AIMessage(f"You said {interrupt('really?')}", id=f"a{len(state)}")]}

    builder = StateGraph(MessagesState).add_node(ask).add_edge(START, "ask")
    async with open_async_checkpointer(url) as saver:
        graph = builder.compile(checkpointer=CachedSaver(saver, cache))
        plain = builder.compile(checkpointer=saver)
        for given in ({"messages": [("user", "hello")]}, Command(resume="yes")):
            await graph.ainvoke(given, HERE)
            for _ in range(2):
                assert await graph.aget_state(HERE) == await plain.aget_state(HERE)
        assert (await graph.aget_state(HERE)).values["messages"][-1].text == "You said yes"


def test_delta_channels_are_rebuilt_as_without_a_cache(url, cache):
    class State(TypedDict):
        messages: Annotated[list[AnyMessage], DeltaChannel(fold, snapshot_frequency=3)]

    def answer(state):
        return {"messages": [AIMessage("yes", id=f"a{len(state['messages'])}")]}

    builder = StateGraph(State).add_node(answer).add_edge(START, "answer")
    with open_checkpointer(url) as saver:
        graph = builder.compile(checkpointer=CachedSaver(saver, cache))
        for n in range(5):
            graph.invoke({"messages": [HumanMessage(f"{n}", id=f"h{n}")]}, HERE)
            expected = builder.compile(checkpointer=saver).get_state(HERE)
            assert [graph.get_state(HERE), graph.get_state(HERE)] == [expected, expected]


def test_what_a_reader_changes_does_not_reach_the_next_reader(cache):
    saver = CachedSaver(InMemorySaver(), cache)
    written(saver, 0)
    for _ in range(3):
        found = saver.get_tuple(HERE)
        assert found.checkpoint["channel_values"]["words"] == ["Bukchon", 0]
        found.checkpoint["channel_values"]["words"].append("changed")


# -- races -------------------------------------------------------------------------------------


class SlowSaver(InMemorySaver):
    """A saver whose next read stops between reading and returning, until it is let go."""

    def __init__(self):
        super().__init__()
        self.has_read, self.go_on, self.slow = threading.Event(), threading.Event(), False

    def get_tuple(self, config):
        found = super().get_tuple(config)
        if self.slow:
            self.slow = False
            self.has_read.set()
            assert self.go_on.wait(20)
        return found


class FillsAlways(CachedSaver):
    """A cached saver without leases: whoever has read something puts it into the cache."""

    def _fill(self, place, lease, found):
        _, fresh = self.cache.read(*place)
        super()._fill(place, lease if fresh is None else fresh, found)


@pytest.mark.parametrize(("kind", "stale"), [(CachedSaver, False), (FillsAlways, True)])
def test_a_slow_reader_does_not_put_an_old_checkpoint_back(cache, kind, stale):
    raw = SlowSaver()
    saver = kind(raw, cache)
    first = written(saver, 0)
    raw.slow = True
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(saver.get_tuple, HERE)
        assert raw.has_read.wait(20)
        written(saver, 1, first)
        raw.go_on.set()
        assert reader.result().metadata["step"] == 0  # it began before the write had ended
    assert (saver.get_tuple(HERE).metadata["step"] == 0) == stale


def test_a_read_during_a_write_fills_nothing(cache):
    saver = CachedSaver(InMemorySaver(), cache)
    first = written(saver, 0)
    one, two = cache.begin_write([THREAD]), cache.begin_write([THREAD])
    saver.get_tuple(HERE)
    cache.end_write([THREAD], one)
    saver.get_tuple(HERE)  # the other write goes on
    assert not [*cache.entries()]
    written(saver.saver, 1, first)
    cache.end_write([THREAD], two)
    assert saver.get_tuple(HERE).metadata["step"] == 1 and len([*cache.entries()]) == 1


def test_two_writers_and_two_readers_never_read_older_than_what_they_know(url, cache):
    """Four threads, each with a `CachedSaver` of its own, as so many processes would have."""
    newest, lock, problems = {"id": ""}, threading.Lock(), []

    def write(saver, count):
        for n in range(count):
            config = written(saver, n)
            with lock:
                newest["id"] = max(newest["id"], config["configurable"]["checkpoint_id"])

    def read(saver, stop):
        while not stop.is_set():
            with lock:
                known = newest["id"]  # this write had returned before the read begins
            found = saver.get_tuple(HERE)
            if known and (found is None or found.checkpoint["id"] < known):
                problems.append((known, found))

    with open_checkpointer(url) as raw, ThreadPoolExecutor(4) as pool:
        stop = threading.Event()
        readers = [pool.submit(read, CachedSaver(raw, cache), stop) for _ in range(2)]
        writers = [pool.submit(write, CachedSaver(raw, cache), 40) for _ in range(2)]
        for each in writers:
            each.result(60)
        stop.set()
        for each in readers:
            each.result(60)
        assert not problems
        saver = CachedSaver(raw, cache)
        assert fields(saver.get_tuple(HERE)) == fields(raw.get_tuple(HERE))


def test_a_writer_that_dies_after_its_write_leaves_nothing_old(cache):
    """The process has written to the database and is killed before it can drop the entry."""
    raw = InMemorySaver()
    saver = CachedSaver(raw, cache)
    first = written(saver, 0)
    saver.get_tuple(HERE)
    cache.begin_write([THREAD])
    written(raw, 1, first)
    assert [saver.get_tuple(HERE).metadata["step"] for _ in range(3)] == [1, 1, 1]


@pytest.mark.slow
def test_what_another_process_writes_is_read_at_once(server, redis):
    """Both have a cached saver on one PostgreSQL and one Redis, as two workers of a service do."""
    prefix = f"{redis.prefix}-{time.monotonic_ns()}"
    code = (
        "import sys\n"
        "from langgraph.checkpoint.base import empty_checkpoint\n"
        "from course_lib.persistence import CachedSaver, RedisCheckpointCache, open_checkpointer\n"
        f"here = {HERE!r}\n"
        f"with open_checkpointer({server.url!r}) as saver:\n"
        f"    cached = CachedSaver(saver, RedisCheckpointCache({redis.url!r}, 60, {prefix!r}))\n"
        "    for line in sys.stdin:\n"
        "        cached.put(here, empty_checkpoint(), {'source': 'loop', 'step': int(line)}, {})\n"
        "        print('written', cached.get_tuple(here).metadata['step'], flush=True)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child, open_checkpointer(server.url) as raw:
        saver = CachedSaver(raw, RedisCheckpointCache(redis.url, 60, prefix))
        for n in range(10):
            child.stdin.write(f"{n}\n")
            child.stdin.flush()
            assert child.stdout.readline() == f"written {n}\n"
            assert [saver.get_tuple(HERE).metadata["step"] for _ in range(2)] == [n, n]
        assert len([*saver.cache.entries()]) == 1
        child.stdin.close()
        saver.delete_thread(THREAD)


async def test_a_write_that_was_cancelled_keeps_its_thread_out_for_a_while(cache, monkeypatch):
    for module in ("memory_cache", "redis_cache"):
        monkeypatch.setattr(f"course_lib.persistence.{module}.LEASE_SECONDS", 0.5)

    class Hangs(InMemorySaver):
        async def aput_writes(self, *arguments, **options):
            await asyncio.sleep(60)

    saver = CachedSaver(Hangs(), cache)
    config = written(saver, 0)
    writing = asyncio.create_task(saver.aput_writes(config, [("n", 1)], "task"))
    await asyncio.sleep(0.1)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    saver.get_tuple(HERE)
    assert not [*cache.entries()]  # the database may still be writing
    await asyncio.sleep(0.6)
    saver.get_tuple(HERE)
    assert [name for name, _ in cache.entries()] == [THREAD]


def test_a_write_that_fails_ends(cache):
    saver = CachedSaver(InMemorySaver(), cache)
    written(saver, 0)
    with pytest.raises(KeyError):
        saver.put({"configurable": {"thread_id": THREAD}}, {}, {}, {})
    saver.get_tuple(HERE)
    assert len([*cache.entries()]) == 1


# -- what is kept, and what is not ---------------------------------------------------------------


@pytest.mark.parametrize("key", [None, KEY])
def test_an_encrypted_saver_leaves_no_word_in_the_cache(url, cache, key):
    with open_checkpointer(url, key=key) as saver:
        cached = CachedSaver(saver, cache)
        config = written(cached, 0)
        cached.put_writes(config, [("words", ["Seochon"])], "task")
        cached.get_tuple(HERE)
        kept = b"".join(data for _, data in cache.entries())
        for word in (b"Bukchon", b"Seochon", b"loop"):
            assert (word in kept) == (key is None)
        assert fields(cached.get_tuple(HERE)) == fields(saver.get_tuple(HERE))


def test_a_wrong_key_is_reported_as_without_a_cache(tmp_path, cache):
    url = f"sqlite:///{tmp_path / 'one.db'}"
    with open_checkpointer(url, key=KEY) as saver:
        cached = CachedSaver(saver, cache)
        written(cached, 0)
        cached.get_tuple(HERE)
    with open_checkpointer(url, key=KEY[::-1]) as saver, pytest.raises(WrongKey):
        CachedSaver(saver, cache).get_tuple(HERE)


def test_a_thread_that_is_forgotten_leaves_nothing_and_others_stay(cache):
    saver = CachedSaver(InMemorySaver(), cache)
    other = {"configurable": {"thread_id": "bob/1", "checkpoint_ns": "child"}}
    for config in (HERE, other):
        written(saver, 0, config)
        saver.get_tuple(config)
    assert sorted(name for name, _ in cache.entries()) == ["ann/1", "bob/1 child"]
    _, lease = cache.read(THREAD, "another namespace")
    cache.forget(THREAD)
    cache.forget("never seen")
    cache.fill(THREAD, "another namespace", lease, b"a reader that began before")
    assert [name for name, _ in cache.entries()] == ["bob/1 child"]
    cache.clear()
    assert not [*cache.entries()]


def test_an_entry_on_redis_is_read_without_the_script_of_the_leases(redis, monkeypatch):
    cache = RedisCheckpointCache(redis.url, prefix=f"{redis.prefix}-{time.monotonic_ns()}")
    asked = []
    run = cache._run
    monkeypatch.setattr(cache, "_run", lambda *sent: asked.append(sent[0]) or run(*sent))
    found, lease = cache.read(THREAD, "")
    assert found is None
    assert lease
    cache.fill(THREAD, "", lease, b"entry")
    assert cache.read(THREAD, "") == (b"entry", None)
    assert cache.read(THREAD, "") == (b"entry", None)
    assert asked == ["read", "fill"]
    assert not cache._client.exists(cache._keys(THREAD)[1])  # a hit takes no lease
    cache.clear()
    cache.close()


def test_damaged_bytes_and_those_of_another_version_are_not_used(cache):
    saver = CachedSaver(InMemorySaver(), cache)
    written(saver, 0)
    for data in (b"", b"\xff\xff", b"\x94\x02\xc0\xc0\xc0", b"\x01"):
        cache.forget(THREAD)
        cache.fill(THREAD, "", cache.read(THREAD, "")[1], data)
        assert saver.get_tuple(HERE).metadata["step"] == 0


def test_what_cannot_be_packed_is_read_from_the_saver_every_time(cache):
    saver = CachedSaver(InMemorySaver(), cache)
    written(saver, 0)
    asked = saver.saver.get_tuple
    saver.saver.get_tuple = lambda config: asked(config)._replace(metadata={"big": 2**70})
    assert [saver.get_tuple(HERE).metadata["big"] for _ in range(2)] == [2**70] * 2
    assert not [*cache.entries()]


def test_memory_is_bounded():
    cache = MemoryCache(max_threads=3)
    saver = CachedSaver(InMemorySaver(), cache)
    for n in range(10):
        config = {"configurable": {"thread_id": f"t{n}", "checkpoint_ns": ""}}
        written(saver, 0, config)
        saver.get_tuple(config)
        saver.get_tuple({"configurable": {"thread_id": "t0"}})  # is read all the time
        saver.get_tuple({"configurable": {"thread_id": f"none{n}"}})  # leaves a lease
    assert sorted(name for name, _ in cache.entries()) == ["t0", "t8", "t9"]
    assert len(cache._leases) <= 3 and not cache._writing


def test_an_entry_is_used_no_longer_than_its_seconds(redis):
    prefix = f"{redis.prefix}-{time.monotonic_ns()}"
    for cache in (MemoryCache(seconds=0.3), RedisCheckpointCache(redis.url, 0.3, prefix)):
        raw = InMemorySaver()
        saver = CachedSaver(raw, cache)
        first = written(saver, 0)
        saver.get_tuple(HERE)
        written(raw, 1, first)  # as another process would, past the cache
        time.sleep(0.4)
        assert saver.get_tuple(HERE).metadata["step"] == 1


def test_limits_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="max_threads is 0"):
        MemoryCache(max_threads=0)
    with pytest.raises(ValueError, match="seconds is 0"):
        MemoryCache(seconds=0)
    with pytest.raises(ValueError, match="seconds is -1"):
        RedisCheckpointCache("redis://127.0.0.1:1", seconds=-1)


@dataclass
class Wish:
    """A type that LangGraph's strict mode does not read unless it is allowed."""

    place: str


def test_readers_that_allow_different_types_do_not_share_entries(cache):
    """In strict mode a type that is not allowed is read as what it holds, without the type."""
    strict = InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=()))
    may_not = CachedSaver(strict, cache)
    may = may_not.with_allowlist([(Wish.__module__, Wish.__name__)])
    assert may is not may_not and same_storage(may, may_not)
    config = written(may, 0)
    may.put_writes(config, [("n", Wish("Bukchon"))], "task")
    for _ in range(2):
        assert may_not.get_tuple(HERE).pending_writes[0][2] == {"place": "Bukchon"}
        assert may.get_tuple(HERE).pending_writes[0][2] == Wish("Bukchon")
    assert may_not.with_allowlist([]) is may_not


async def test_a_cached_synchronous_saver_is_adapted_also_when_its_cache_is_warm(tmp_path, cache):
    with open_checkpointer(f"sqlite:///{tmp_path / 'one.db'}") as saver:
        cached = CachedSaver(saver, cache)
        written(cached, 0)
        cached.get_tuple(HERE)
        adapted = await as_async_saver(cached, THREAD)
        assert isinstance(adapted, AsyncSaverAdapter) and same_storage(adapted, saver)
        await adapted.aput_writes(cached.get_tuple(HERE).config, [("n", 3)], "task")
        assert (await adapted.aget_tuple(HERE)).pending_writes == [("task", "n", 3)]


# -- a Redis that goes away ----------------------------------------------------------------------


@contextmanager
def own_redis(port):
    """A Redis that a test may end, on a port that it may use again."""
    url = f"redis://127.0.0.1:{port}"

    def answers():
        try:
            return redis_client.Redis.from_url(url).ping()
        except redis_client.RedisError:
            return False

    with start([redis_program(), "--port", str(port), *OPTIONS], url, answers) as server:
        yield server


def talk(graph, text):
    graph.invoke({"messages": [("user", text)]}, HERE)
    return [m.text for m in graph.get_state(HERE).values["messages"] if m.type == "human"]


def test_a_redis_that_dies_is_passed_over_with_one_warning_and_nothing_is_lost(redis, tmp_path):
    def answer(state):
        return {"messages": [AIMessage("yes")]}

    builder = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer")
    port = free_port()
    with open_checkpointer(f"sqlite:///{tmp_path / 'one.db'}") as raw:
        with own_redis(port) as server:
            cache = RedisCheckpointCache(server.url)
            graph = builder.compile(checkpointer=CachedSaver(raw, cache))
            assert talk(graph, "one") == ["one"] and len([*cache.entries()]) == 1
            server.kill()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                assert talk(graph, "two") == ["one", "two"]
                cache._away_until = 0  # as after the pause: it is asked again, and is still away
                assert talk(graph, "three") == ["one", "two", "three"]
            told = [str(w.message) for w in caught if w.category is RuntimeWarning]
            assert len(told) == 1 and "read from the database" in told[0]
            for ask in (lambda: cache.forget(THREAD), lambda: [*cache.entries()]):
                with pytest.raises(CacheError, match="does not answer"):
                    ask()
        with own_redis(port):  # a new one, empty: it is used again
            cache._away_until = 0
            assert talk(graph, "four") == ["one", "two", "three", "four"]
            assert len([*cache.entries()]) == 1
        graph = builder.compile(checkpointer=raw)
        assert talk(graph, "five") == ["one", "two", "three", "four", "five"]


def test_what_was_written_while_redis_did_not_answer_is_dropped_before_it_is_used(
    redis, monkeypatch
):
    """The server stops answering and comes back with its old entries: they must not be used."""
    monkeypatch.setattr("course_lib.persistence.redis_cache.ANSWER_SECONDS", 0.3)
    with own_redis(free_port()) as server:
        cache = RedisCheckpointCache(server.url)
        saver = CachedSaver(InMemorySaver(), cache)
        first = written(saver, 0)
        saver.get_tuple(HERE)
        control = redis_client.Redis.from_url(server.url)
        control.execute_command("CLIENT", "PAUSE", "1500", "ALL")
        with pytest.warns(RuntimeWarning, match="does not answer"):
            written(saver, 1, first)
        assert saver.get_tuple(HERE).metadata["step"] == 1  # from the saver
        assert control.ping()  # waits for the end of the pause
        cache._away_until = 0
        assert [saver.get_tuple(HERE).metadata["step"] for _ in range(2)] == [1, 1]
        assert len([*cache.entries()]) == 1
