"""Rate limits per person and tenant, over all workers."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import timedelta

import psycopg
import pytest
from observed_service import observed_service, token_of
from psycopg_pool import AsyncConnectionPool

from course_lib.operations.limits import Bucket, LimitHooks, TokenBuckets
from course_lib.persistence import postgres


@pytest.fixture(scope="module")
def database():
    with postgres("limits", scratch=True) as running:
        yield running


@pytest.fixture
async def pool(database):
    options = {"autocommit": True}
    async with AsyncConnectionPool(
        database.url, min_size=4, max_size=4, kwargs=options, open=False
    ) as made:
        await TokenBuckets(made).make_table()
        async with made.connection() as connection:
            await connection.execute("TRUNCATE chat_buckets")
        yield made


async def set_back(pool, seconds):
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE chat_buckets SET filled_at = filled_at - make_interval(secs => %s)", [seconds]
        )


async def test_many_workers_at_once_allow_no_turn_too_many(pool, database):
    bucket = [Bucket("user", "a", 10)]
    began = time.monotonic()

    async def worker():
        options = {"autocommit": True}
        async with AsyncConnectionPool(database.url, min_size=2, kwargs=options, open=False) as own:
            return await asyncio.gather(*(TokenBuckets(own).take(bucket) for _ in range(100)))

    found = [each for part in await asyncio.gather(*(worker() for _ in range(4))) for each in part]
    allowed = sum(each is None for each in found)
    refilled = math.ceil((time.monotonic() - began) * 10 / 60)
    assert len(found) == 400 and 10 <= allowed <= 10 + refilled


async def test_two_limits_in_any_order_do_not_block_each_other(pool):
    one, two = Bucket("user", "a", 1e6), Bucket("tenant", "b", 1e6)
    buckets = TokenBuckets(pool)
    orders = [[one, two], [two, one]] * 100
    assert not any(await asyncio.gather(*(buckets.take(each) for each in orders)))


async def test_a_bucket_fills_up_evenly_and_never_above_a_minute(pool):
    buckets, bucket = TokenBuckets(pool), [Bucket("user", "a", 60)]

    async def taken():
        count = 0
        while (refusal := await buckets.take(bucket)) is None:
            count += 1
        return count, refusal

    count, refusal = await taken()
    assert count >= 60 and 0 < refusal.seconds <= 1
    await set_back(pool, 30)
    assert (await taken())[0] >= 30
    await set_back(pool, 3_600)
    began = time.monotonic()
    count = (await taken())[0]
    assert 60 <= count <= 60 + math.ceil(time.monotonic() - began)
    await set_back(pool, -3_600)  # the clock of the database was set back
    refusal = await buckets.take(bucket)
    assert refusal is not None and refusal.seconds <= 1


async def test_a_refused_turn_takes_nothing_from_the_other_bucket(pool):
    buckets = TokenBuckets(pool)
    tenant = Bucket("tenant", "t", 3)
    for _ in range(5):
        await buckets.take([Bucket("user", "loud", 1), tenant])
    refusal = await buckets.take([Bucket("user", "loud", 1), tenant])
    assert refusal.bucket.limit == "user"
    for name in ("b", "c"):
        assert await buckets.take([Bucket("user", name, 1), tenant]) is None
    refusal = await buckets.take([Bucket("user", "d", 1), tenant])
    assert refusal.bucket.limit == "tenant" and 0 < refusal.seconds <= 20


async def test_buckets_that_nobody_used_for_a_day_are_forgotten(pool, database):
    buckets = TokenBuckets(pool)
    await buckets.take([Bucket("user", "old", 5)])
    await set_back(pool, 90_000)
    await buckets.take([Bucket("user", "new", 5)])
    await buckets.make_table()
    with psycopg.connect(database.url) as connection:
        rows = connection.execute("SELECT key FROM chat_buckets").fetchall()
    assert rows == [("new",)]


def test_no_two_persons_share_a_bucket():
    hooks = LimitHooks(1, 1)

    def keys(user, tenant):
        from course_lib.fastapi_app import Person

        return [bucket.key for bucket in hooks.buckets_of(Person(user, tenant))]

    persons = [("a", "b"), ("b", "a"), ('a", "b', "c"), ("a", 'b", "c'), ("a", "c")]
    found = [keys(*person)[0] for person in persons]
    assert len(set(found)) == len(found)
    assert keys("a", "b")[1] == keys("c", "b")[1] != keys("a", "c")[1]


async def test_the_service_answers_429_and_says_when(database, tmp_path):
    limits = {"CHAT_TURNS_PER_MINUTE": "2", "CHAT_TENANT_TURNS_PER_MINUTE": "3"}
    async with observed_service(tmp_path, database.url, **limits) as service:
        answers = [
            await service.say("hello", user=user) for user in ("ann", "ann", "ann", "bob", "cem")
        ]
        listed = await service.client.get("/threads", headers=token_of("ann"))
        metrics = (await service.client.get("/metrics")).text
    assert [each.status_code for each in answers] == [200, 200, 429, 200, 429]
    assert listed.status_code == 200  # reading is not limited
    for each, limit in ((answers[2], "user"), (answers[4], "tenant")):
        body = each.json()
        assert each.headers["content-type"] == "application/problem+json"
        assert body["type"] == "/problems/too-many-turns" and body["limit"] == limit
        assert each.headers["Retry-After"] == str(body["retry_after_seconds"])
        assert 1 <= body["retry_after_seconds"] <= 30
        assert f"in {body['retry_after_seconds']} s" in body["detail"]
        assert f'chat_turns_refused_total{{limit="{limit}"}} 1.0' in metrics
    text = service.log.read_text()
    assert text.count('"turn refused"') == 2 and answers[2].headers["X-Request-ID"] in text


@pytest.mark.parametrize("per_minute", [0, 0.5, -1, float("nan"), float("inf")])
def test_a_bucket_that_never_holds_a_turn_is_refused(per_minute):
    with pytest.raises(ValueError, match="Give 1 or more"):
        Bucket("user", "ann", per_minute)


async def test_a_clock_that_jumps_gives_no_turns_and_takes_none(pool, database):
    bucket = Bucket("user", "a clock that jumps", 2)
    buckets = TokenBuckets(pool)
    assert await buckets.take([bucket]) is None
    move = "UPDATE chat_buckets SET filled_at = filled_at + %s WHERE key = %s"
    async with pool.connection() as connection:  # the clock was an hour ahead until now
        await connection.execute(move, [timedelta(hours=1), bucket.key])
    assert await buckets.take([bucket]) is None
    refused = await buckets.take([bucket])
    assert refused is not None and 25 < refused.seconds <= 30  # not an hour


async def test_a_thousand_buckets_at_once_are_one_statement(pool):
    many = [Bucket("user", f"one of many {n}", 1) for n in range(1_000)]
    buckets = TokenBuckets(pool)
    assert await buckets.take(many) is None
    refused = await buckets.take(many)
    assert refused is not None and refused.bucket in many
    with pytest.raises(ValueError, match="one key"):
        await buckets.take([many[0], many[0]])
