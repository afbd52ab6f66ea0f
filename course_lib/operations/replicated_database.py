"""PostgreSQL twice: a primary, and a synchronous standby that holds every acknowledged commit.

    with database_pair() as pair:
        psycopg.connect(pair.url)         # whichever of the two takes writes
        pair.kill_primary()               # SIGKILL
        pair.promote()                    # the standby takes over, with nothing lost
        pair.add_standby()                # the old primary becomes the new standby

The URL names both servers, and `target_session_attrs=read-write` makes the client look for the one
that takes writes. The password lies in a file that only its owner can read.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from course_lib.operations.database_programs import make_folder, run_program
from course_lib.operations.database_server import DatabaseServer
from course_lib.persistence import PostgresError

USER = "chat"
STANDBY = "standby"
"""The name under which the standby reports to the primary; its slot has the same."""

STREAMS = "SELECT sync_state FROM pg_stat_replication WHERE application_name = %s"

HAS = "SELECT flush_lsn >= %s::pg_lsn FROM pg_stat_replication WHERE application_name = %s"


@dataclass
class DatabasePair:
    """A running pair.

    Args:
        url: of the database, for every client; it names both servers.
        servers: both of them; which one is the primary changes.
    """

    url: str
    servers: list[DatabaseServer]
    _folder: Path = field(repr=False)
    _password_file: Path = field(repr=False)
    _primary: int = field(default=0, repr=False)
    _holds_all: bool = field(default=False, repr=False)  # every acknowledged commit, the standby
    _changing: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def primary(self) -> DatabaseServer:
        """The server that takes writes, or took them until it was killed."""
        return self.servers[self._primary]

    @property
    def standby(self) -> DatabaseServer:
        """The server that follows the primary."""
        return self.servers[1 - self._primary]

    @property
    def state(self) -> dict[str, str]:
        """What each server does now: `primary`, `standby (sync)`, `standby (away)` or `down`."""
        found = {}
        for server in self.servers:
            try:
                standby = server.ask("SELECT pg_is_in_recovery()")
            except psycopg.Error:
                found[server.name] = "down"
                continue
            if not standby:
                found[server.name] = "primary"
                continue
            with contextlib.suppress(psycopg.Error):
                kind = self.primary.ask(STREAMS, [STANDBY])
                found[server.name] = f"standby ({kind or 'away'})"
            found.setdefault(server.name, "standby (away)")
        return found

    @property
    def can_promote(self) -> bool:
        """Whether the standby runs and holds everything that the primary has acknowledged."""
        return self._holds_all and self.standby.is_running()

    @property
    def is_whole(self) -> bool:
        """Whether both servers run, and no commit is acknowledged before the standby has it."""
        return self._holds_all and all(server.is_running() for server in self.servers)

    def kill_primary(self) -> None:
        """End the primary at once with SIGKILL. Writes fail until the standby is promoted."""
        self.primary.kill()

    def kill_standby(self) -> None:
        """End the standby at once with SIGKILL. Commits wait until it is back."""
        self.standby.kill()

    def promote(self, seconds: float = 30) -> None:
        """Make the standby the primary. The old primary must not run.

        Raises:
            PostgresError: the old primary still runs, and two servers would take writes; or the
                standby cannot take over.
        """
        with self._changing:
            if self.primary.is_running() or self.primary.answers():
                raise PostgresError(
                    f"{self.primary.name} still runs, and then two servers would take writes. Stop "
                    "it first: pair.kill_primary()."
                )
            if not self.can_promote:
                raise PostgresError(
                    f"{self.standby.name} does not run, or has not caught up, so it cannot take "
                    "over without a loss. Start the primary again: pair.restart_primary()."
                )
            try:
                promoted = self.standby.ask("SELECT pg_promote(true, %s)", [round(seconds)])
            except psycopg.Error as error:
                raise PostgresError(f"{self.standby.name} cannot take over: {error}") from error
            if not promoted:
                raise PostgresError(
                    f"{self.standby.name} was not the primary after {seconds:.0f} s."
                )
            self._primary, self._holds_all = 1 - self._primary, False

    def restart_primary(self) -> None:
        """Start a primary that was killed again, on the data that it has."""
        with self._changing:
            if not self.primary.is_running():
                self._end(self.primary)
                self.primary.start()

    def restart_standby(self) -> None:
        """Start a standby that was killed again; it catches up, or else gets a new copy.

        A standby that runs already, and for which the primary does not wait, becomes synchronous.
        """
        with self._changing:
            if self.is_whole:
                return
            # Without this file it would start as a second primary: a copy that was not completed.
            if (self.standby.folder / "standby.signal").exists():
                with contextlib.suppress(PostgresError):
                    if not self.standby.is_running():
                        self._end(self.standby)
                        self.standby.start()
                    self._follow(30)
                    return
            self.add_standby()

    def add_standby(self, seconds: float = 60) -> None:
        """Make the server that is not the primary its synchronous standby, with a copy of its data.

        A large database would rather use `pg_rewind`, which copies only what differs.

        Args:
            seconds: how long the new standby may take until it follows.

        Raises:
            PostgresError: the copy failed, or the standby did not follow in time.
        """
        with self._changing:
            primary, standby = self.primary, self.standby
            self._holds_all = False
            self._end(standby)
            # The copy holds the primary's settings: nothing in it may wait for a standby.
            self._set_synchronous("")
            primary.ask(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                "WHERE slot_name = %s AND NOT active",
                [STANDBY],
            )
            make_folder(standby.folder.parent, standby.folder.name)
            source = (
                f"host=127.0.0.1 port={primary.port} user={USER} "
                f"passfile='{self._password_file}' application_name={STANDBY}"
            )
            run_program(
                "pg_basebackup",
                *("--pgdata", str(standby.folder), "--dbname", source, "--no-password"),
                *("--write-recovery-conf", "--create-slot", "--slot", STANDBY),
                *("--wal-method", "stream", "--checkpoint", "fast"),
            )
            standby.start()
            self._follow(seconds)

    def stop(self) -> None:
        """Stop both servers and remove their data; harmless a second time."""
        with self._changing:
            self._holds_all = False
            for server in self.servers:
                self._end(server)  # at once: a last checkpoint would write what is removed next
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()

    def _follow(self, seconds: float) -> None:
        """Wait until the standby holds everything, and let every commit wait for it from then on.

        A standby that was away only for a moment held everything before, and commits have waited.
        """
        self._wait_until(self._is_streaming, "the standby to follow", seconds)
        self._set_synchronous(STANDBY)
        self._wait_until(self._is_synchronous, "the standby to be synchronous", seconds)
        written = self.primary.ask("SELECT pg_current_wal_flush_lsn()::text")  # before it waited
        self._wait_until(lambda: self._has(written), "the standby to catch up", seconds)
        self._holds_all = True

    def _has(self, written: str) -> bool:
        return bool(self.primary.ask(HAS, [written, STANDBY]))

    def _end(self, server: DatabaseServer) -> None:
        if server.process is not None:
            server.kill()
            server.process.stop()
            server.process = None

    def _set_synchronous(self, names: str) -> None:
        with self.primary.connect() as connection:
            connection.execute("SET synchronous_commit = local")
            statement = "ALTER SYSTEM SET synchronous_standby_names = {}"
            connection.execute(sql.SQL(statement).format(sql.Literal(names)))
            connection.execute("SELECT pg_reload_conf()")

    def _is_streaming(self) -> bool:
        return self.primary.ask(STREAMS, [STANDBY]) is not None

    def _is_synchronous(self) -> bool:
        return self.primary.ask(STREAMS, [STANDBY]) == "sync"

    def _wait_until(self, done: Callable[[], bool], what: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise PostgresError(f"Waited {seconds:.0f} s in vain for {what}.")
            time.sleep(0.05)
