"""One PostgreSQL server of the stack: its data folder, its port, and its process."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from course_lib.operations.database_programs import command, variables
from course_lib.persistence import PostgresError
from course_lib.serving.ended import has_ended
from course_lib.serving.process import Server, ServerError, start

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's file would stay behind after a kill
    "max_connections": "100",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "max_slot_wal_keep_size": "512MB",  # a standby that never comes back must not fill the disk
    "wal_sender_timeout": "10s",
    "wal_receiver_timeout": "10s",
    "wal_retrieve_retry_interval": "500ms",
    "password_encryption": "scram-sha-256",
    "logging_collector": "off",
    "fsync": "on",
}
"""What both servers are started with. Memory is what a laptop can spare."""


@dataclass
class DatabaseServer:
    """One server. Which one is the primary changes when the other one is promoted.

    Args:
        name: in messages.
        folder: of its data.
        port: on 127.0.0.1.
        address: how to connect to it, as arguments of `psycopg.connect`.
        scratch: where the scratch folders of its processes are made.
    """

    name: str
    folder: Path
    port: int
    address: dict[str, Any] = field(repr=False)
    scratch: Path = field(repr=False)
    process: Server | None = field(default=None, repr=False)

    def start(self, seconds: float = 30) -> None:
        """Start the server on the data that its folder holds, and wait until it answers.

        Raises:
            PostgresError: the port is taken, or the server did not start.
        """
        remove_pid_file(self.folder)
        options = [f"--{name}={value}" for name, value in OPTIONS.items()]
        arguments = ["-D", str(self.folder), f"--port={self.port}", *options]
        try:
            self.process = start(
                command("postgres", *arguments),
                f"tcp://127.0.0.1:{self.port}",
                self.answers,
                variables=variables(),
                seconds=seconds,
                within=self.scratch,
            )
        except ServerError as error:
            raise PostgresError(f"{self.name} did not start. {error}") from error

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """Connect to this server, whatever it is at the moment.

        Raises:
            psycopg.OperationalError: it does not answer.
        """
        return psycopg.connect(
            **self.address, port=self.port, connect_timeout=5, autocommit=True, **options
        )

    def ask(self, statement: str, values: list[Any] | None = None) -> Any:
        """The first value of the first row that a statement gives; None where there is no row."""
        with self.connect() as connection:
            cursor = connection.execute(statement, values)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def answers(self) -> bool:
        """Whether the server takes connections."""
        with contextlib.suppress(psycopg.Error):
            self.connect().close()
            return True
        return False

    def is_running(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.is_running()

    def kill(self) -> None:
        """End all processes of the server at once with SIGKILL, as a power cut would."""
        if self.process is not None:
            self.process.kill()


def remove_pid_file(folder: Path) -> None:
    """Remove what a killed server left in its folder, or it would not start again.

    PostgreSQL looks whether the process in its pid file exists. A process that was killed exists on
    as a zombie where nobody collects its exit status, as in containers, and its number may have
    been given to somebody else.

    Raises:
        PostgresError: a server runs on this folder.
    """
    pid_file = folder / "postmaster.pid"
    try:
        first = pid_file.read_text().split()[0]
        process = psutil.Process(int(first))
        if not has_ended(process) and "postgres" in process.name():
            raise PostgresError(
                f"A PostgreSQL runs on the folder {folder} already, as process {first}. Stop it "
                "first."
            )
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        pass
    pid_file.unlink(missing_ok=True)
