"""LangGraph's conformance suite on every saver that the library hands out."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability, DetectedCapabilities

from course_lib.persistence import (
    CachedSaver,
    MemoryCache,
    RedisCheckpointCache,
    open_async_checkpointer,
    open_checkpointer,
    postgres,
)
from course_lib.persistence.async_saver import adapt

KEY = b"0123456789abcdef"


@pytest.fixture
def url_of_scratch(server):
    with postgres("conformance", scratch=True) as running:
        yield running.url


@asynccontextmanager
async def opened(kind: str, place: str, cache=None):
    """Open the saver of a kind, as the library hands it out; with a cache in front of it."""
    url = "memory:" if kind.startswith("memory") else place
    key = KEY if "encrypted" in kind else None
    if "adapted" in kind:
        with open_checkpointer(url, key=key) as saver:
            yield adapt(saver) if cache is None else adapt(CachedSaver(saver, cache))
    else:
        async with open_async_checkpointer(url, key=key) as saver:
            yield saver if cache is None else CachedSaver(saver, cache)


KINDS = [
    "memory",
    "sqlite",
    "sqlite adapted",
    "sqlite encrypted",
    "sqlite encrypted adapted",
    "postgres",
    "postgres adapted",
    "postgres encrypted",
    "postgres encrypted adapted",
]


CASES = [
    pytest.param(kind, cache, id=f"{cache or 'bare'}-{kind}")
    for kind in KINDS
    for cache in ("", "cached", "cached on Redis")
]


@pytest.fixture
def cache(request):
    """The cache in front of a saver: none, one in the process, one on Redis."""
    if request.param == "cached on Redis":
        running = request.getfixturevalue("redis")
        return RedisCheckpointCache(running.url, prefix=f"{running.prefix}-conformance")
    return MemoryCache() if request.param else None


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("kind", "cache"), CASES, indirect=["cache"])
async def test_the_saver_passes_the_suite_of_langgraph(kind, cache, tmp_path, request):
    place = f"sqlite:///{tmp_path / 'one.db'}"
    if kind.startswith("postgres"):
        place = request.getfixturevalue("url_of_scratch")
    async with opened(kind, place, cache) as made:

        @checkpointer_test(name=kind)
        async def saver():
            yield made  # every check uses threads of its own

        report = await validate(saver)
    assert report.passed_all_base(), report.to_dict()
    assert report.passed_all(), report.to_dict()
    tested = sum(result.tests_passed for result in report.results.values())
    assert tested >= (66 if kind.startswith("postgres") else 58)  # PostgreSQL's prunes too


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    "around",
    [
        adapt,
        lambda saver: adapt(CachedSaver(saver, MemoryCache())),
        lambda saver: CachedSaver(adapt(saver), MemoryCache()),
    ],
    ids=["adapted", "cached and adapted", "adapted and cached"],
)
def test_an_adapter_can_do_what_its_saver_can_and_nothing_more(kind, around, tmp_path, server):
    url = server.url if kind == "postgres" else f"sqlite:///{tmp_path / 'one.db'}"
    with open_checkpointer(url) as saver:
        adapter = around(saver)
        found = DetectedCapabilities.from_instance(adapter).detected
        for capability in (Capability.PRUNE, Capability.COPY_THREAD, Capability.DELETE_FOR_RUNS):
            base = getattr(BaseCheckpointSaver, capability.value)
            raw = getattr(type(saver), capability.value) is not base
            assert (capability in found) == raw, capability
    assert (Capability.PRUNE in found) == (kind == "postgres")
