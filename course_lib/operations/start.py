"""The whole service on this machine: two workers, a pair of databases, two models, a proxy, jobs.

    with stack() as running:
        print(running.url, running.state)
        running.kill("worker-1")          # SIGKILL; the keeper starts it again
        running.wait_until_whole()

Every part is a child process on a port of 127.0.0.1. They start in the order of what they need,
and each is healthy before the next begins. Nothing is left behind when this process ends, also
when it is killed.
"""

from __future__ import annotations

import atexit
import secrets
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from course_lib.operations.database_programs import check_room, scratch_parent
from course_lib.operations.database_setup import database_pair
from course_lib.operations.keeper import Keeper
from course_lib.operations.leftovers import Leftovers, watch_leftovers
from course_lib.operations.parts import (
    Part,
    api_worker,
    job_worker,
    replica,
)
from course_lib.operations.proxy import caddy_program, start_proxy
from course_lib.operations.replicated_database import DatabasePair
from course_lib.operations.running_stack import (
    DATABASES,
    JOBS,
    MODEL_PROXY,
    PROXY,
    PROXY_STATUS,
    REPLICAS,
    WORKERS,
    Stack,
)
from course_lib.operations.stack_options import check_model, choose_ports
from course_lib.persistence import PostgresError
from course_lib.serving.process import ServerError

APP = "course_lib.operations.job_routes:make_app"
"""The application of the workers: Namu, and the long work of the job queue."""

MEGABYTES = 200
"""What has to be free on the disk: the databases take most of it."""


def stack(
    *,
    app: str = APP,
    ports: Mapping[str, int] | None = None,
    variables: Mapping[str, str] | None = None,
    size: str = "large",
    **model_options: float,
) -> Stack:
    """Start everything, and return when all of it is healthy.

    Args:
        app: `module:factory` of the workers' application.
        ports: of parts that must have a certain one, by the names of `PORT_NAMES`; the others get
            free ones. Whole numbers from 1 to 65535.
        variables: environment variables to add for the workers of the API.
        size: of the model: `small`, `medium` or `large`.
        model_options: such as `tokens_per_second=40`, as `model_gateway` takes them.

    Returns:
        The running stack. Also a context manager that stops it.

    Raises:
        ValueError: `ports` names something that has no port, or a value is no port; an option of
            the model cannot be used.
        TypeError: the model has no such option.
        ServerError: a port is taken, a program is missing, or a part did not start; the text names
            the part. Nothing is left.
        PostgresError: the same for the databases, or there is no room on the disk.
    """
    check_model(size, model_options)
    places = choose_ports(ports or {})
    caddy_program()  # the one program that may be missing is looked for before anything starts
    for each in {Path(tempfile.gettempdir()), scratch_parent()}:
        check_room(each, MEGABYTES)
    closing = ExitStack()
    try:
        leftovers = watch_leftovers()
        closing.callback(leftovers.close)
        folder = Path(tempfile.mkdtemp(prefix="course-stack-"))
        leftovers.note(folder)
        started = _Starting(folder, places, leftovers, closing)
        running = started.everything(app, variables or {}, size, model_options)
    except BaseException:  # an interrupt, say: nothing half started is left
        closing.close()
        raise
    atexit.register(running.stop)
    return running


