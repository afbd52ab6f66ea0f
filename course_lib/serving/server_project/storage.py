"""The checkpointer and the store of the server, on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.store.postgres.aio import AsyncPostgresStore

from course_lib.persistence import WholeNodes

OF_RUNS = "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints"
OF_RUNS += " WHERE metadata ->> 'run_id' = ANY(%s)"
"""The checkpoints that some runs have written."""


class ServerSaver(WholeNodes, AsyncPostgresSaver):
    """A checkpointer that can take back a run: `rollback` of the server asks for that.

    Of a node that a cancelled run leaves half done it keeps nothing, so the node runs again.
    """

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of runs, and what was written for them."""
        async with self._cursor(pipeline=True) as cursor:
            for table in ("checkpoint_writes", "checkpoints"):
                where = f"(thread_id, checkpoint_ns, checkpoint_id) IN ({OF_RUNS})"
                await cursor.execute(
                    f"DELETE FROM {table} WHERE {where}", [[str(each) for each in run_ids]]
                )


@asynccontextmanager
async def saver() -> AsyncIterator[AsyncPostgresSaver]:
    """Open the checkpointer for as long as the server runs."""
    async with ServerSaver.from_conn_string(os.environ["STORAGE_URL"]) as opened:
        await opened.setup()
        yield opened


@asynccontextmanager
async def store() -> AsyncIterator[AsyncPostgresStore]:
    """Open the store for as long as the server runs."""
    async with AsyncPostgresStore.from_conn_string(os.environ["STORAGE_URL"]) as opened:
        await opened.setup()
        yield opened
