"""What all tests share: the course's own environment variables never leak in."""

from __future__ import annotations

import gc
import itertools
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from course_lib.persistence import postgres
from course_lib.serving import ServerError, redis_server
from course_lib.settings import SERVED_MODELS, read_settings

# The same examples on every machine: by default Hypothesis takes others in CI than on a laptop.
settings.register_profile("course", derandomize=True, deadline=None, database=None)
settings.load_profile("course")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Spare the garbage collector the thousands of cases, which all stay: a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave all but each n-th case of a test marked `one_in(n)` to `make soak`.

    It is for many cases that ask the same code in other words: `make test` still meets each kind.
    pytest without `-m` runs all of them.
    """
    seen: Counter[tuple[Path, str]] = Counter()
    for item in items:
        mark = item.get_closest_marker("one_in")
        if mark is not None and item.get_closest_marker("soak") is None:
            test = (item.path, item.nodeid.partition("[")[0])
            if seen[test] % mark.args[0]:
                item.add_marker(pytest.mark.soak)
            seen[test] += 1


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make an empty folder for the course's own files, quicker than pytest's, for every test."""
    within, numbers = tmp_path_factory.mktemp("homes"), itertools.count()

    def make() -> Path:
        home = within / str(next(numbers))
        home.mkdir()
        return home

    return make


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, new_home: Callable[[], Path]) -> None:
    for name in [each for each in os.environ if each.startswith(SERVED_MODELS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COURSE_HOME", str(new_home()))
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
    monkeypatch.setenv("COURSE_CHECK_SECONDS", "120")  # a busy machine is no endless loop


@pytest.fixture(autouse=True)
def own_log_level():
    """Cells run in the process of a test too; what one sets for its notebook ends with the test."""
    logger = logging.getLogger("langgraph")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL that stays up for the whole run, with a scratch database of its own."""
    with postgres("test", scratch=True) as running:
        yield running


@pytest.fixture(scope="session")
def redis():
    """A Redis server that stays up for the whole run; without one the test is skipped."""
    try:
        running = redis_server()
    except ServerError as error:
        if read_settings().require_redis:
            pytest.fail(f"{error} (COURSE_REQUIRE_REDIS is set.)")
        pytest.skip(str(error))
    with running:
        yield running


ON_POSTGRES = pytest.param("postgres", marks=pytest.mark.soak)
"""What runs on every database runs on SQLite in `make test`, and on PostgreSQL in `make soak`."""


@pytest.fixture(params=["memory", "sqlite", ON_POSTGRES])
def url(request: pytest.FixtureRequest, tmp_path: Path):
    """An empty place for each kind of saver and store, as `open_checkpointer` takes it."""
    if request.param == "postgres":
        request.getfixturevalue("server")  # held, so that not every test starts one
        with postgres("one", scratch=True) as running:
            yield running.url
    else:
        yield "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / '대화 file.db'}"


@pytest.fixture(params=["sqlite", ON_POSTGRES])
def lasting_url(request: pytest.FixtureRequest, tmp_path: Path):
    """An empty database of each kind that outlives a process."""
    if request.param == "postgres":
        request.getfixturevalue("server")  # held, so that not every test starts one
        with postgres("lasting", scratch=True) as running:
            yield running.url
    else:
        yield f"sqlite:///{tmp_path / '대화 file.db'}"
