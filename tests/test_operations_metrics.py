"""What is counted, over all workers; alerts that reach somebody; the dashboard."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import httpx
import matplotlib
import psutil
import pytest
from matplotlib import pyplot
from observed_service import observed_service, token_of

from course_lib.operations import (
    RULES,
    AlertRule,
    Alerts,
    TurnMetrics,
    draw_dashboard,
    read_samples,
    scrape,
)
from course_lib.operations import alerts as alerts_module
from course_lib.operations.alert_rules import prometheus_rules
from course_lib.operations.metrics import FOLDER_VARIABLE, forget_dead_workers
from course_lib.operations.samples import Scrape, quantile, rate
from course_lib.persistence import postgres
from course_lib.serving import api_workers, webhook_receiver
from course_lib.settings import ROOT

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def database():
    with postgres("metrics", scratch=True) as running:
        yield running


async def numbers(service):
    return read_samples((await service.client.get("/metrics")).text)


async def test_turns_questions_forks_and_waits_are_counted(database, tmp_path):
    async with observed_service(tmp_path, database.url) as service:
        said = (await service.say("hello")).json()
        await service.say("fail")
        asked = (await service.say("ask me")).json()
        for _ in range(2):  # the second answer comes too late
            await service.client.post(
                "/resume",
                json={
                    "thread_id": asked["thread_id"],
                    "question_id": asked["questions"][0]["id"],
                    "answer": {"approve": True},
                },
                headers=token_of("ann"),
            )
        history = await service.client.get(
            "/history", params={"thread_id": said["thread_id"]}, headers=token_of("ann")
        )
        first = history.json()[-1]["checkpoint_id"]
        await service.say("again", said["thread_id"], path="/fork", checkpoint_id=first)
        found = await numbers(service)
    assert found.total("chat_turns_total", outcome="done") == 3
    assert found.total("chat_turns_total", outcome="waiting") == 1
    assert found.total("chat_turns_total", outcome="failed", problem="unexpected") == 1
    assert found.total("chat_turns_total", problem="question-not-open") == 1
    assert found.total("chat_questions_total", what="asked") == 1
    assert found.total("chat_questions_total", what="answered") == 1
    assert found.total("chat_forks_total") == 1
    assert (
        found.total("chat_turn_seconds_count") == found.total("chat_lock_wait_seconds_count") == 6
    )
    assert found.total("chat_first_token_seconds_count") == 2  # "hello" and "again"


async def test_a_message_that_is_sent_again_asks_no_second_question(database, tmp_path):
    async with observed_service(tmp_path, database.url) as service:
        sent = {"message_id": str(uuid4())}
        first = (await service.say("ask me", **sent)).json()
        again = (await service.say("ask me", first["thread_id"], **sent)).json()
        found = await numbers(service)
    assert first["questions"] == again["questions"] != []
    assert found.total("chat_questions_total", what="asked") == 1


async def test_no_label_holds_what_a_person_writes_or_is_called(database, tmp_path):
    async with observed_service(tmp_path, database.url) as service:
        first = (await service.say("a private wish", user="kim")).json()
        before = await numbers(service)
        await service.say("another wish", first["thread_id"], user="kim")
        await service.say("a third one", user="lee")
        text = (await service.client.get("/metrics")).text
    for words in (
        "wish",
        "private",
        "third",
        "kim",
        "lee",
        "one",
        first["thread_id"],
        first["run_id"],
    ):
        assert f'"{words}' not in text
    assert set(read_samples(text).values) == set(before.values)  # no new series


async def test_through_a_proxy_there_are_no_metrics(database, tmp_path):
    async with observed_service(tmp_path, database.url) as service:
        outside = await service.client.get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"})
        unknown = await service.client.get("/unknown")
        inside = await service.client.get("/metrics")
    assert outside.json() == unknown.json() and outside.status_code == 404
    assert inside.status_code == 200


@pytest.mark.soak
@pytest.mark.slow
def test_two_workers_count_together_and_a_killed_one_runs_nothing(database, tmp_path):
    (tmp_path / "metrics").mkdir()
    variables = {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        FOLDER_VARIABLE: str(tmp_path / "metrics"),
        "CHAT_LOG_FILE": str(tmp_path / "log.jsonl"),
    }
    with (
        api_workers(
            2, database_url=database.url, app="observed_service:make_app", variables=variables
        ) as workers,
        httpx.Client(trust_env=False, timeout=30) as client,
    ):
        headers = {"Authorization": f"Bearer {workers.token('ann')}"}

        def say(worker, text):
            body = {"message_id": str(uuid4()), "text": text}
            return client.post(f"{workers.urls[worker]}/chat", json=body, headers=headers)

        for worker in (0, 1, 1):
            assert say(worker, "hello").json()["status"] == "done"
        for url in workers.urls:
            assert scrape(url).total("chat_turns_total", outcome="done") == 3
        broken = []

        def say_long():
            with pytest.raises(httpx.HTTPError) as caught:
                say(0, "slow 2000")
            broken.append(caught.value)

        endless = threading.Thread(target=say_long)
        endless.start()
        while scrape(workers.urls[1]).total("chat_turns_running") < 1:
            time.sleep(0.05)
        workers.kill(0)
        endless.join()
        assert broken
        after = scrape(workers.urls[1])
        assert after.total("chat_turns_running") == 0
        assert after.total("chat_turns_total", outcome="done") == 3  # what was counted stays


def test_a_number_of_a_process_that_was_given_again_counts_as_dead(tmp_path):
    for pid in (os.getpid(), 2**22 + 1):
        (tmp_path / f"gauge_livesum_{pid}.db").touch()
        (tmp_path / f"counter_{pid}.db").touch()
    forget_dead_workers(tmp_path)
    left = {path.name for path in tmp_path.glob("gauge*")}
    assert left == {f"gauge_livesum_{os.getpid()}.db"}
    earlier = psutil.Process().create_time() - 100
    os.utime(tmp_path / left.pop(), (earlier, earlier))
    forget_dead_workers(tmp_path)
    assert not list(tmp_path.glob("gauge*")) and len(list(tmp_path.glob("counter*"))) == 2


def counted(at, value, name="chat_turns_total", **labels):
    return Scrape(at, {(name, tuple(sorted(labels.items()))): value})


def test_a_rate_survives_a_service_that_was_started_again():
    scrapes = [counted(0, 10), counted(10, 30), counted(20, 5), counted(30, 10)]
    assert rate(scrapes, "chat_turns_total") == pytest.approx((20 + 5 + 5) / 30)
    assert rate(scrapes[:1], "chat_turns_total") == 0 == rate(scrapes, "unknown")


def test_a_quantile_is_taken_within_its_bucket_and_its_time():
    def seen(at, *counts):
        bounds = ("1.0", "2.0", "+Inf")
        values = {
            ("s_bucket", (("le", bound),)): n for bound, n in zip(bounds, counts, strict=True)
        }
        return Scrape(at, values)

    scrapes = [seen(0, 100, 100, 100), seen(10, 100, 110, 110)]
    assert quantile(scrapes, "s", 0.5) == pytest.approx(1.5)
    assert quantile(scrapes[:1], "s", 0.5) == pytest.approx(0.5)
    assert quantile([seen(0, 0, 0, 0), seen(1, 0, 0, 4)], "s", 0.5) == 2.0  # beyond all bounds
    assert quantile([scrapes[1], scrapes[1]], "s", 0.5) is None


FAILING = AlertRule(
    "Failing",
    "ratio",
    "chat_turns_total",
    above=0.5,
    for_seconds=10,
    summary="Look.",
    labels=(("outcome", "failed"),),
    window_seconds=20,
)


def turns_at(at, done, failed):
    one, other = counted(at, done, outcome="done"), counted(at, failed, outcome="failed")
    return Scrape(at, {**one.values, **other.values})


def test_an_alert_fires_when_it_holds_long_enough_reaches_the_receiver_once_and_is_resolved():
    with webhook_receiver() as receiver:
        alerts = Alerts(receiver.url, [FAILING])
        seen = [
            (0, 0, 0),
            (10, 0, 5),
            (15, 0, 9),
            (20, 1, 20),
            (30, 1, 30),
            (60, 99, 30),
            (70, 200, 30),
        ]
        states = [alerts.see(turns_at(*each))["Failing"] for each in seen]
        told = [receiver.wait(5), receiver.wait(5)]
        with pytest.raises(TimeoutError):
            receiver.wait(0.01)
    assert states == ["quiet", "pending", "pending", "firing", "firing", "quiet", "quiet"]
    assert [each["status"] for each in told] == ["firing", "resolved"]
    alert = told[0]["alerts"][0]
    assert alert["labels"] == {"alertname": "Failing", "severity": "ticket"}
    assert alert["annotations"] == {"summary": "Look."} and alert["startsAt"].startswith("1970")


def test_an_alert_that_did_not_reach_the_receiver_is_sent_again():
    with webhook_receiver() as receiver:
        url = receiver.url
    alerts = Alerts(url, [FAILING])
    alerts.see(turns_at(0, 0, 0))
    alerts.see(turns_at(5, 0, 9))
    with pytest.raises(httpx.HTTPError):
        alerts.see(turns_at(15, 0, 19))
    with webhook_receiver() as again:
        alerts._receiver = again.url
        assert alerts.see(turns_at(16, 0, 20)) == {"Failing": "firing"}
        assert again.wait(5)["status"] == "firing"


async def test_a_service_whose_turns_fail_calls_somebody(database, tmp_path):
    rule = AlertRule(
        "Failing", "ratio", "chat_turns_total", 0.2, 0, "Look.", labels=(("outcome", "failed"),)
    )
    with webhook_receiver() as receiver:
        alerts = Alerts(receiver.url, [rule])
        async with observed_service(tmp_path, database.url) as service:
            await service.say("hello")
            assert alerts.see(await numbers(service)) == {"Failing": "quiet"}
            await service.say("fail")
            assert alerts.see(await numbers(service)) == {"Failing": "firing"}
        assert receiver.wait(5)["alerts"][0]["labels"]["alertname"] == "Failing"


def test_every_rule_is_about_something_that_is_counted():
    metrics = TurnMetrics()
    known = {}
    for family in metrics.registry.collect():
        metric = metrics.registry._names_to_collectors[family.name]
        known |= {
            name: set(metric._labelnames)
            for name in (family.name, f"{family.name}_total", f"{family.name}_bucket")
        }
    for rule in RULES:
        series = f"{rule.metric}_bucket" if rule.kind == "p95" else rule.metric
        assert {name for name, _ in rule.labels} <= known[series], rule.name
        assert rule.kind in ("value", "p95") or rule.metric.endswith("_total")
    written = prometheus_rules()["groups"][0]["rules"]
    assert len({rule["alert"] for rule in written}) == len(RULES)
    failed = 'sum(rate(chat_turns_total{outcome="failed"}[300s]))'
    assert written[0]["expr"] == f"{failed} / sum(rate(chat_turns_total[300s])) > 0.05"


def test_a_dashboard_has_four_plots_of_the_numbers():
    scrapes = [turns_at(at, 2 * at, 0) for at in (0, 1, 2, 4)]
    figure = draw_dashboard(scrapes)
    turns = figure.axes[0]
    lines = {line.get_label(): list(line.get_ydata()) for line in turns.get_lines()}
    assert len(figure.axes) == 4 and lines["done"] == [2, 2, 2] and lines["failed"] == [0, 0, 0]
    assert list(turns.get_lines()[0].get_xdata()) == [1, 2, 4]
    pyplot.close(figure)
    with pytest.raises(ValueError, match="needs two scrapes, and there are 1"):
        draw_dashboard(scrapes[:1])


def test_without_the_folder_a_process_counts_alone():
    assert FOLDER_VARIABLE not in os.environ
    assert b"chat_turns_running 0.0" in TurnMetrics().text()


def test_two_workers_that_are_asked_at_once_forget_the_dead_together(tmp_path):
    for pid in range(4_000_000, 4_000_300):  # above every process number
        (tmp_path / f"gauge_livesum_{pid}.db").touch()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(forget_dead_workers, [tmp_path] * 8))
    assert not list(tmp_path.iterdir())


def test_a_receiver_that_is_down_keeps_no_other_rule_from_being_evaluated():
    with webhook_receiver() as receiver:
        url = receiver.url
    alerts = Alerts(url, [FAILING, replace(FAILING, name="Other")])
    alerts.see(turns_at(0, 0, 0))
    alerts.see(turns_at(5, 0, 9))
    for at in (15, 16):
        with pytest.raises(httpx.HTTPError):
            alerts.see(turns_at(at, 0, 19))
    with webhook_receiver() as again:
        alerts._receiver = again.url
        assert alerts.see(turns_at(17, 0, 20)) == {"Failing": "firing", "Other": "firing"}
        told = [again.wait(5)["alerts"][0] for _ in range(2)]
    assert [each["labels"]["alertname"] for each in told] == ["Failing", "Other"]
    assert {each["startsAt"][17:19] for each in told} == {"05"}  # not of the last look


def test_a_watch_goes_on_when_service_or_receiver_was_away(monkeypatch):
    with webhook_receiver() as receiver:
        away = receiver.url
    alerts = Alerts(away, [FAILING])
    alerts.see(turns_at(0, 0, 0))
    alerts.see(turns_at(10, 0, 9))
    monkeypatch.setattr(alerts_module, "scrape", lambda _: turns_at(20, 0, 18))
    with pytest.raises(httpx.HTTPError):  # at its last look the receiver is still away
        alerts.watch("", 0)
    with webhook_receiver() as receiver:
        looks = []

        def scraped(_):
            looks.append(len(looks))
            if len(looks) == 2:
                alerts._receiver = receiver.url
                raise httpx.ConnectError("the service is away")
            return turns_at(20 + len(looks), 0, 18 + len(looks))

        monkeypatch.setattr(alerts_module, "scrape", scraped)
        while len(looks) < 4:
            with suppress(httpx.HTTPError):  # where the machine stood still for the whole time
                states = alerts.watch("", 0.5, every=0.02)
        assert states == {"Failing": "firing"}
        assert receiver.wait(5)["status"] == "firing"
