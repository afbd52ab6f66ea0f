"""New versions: which conversations get them first, and a worker that stops without a loss."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from itertools import pairwise
from math import inf, nan
from uuid import uuid4

import httpx
import psutil
import pytest

from course_lib.operations import canary_version
from course_lib.persistence import postgres
from course_lib.serving import api_workers
from course_lib.settings import ROOT


def test_a_conversation_keeps_its_version_and_moves_only_to_the_new_one():
    threads = [f"thread {n}" for n in range(4_000)]
    shares = [{"old": 100 - new, "new": new} for new in (0, 5, 50, 100)]
    found = [[canary_version(each, share) for each in threads] for share in shares]
    assert found[1] == [canary_version(each, shares[1]) for each in threads]
    counts = [Counter(each)["new"] / len(threads) for each in found]
    assert counts == pytest.approx([0, 0.05, 0.5, 1], abs=0.02)
    for before, after in pairwise(found):
        moved = {(one, other) for one, other in zip(before, after, strict=True) if one != other}
        assert moved == {("old", "new")}
    assert canary_version("a", {"old": 3, "new": 1}) == canary_version("a", {"old": 75, "new": 25})


@pytest.mark.parametrize(
    "shares",
    [{}, {"old": 0}, {"old": 2, "new": -1}, {"old": 1, "new": nan}, {"old": 1, "new": inf}],
)
def test_shares_that_say_nothing_are_refused(shares):
    with pytest.raises(ValueError, match="Give each version 0 or more"):
        canary_version("a", shares)


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM for another process")
def test_a_worker_that_is_told_to_stop_says_so_first_and_ends_its_turns():
    variables = {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        "CHAT_DRAIN_NOTICE_SECONDS": "600",
    }
    with (
        postgres("drain", scratch=True) as database,
        api_workers(
            1, database_url=database.url, app="observed_service:make_app", variables=variables
        ) as workers,
        httpx.Client(trust_env=False, timeout=30) as client,
    ):
        url, headers = workers.urls[0], {"Authorization": f"Bearer {workers.token('ann')}"}

        def body(text):
            return {"json": {"message_id": str(uuid4()), "text": text}, "headers": headers}

        assert client.get(f"{url}/ready").json() == {"status": "ready"}
        child = psutil.Process(workers.servers[0]._process.pid).children()[0]
        with client.stream("POST", f"{url}/chat/stream", **body("slow 40")) as answer:
            lines = answer.iter_lines()
            while next(lines) != "event: token":
                pass
            child.send_signal(signal.SIGTERM)
            # The worker is not ready any more, and it still takes what a proxy sends it.
            while (ready := client.get(f"{url}/ready")).status_code == 200:
                time.sleep(0.01)
            late = client.post(f"{url}/chat", **body("hello"))
            child.send_signal(signal.SIGTERM)  # a second one ends the notice
            rest = list(lines)
        assert ready.status_code == 503 and ready.json()["type"] == "/problems/stopping"
        assert late.json()["status"] == "done"
        assert 'data: {"status": "done"}' in rest and rest.count("event: token") == 39
        gone, alive = psutil.wait_procs([child], timeout=30)
        assert gone and not alive
        with pytest.raises(httpx.ConnectError):
            client.get(f"{url}/ready")
