"""Rate limits per person and per customer, in one SQL statement that all workers share.

A token bucket: it holds as many turns as may begin in a minute, fills up evenly, and a turn takes
one out of the person's bucket and one out of the customer's. Where either has none, it takes
nothing. See https://en.wikipedia.org/wiki/Token_bucket.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from course_lib.fastapi_app import ServiceHooks
from course_lib.fastapi_app.problems import Problem

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

    from course_lib.fastapi_app.auth import Person
    from course_lib.fastapi_app.service import Service
    from course_lib.operations.metrics import TurnMetrics

TABLE = """
SELECT pg_advisory_xact_lock(1667785077);
CREATE UNLOGGED TABLE IF NOT EXISTS chat_buckets (
    key text PRIMARY KEY,
    turns double precision NOT NULL,
    filled_at timestamptz NOT NULL
);
DELETE FROM chat_buckets WHERE filled_at < now() - interval '1 day';
"""
"""Unlogged: a turn does not wait for the disk or for a standby. After a crash or a fail-over the
table is empty, and everybody may begin again."""

NEW = """
INSERT INTO chat_buckets (key, turns, filled_at)
SELECT key, size, clock_timestamp()
FROM unnest(%(keys)s::text[], %(sizes)s::float8[]) AS new(key, size)
ON CONFLICT DO NOTHING
"""

TAKE = """
WITH held AS MATERIALIZED (  -- in one order, so that two turns do not wait for each other
    SELECT key, turns, filled_at FROM chat_buckets WHERE key = ANY(%(keys)s) ORDER BY key FOR UPDATE
), filled AS MATERIALIZED (
    SELECT key, size, least(size, turns + size / 60 * greatest(0,
        extract(epoch FROM clock_timestamp() - filled_at))) AS turns
    FROM held JOIN unnest(%(keys)s::text[], %(sizes)s::float8[]) AS asked(key, size) USING (key)
), verdict AS MATERIALIZED (
    SELECT count(*) = cardinality(%(keys)s::text[]) AND min(turns) >= 1 AS allowed FROM filled
)
UPDATE chat_buckets SET
    turns = filled.turns - CASE WHEN allowed THEN 1 ELSE 0 END, filled_at = clock_timestamp()
FROM filled, verdict WHERE chat_buckets.key = filled.key
RETURNING filled.key, allowed, (1 - filled.turns) * 60 / size AS wait
"""


@dataclass(frozen=True)
class Bucket:
    """A limit on somebody.

    Args:
        limit: `user` or `tenant`; which kind of limit it is.
        key: whom it is for; unique over all limits.
        per_minute: how many turns may begin; 1 or more.

    Raises:
        ValueError: fewer than one turn a minute, of which a bucket never holds a whole one.
    """

    limit: str
    key: str
    per_minute: float

    def __post_init__(self) -> None:
        """Check the size."""
        if not 1 <= self.per_minute < math.inf:
            raise ValueError(
                f"per_minute is {self.per_minute} for {self.key!r}. Give 1 or more, and no bucket "
                "where there is no limit."
            )


@dataclass(frozen=True)
class Refusal:
    """A turn that may not begin now.

    Args:
        bucket: the limit that was reached.
        seconds: until it may.
    """

    bucket: Bucket
    seconds: float


class TokenBuckets:
    """The buckets in a database.

    Args:
        pool: connections to it, in autocommit mode.
    """

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def make_table(self) -> None:
        """Make the table if it is not there, and forget the buckets of yesterday."""
        async with self._pool.connection() as connection, connection.transaction():
            for statement in TABLE.strip().rstrip(";").split(";\n"):
                await connection.execute(statement)

    async def take(self, buckets: Sequence[Bucket]) -> Refusal | None:
        """Take a turn out of all buckets, or out of none.

        Args:
            buckets: with keys that differ.

        Returns:
            None where the turn may begin; else the limit that is the last to allow it.

        Raises:
            ValueError: two buckets have one key.
        """
        if not buckets:
            return None
        if len({bucket.key for bucket in buckets}) < len(buckets):
            raise ValueError("Two buckets have one key. Give each limit a key of its own.")
        asked = {
            "keys": [bucket.key for bucket in buckets],
            "sizes": [float(bucket.per_minute) for bucket in buckets],
        }
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(TAKE, asked)).fetchall()
            if len(rows) < len(buckets):  # somebody's first turn
                await connection.execute(NEW, asked)
                rows = await (await connection.execute(TAKE, asked)).fetchall()
        found = [tuple(row.values()) if isinstance(row, dict) else row for row in rows]
        if all(allowed for _, allowed, _ in found):
            return None
        key, _, wait = max(found, key=lambda row: row[2])
        return Refusal(next(each for each in buckets if each.key == key), max(wait, 0.0))


class LimitHooks(ServiceHooks):
    """Refuses turns beyond the limits with 429 and `Retry-After`.

    Args:
        per_user: turns a minute of one person; None for no limit.
        per_tenant: turns a minute of all persons of a tenant; None for no limit.
        metrics: count the refusals.
    """

    def __init__(
        self, per_user: float | None, per_tenant: float | None, metrics: TurnMetrics | None = None
    ) -> None:
        self._per_user, self._per_tenant, self._metrics = per_user, per_tenant, metrics

    def buckets_of(self, person: Person) -> list[Bucket]:
        """The limits that hold for a person."""
        found = []
        if self._per_user is not None:
            key = "user " + json.dumps([person.tenant, person.user])
            found.append(Bucket("user", key, self._per_user))
        if self._per_tenant is not None:
            key = "tenant " + json.dumps(person.tenant)
            found.append(Bucket("tenant", key, self._per_tenant))
        return found

    async def admit(self, service: Service, person: Person) -> None:
        """Take a turn of the person's and the tenant's.

        Raises:
            Problem: 429; one of them has none.
        """
        refusal = await TokenBuckets(service.database.pool).take(self.buckets_of(person))
        if refusal is None:
            return
        limit, wait = refusal.bucket, max(1, math.ceil(refusal.seconds))
        if self._metrics is not None:
            self._metrics.refused.labels(limit.limit).inc()
        log = structlog.stdlib.get_logger("chat")
        log.info("turn refused", limit=limit.limit, retry_after_seconds=wait)
        whose = "One person" if limit.limit == "user" else "All persons of one customer together"
        raise Problem(
            429,
            "too-many-turns",
            f"{whose} may begin {limit.per_minute:g} turns a minute. Send the same message again, "
            f"with its id, in {wait} s.",
            headers={"Retry-After": str(wait)},
            limit=limit.limit,
            retry_after_seconds=wait,
        )
