"""The benchmark of PostgreSQL's ceiling: it writes what Namu writes, and names the right limit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from course_lib.models import OfflineChatModel
from course_lib.namu import build_namu
from course_lib.persistence import connect, open_checkpointer, open_store, postgres
from course_lib.settings import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import postgres_ceiling
import services
import turn_writes


def test_a_recorded_turn_writes_the_rows_and_bytes_of_a_real_one():
    recorded = turn_writes.load(turn_writes.record_turns())
    with (
        postgres("ceiling", scratch=True) as server,
        open_store(server.url) as store,
        open_checkpointer(server.url) as saver,
        connect(server.url) as connection,
    ):
        graph = build_namu(model=OfflineChatModel(), checkpointer=saver, store=store, memory=True)
        config: Any = {"configurable": {"thread_id": "real"}, "metadata": {"user": "ann"}}
        for wish, calls in zip(turn_writes.WISHES, recorded, strict=True):
            graph.invoke({"messages": [("user", wish)]}, config, durability="sync")
            turn_writes.write_turn(saver, calls, "again")
            real, again = (turn_writes.rows_of(connection, each) for each in ("real", "again"))
            assert again.pop("bytes") == pytest.approx(real.pop("bytes"), rel=0.02)
            assert again == real and min(real.values()) > 3
        shown = [
            [message.text for message in graph.get_state(place).values["messages"]]
            for place in (config, {"configurable": {"thread_id": "again"}})
        ]
        assert shown[0] == shown[1] and len(shown[0]) >= 2 * len(turn_writes.WISHES)


def step(per_second: float, **cores: float) -> dict[str, Any]:
    used = {"primary": 0.1, "standby": 0.1, "clients": 0.1, **cores}
    return {
        "per second": per_second,
        "median": 0.01,
        "p95": 0.02,
        "cores": used,
        "of a turn": {name: share / per_second for name, share in used.items()},
        "waits": {"IPC SyncRep": 0.7, "works": 0.3},
    }


@pytest.mark.parametrize(
    ("per_second", "enough"),
    [
        ({1: 10, 2: 20, 4: 40}, 4),
        ({1: 10, 2: 20, 4: 21, 8: 50}, 8),
        ({1: 10, 2: 9, 4: 11}, 1),
        ({1: 10, 2: 5}, 1),
        ({4: 40, 1: 10, 2: 39}, 2),
        ({1: 10, 2: 20, 4: 19, 8: 21, 16: 15}, 2),
        ({1: 10}, 1),
    ],
)
def test_growth_ends_where_the_most_is_less_than_a_tenth_more(per_second, enough):
    steps = {count: step(value) for count, value in per_second.items()}
    assert postgres_ceiling.growth_ends(steps) == enough


@pytest.mark.parametrize(
    ("cores", "commits", "told"),
    [
        ({"clients": 1.2, "primary": 0.6}, (100, 100, 100), "1.9 of 2 are busy, .* the clients"),
        ({"primary": 1.5, "clients": 0.4}, (100, 200, 300), "the processors: .* the primary"),
        ({}, (100, 150, 300), "wait at each commit: 1.5 times .* standby, 3.0 times"),
        ({}, (100, 100, 129), "neither processors nor commits: .* show IPC SyncRep"),
    ],
    ids=["clients", "server", "commits", "else"],
)
def test_the_limit_is_named_from_what_was_measured(cores, commits, told):
    by_kind = dict(zip(postgres_ceiling.COMMITS, commits, strict=True))
    limit = postgres_ceiling.limit_of(step(100, **cores), by_kind, 2)
    assert re.search(told, limit), limit


def test_the_round_with_the_median_counts():
    rounds = [step(value) for value in (30, 10, 20)]
    assert postgres_ceiling.middle(rounds) is rounds[2]
    assert postgres_ceiling.middle(rounds[:2]) is rounds[1]


@pytest.mark.soak
def test_a_short_run_measures_every_step_and_fills_the_table():
    sizes = {"BENCH_WRITERS": "1,3", "BENCH_ROUNDS": "1", "BENCH_SECONDS": "0.5"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "postgres_ceiling.py")],
        env={**os.environ, **sizes},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout.splitlines()[-1])
    assert list(numbers["steps"]) == ["1", "3"] and set(numbers["commits"]) == {
        "on",
        "local",
        "off",
    }
    for found in numbers["steps"].values():
        assert found["per second"] > 0 and 0 < found["median"] <= found["p95"]
        assert sum(found["waits"].values()) == pytest.approx(1)
        assert all(used > 0 for used in found["cores"].values())
    rows = {row["what"]: row["value"] for row in services.ceiling_rows(numbers)}
    assert rows["what the limit is"] == numbers["limit"]
    assert rows["a turn of Namu, mean of a conversation of 3"].startswith("7.7 checkpoints, ")
