"""A running stack: how to reach each part, kill it, and see what becomes of it."""

from __future__ import annotations

import atexit
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from course_lib.operations.database_server import DatabaseServer
from course_lib.operations.keeper import Keeper, Repair
from course_lib.operations.parts import Part, memory_of
from course_lib.operations.proxy import tls_context
from course_lib.operations.replicated_database import DatabasePair
from course_lib.serving.process import ServerError

if TYPE_CHECKING:
    import httpx

WORKERS = ("worker-1", "worker-2")
REPLICAS = ("model-1", "model-2")
DATABASES = ("database-a", "database-b")
PROXY, MODEL_PROXY, PROXY_STATUS, JOBS = "proxy", "model-proxy", "proxy-status", "jobs"
PRIMARY, STANDBY = "primary", "standby"
AS_IT_SHOULD = ("running", "primary", "standby (sync)")
"""States of parts with which nothing is wrong."""


@dataclass
class Stack:
    """A running stack.

    Args:
        url: where people come, with HTTPS.
        ca_file: the certificate of the authority behind `url`.
        model_url: where the workers ask the model, ending in `/v1`.
        model: the name of the model.
        database: the pair of databases; `database.url` is for every client.
        parts: the other parts, by name: `worker-1`, `worker-2`, `model-1`, `model-2`, `proxy` and
            `jobs`.
        folder: the stack's own folder: keys, certificates, metrics, traces and logs.
    """

    url: str
    ca_file: Path
    model_url: str
    model: str
    database: DatabasePair
    parts: dict[str, Part]
    folder: Path
    model_key: str = field(repr=False)
    _token_key: bytes = field(repr=False)
    _keeper: Keeper = field(repr=False)
    _closing: ExitStack = field(repr=False)

    @property
    def database_url(self) -> str:
        """The URL of the database, which names both servers."""
        return self.database.url

    @property
    def worker_urls(self) -> list[str]:
        """Where each worker answers without the proxy, for the operators: `/health`, `/metrics`."""
        return [self.parts[name].url for name in WORKERS]

    @property
    def state(self) -> dict[str, str]:
        """What each part does now: `running` or `down`, and the role of each database."""
        told = {name: "running" if p.is_running() else "down" for name, p in self.parts.items()}
        return {**told, **self.database.state}

    @property
    def repairs(self) -> list[Repair]:
        """What was started again or promoted so far."""
        return list(self._keeper.repairs)

    def token(
        self, user: str, *, tenant: str = "default", roles: Sequence[str] = (), **more: Any
    ) -> str:
        """Make a token for a person, as a service does that signs people in."""
        from course_lib.fastapi_app import make_token

        return make_token(self._token_key, user, tenant=tenant, roles=roles, **more)

    def client(self, user: str, *, timeout: float = 60, **more: Any) -> httpx.Client:
        """Return a client of the API that is signed in and knows the proxy's certificate.

        Args:
            user: who it is for.
            timeout: seconds without a byte before a request is given up.
            more: as for `token`.
        """
        import httpx

        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token(user, **more)}"},
            verify=tls_context(self.ca_file),
            timeout=timeout,
            trust_env=False,
        )

    def kill(self, *names: str) -> None:
        """End parts at once with SIGKILL, all of them before the first is started again.

        Args:
            names: of parts, or `primary` and `standby`.

        Raises:
            ValueError: there is no part of that name.
        """
        with self._keeper.not_looking():
            for part in [self._named(name) for name in names]:
                part.kill()

    def drain(self, name: str) -> None:
        """Ask a worker to end as a deploy does, with SIGTERM: what it has begun goes on first.

        The keeper starts it again when it has ended.

        Args:
            name: of the part.
        """
        for process in self._named(name).processes()[:1]:
            process.terminate()

    @contextmanager
    def without_repairs(self) -> Iterator[None]:
        """Let nothing be started again by itself during the block: look at it, and use `restart`.

        Repairs that have begun already end first. For the primary there is `database.promote()`,
        and then `database.add_standby()`.
        """
        with self._keeper.pausing():
            yield

    def restart(self, name: str) -> None:
        """End a part with SIGKILL if it runs, and return when it runs again.

        Args:
            name: of the part, or `primary` and `standby`. Where repairs are on, the standby takes
                over from the primary; in `without_repairs` the primary starts on its own data.
        """
        self.kill(name)
        if not self._keeper.paused:
            self.wait_until_whole()
        elif name in (PRIMARY, STANDBY):
            getattr(self.database, f"restart_{name}")()
        else:
            self.parts[name].start()

    def wait_until_whole(self, seconds: float = 120) -> None:
        """Wait until every part runs and nothing is being repaired.

        Raises:
            ServerError: a part did not come back in time; the text names it.
        """
        deadline = time.monotonic() + seconds
        time.sleep(0.2)  # the keeper looks more often than that
        while not self._keeper.is_idle():
            if time.monotonic() > deadline:
                down = [name for name, what in self.state.items() if what not in AS_IT_SHOULD]
                told = [repair.what for repair in self.repairs if "failed" in repair.what][-1:]
                raise ServerError(
                    f"Not everything runs after {seconds:.0f} s; not as it should: "
                    f"{', '.join(down)}. {' '.join(told)}"
                )
            time.sleep(0.1)

    def memory(self) -> dict[str, int]:
        """Bytes of memory that each part uses now."""
        found = {name: memory_of(part.processes()) for name, part in self.parts.items()}
        for name, server in zip(DATABASES, self.database.servers, strict=True):
            found[name] = memory_of(server.process.processes() if server.process else [])
        return found

    def stop(self) -> None:
        """Stop every part and remove the folder; harmless a second time."""
        atexit.unregister(self.stop)
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()

    def _named(self, name: str) -> Part | _DatabasePart:
        if name in (PRIMARY, STANDBY):
            server = getattr(self.database, name)
            return _DatabasePart(server)
        if name not in self.parts:
            known = ", ".join([*self.parts, PRIMARY, STANDBY])
            raise ValueError(f"There is no part {name!r}. There are: {known}.")
        return self.parts[name]


@dataclass
class _DatabasePart:
    server: DatabaseServer

    def kill(self) -> None:
        self.server.kill()

    def processes(self) -> list[psutil.Process]:
        return self.server.process.processes() if self.server.process else []