class _Starting:
    """The order in which the parts start.

    Args:
        folder: the stack's own.
        places: the port of each part.
        leftovers: removes folders if this process is killed.
        closing: what has to be stopped, last one first.
    """

    def __init__(
        self, folder: Path, places: Mapping[str, int], leftovers: Leftovers, closing: ExitStack
    ) -> None:
        self._folder = folder
        self._places = places
        self._leftovers = leftovers
        self._closing = closing
        self._parts: dict[str, Part] = {}

    def everything(
        self,
        app: str,
        variables: Mapping[str, str],
        size: str,
        model_options: Mapping[str, float],
    ) -> Stack:
        """Start all parts; see `stack`."""
        token_key, model_key = secrets.token_hex(32).encode(), secrets.token_urlsafe(24)
        key_file = self._folder / "token.key"
        key_file.touch(mode=0o600)
        key_file.write_bytes(token_key)
        for name in ("metrics", "traces", "logs", "scratch"):
            (self._folder / name).mkdir()
        scratch = self._folder / "scratch"

        # Databases and models need nothing of each other.
        options = {"size": size, "key": model_key, "within": scratch}
        model_parts = [
            self._part(
                name,
                partial(
                    replica,
                    options={**model_options, "log_file": self._folder / "logs" / f"{name}.jsonl"},
                    **options,
                ),
            )
            for name in REPLICAS
        ]
        found = self._at_once(self._database, *(part.start for part in model_parts))
        database: DatabasePair = found[0]

        proxy = self._part(PROXY, self._proxy(scratch))
        proxy.start()
        model_url = f"http://127.0.0.1:{self._places[MODEL_PROXY]}/v1"
        shared = {
            "CHAT_DATABASE_URL": database.url,
            "CHAT_TOKEN_KEY_FILE": str(key_file),
            "COURSE_LLM_BASE_URL": model_url,
            "COURSE_LLM_MODEL": f"namu-{size}",
            "COURSE_LLM_API_KEY": model_key,
        }
        jobs = self._part(JOBS, partial(job_worker, variables=shared, within=scratch))
        workers = [
            self._part(
                name,
                partial(
                    api_worker,
                    app=app,
                    variables={**shared, **self._files_of(name), **variables},
                    within=scratch,
                ),
            )
            for name in WORKERS
        ]
        self._at_once(*(part.start for part in (*workers, jobs)))

        parts = {name: self._parts[name] for name in (*WORKERS, *REPLICAS, PROXY, JOBS)}
        keeper = Keeper(list(parts.values()), database)
        self._closing.callback(keeper.stop)
        keeper.start()
        return Stack(
            url=f"https://127.0.0.1:{self._places[PROXY]}",
            ca_file=proxy.server.ca_file,  # type: ignore[union-attr]
            model_url=model_url,
            model=f"namu-{size}",
            database=database,
            parts=parts,
            folder=self._folder,
            model_key=model_key,
            _token_key=token_key,
            _keeper=keeper,
            _closing=self._closing,
        )

    def _part(self, name: str, begin: Callable[..., Any]) -> Part:
        """A part that is stopped at the end, and whose name is in the message if it fails."""
        port = self._places[name]

        def begin_named() -> Any:
            try:
                return begin(port)
            except ServerError as error:
                raise ServerError(f"The part {name!r} did not start. {error}") from error

        part = self._parts[name] = Part(name, port, begin_named)
        self._closing.callback(part.stop)
        return part

    def _database(self) -> DatabasePair:
        scratch = self._folder / "scratch"
        ports = (self._places[DATABASES[0]], self._places[DATABASES[1]])
        try:
            pair = database_pair(ports, scratch=scratch, note_folder=self._leftovers.note)
        except PostgresError as error:
            raise PostgresError(f"The part 'database' did not start. {error}") from error
        self._closing.callback(pair.stop)
        return pair

    def _proxy(self, scratch: Path) -> Callable[[int], Any]:
        def begin(port: int) -> Any:
            return start_proxy(
                api_port=port,
                workers=[f"http://127.0.0.1:{self._places[name]}" for name in WORKERS],
                model_port=self._places[MODEL_PROXY],
                replicas=[f"http://127.0.0.1:{self._places[name]}" for name in REPLICAS],
                status_port=self._places[PROXY_STATUS],
                storage=self._folder / "proxy",
                logs=self._folder / "logs",
                within=scratch,
            )

        return begin

    def _files_of(self, worker: str) -> dict[str, str]:
        """Where a worker writes what operators read; the numbers of all workers lie together."""
        return {
            "PROMETHEUS_MULTIPROC_DIR": str(self._folder / "metrics"),
            "CHAT_TRACES_FILE": str(self._folder / "traces" / f"{worker}.jsonl"),
            "CHAT_LOG_FILE": str(self._folder / "logs" / f"{worker}.jsonl"),
            "CHAT_AUDIT_FILE": str(self._folder / "logs" / f"{worker}.audit.jsonl"),
        }

    @staticmethod
    def _at_once(*starts: Callable[[], Any]) -> list[Any]:
        """Start several parts side by side; the first error counts, when all have ended."""
        with ThreadPoolExecutor(len(starts)) as pool:
            running = [pool.submit(start) for start in starts]
        return [each.result() for each in running]
