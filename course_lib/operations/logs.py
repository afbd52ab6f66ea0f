"""The log: one line of JSON for each event, with the ids of its request, and no word of a person.

The lines of uvicorn and of libraries have the same form. What a library or an exception says can
quote a person, so of those only the place is kept.
"""

from __future__ import annotations

import logging
import queue
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from structlog.typing import EventDict

from course_lib.fastapi_app import ServiceHooks
from course_lib.fastapi_app.run_events import END
from course_lib.models.line_file import LineFile, Lines, read_lines

if TYPE_CHECKING:
    from course_lib.fastapi_app.run import Run
    from course_lib.fastapi_app.run_events import Event

OWN_LOGGERS = ("chat", "uvicorn", "course_lib")
"""Loggers whose lines are known to quote nobody; of others only the place of the line is kept."""

HEAD = ("time", "level", "event")
"""The first fields of every line."""

WEBSOCKET = '"WebSocket %s"'
"""What uvicorn's lines about connections have in common; they come by its logger of errors."""

UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access")


def write_logs(path: Path | None = None, **always: str) -> QueueListener:
    """Let all loggers of this process write lines of JSON.

    Args:
        path: of the file, which is appended to; stderr when left out.
        always: fields of every line, such as the version of the service.

    Returns:
        The thread that writes, so that no request waits for the disk. `stop` it at the end.
    """
    before = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _keep_places_only,
    ]
    form = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        pass_foreign_args=True,  # for `_keep_places_only`
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            lambda _, __, event: {**{name: event[name] for name in HEAD}, **always, **event},
            structlog.processors.JSONRenderer(),
        ],
    )
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handler = QueueHandler(lines)
    handler.setFormatter(form)  # in the task that logs: its ids are there
    out = logging.StreamHandler(sys.stderr) if path is None else LineHandler(path)
    out.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("chat").setLevel(logging.INFO)
    for name in UVICORN:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    listener = QueueListener(lines, out)
    listener.start()
    return listener


def read_log(path: Path) -> Lines:
    """Return the lines of a log as dictionaries; `torn` of it has the numbers of half lines.

    Args:
        path: of the log, of the audit log or of a gateway's log.

    Raises:
        ValueError: it is no such log.
    """
    return read_lines(path)


class LineHandler(logging.Handler):
    """Writes each record as a line of a file.

    Args:
        path: of the file, which is appended to; see `LineFile`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = LineFile(path, 0o666)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; what the disk does not take is told on stderr, as `logging` does."""
        try:
            self._file.write(self.format(record) + "\n")
        except (OSError, ValueError):  # ValueError: it was closed
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


class LogHooks(ServiceHooks):
    """Logs one line for each turn, when it ends."""

    def __init__(self) -> None:
        self._log = structlog.stdlib.get_logger("chat")
        self._times: dict[UUID, dict[str, float]] = {}

    @contextmanager
    def turn(self, run: Run) -> Iterator[None]:
        """Note when a turn began."""
        self._times[run.id] = {"start": time.perf_counter()}
        try:
            yield
        finally:
            self._times.pop(run.id, None)

    def event(self, run: Run, event: Event) -> None:
        """Note when the first token came, and log how a turn ended and how long it took."""
        times = self._times.get(run.id)
        if times is None:  # it was stopped before it had begun
            return
        if event.name == "token":
            times.setdefault("first", time.perf_counter())
        elif event.name == END:
            took = {name: round(time.perf_counter() - at, 4) for name, at in times.items()}
            first = round(took["start"] - took["first"], 4) if "first" in took else None
            self._log.info(
                "turn",
                outcome=run.status,
                problem=None if run.refusal is None else run.refusal.kind,
                seconds=took["start"],
                first_token_seconds=first,
                tokens_sent=sum(each.name == "token" for each in run.events),
            )


def _keep_places_only(logger: Any, method: str, event: EventDict) -> EventDict:
    """Leave out whatever may quote a person: texts of exceptions and of libraries, and queries."""
    record: logging.LogRecord | None = event.get("_record")
    error = event.pop("exc_info", None) or (record.exc_info if record is not None else None)
    arguments = event.pop("positional_args", ())
    if record is not None:
        record.exc_info = record.exc_text = None  # else the formatter appends the text
        if record.name == "uvicorn.access":
            _, verb, path, _, status = arguments
            path = str(path).partition("?")[0][:200]
            event.update(event="request", method=verb, path=path, status=status)
        elif WEBSOCKET in str(record.msg):  # with the person's address, and the whole query
            _, path, *_ = arguments
            path = str(path).partition("?")[0][:200]
            event.update(event="websocket", path=path)
        elif record.name.split(".")[0] not in OWN_LOGGERS:
            event["event"] = "a line of a library; its text is left out"
            event["place"] = f"{record.pathname}:{record.lineno}"
        elif error:
            named = not any(isinstance(each, BaseException) for each in arguments)
            event["event"] = str(record.getMessage() if named else record.msg).partition("\n")[0]
    if error is True:
        error = sys.exc_info()
    if isinstance(error, BaseException):
        error = (type(error), error, error.__traceback__)
    if error and error[0] is not None:
        event["error"] = error[0].__name__
        event["frames"] = _frames(error[2])
    event.pop("exception", None)
    return event


def _frames(found: TracebackType | None) -> list[str]:
    """The last places of a traceback, the innermost one last."""
    frames = []
    while found is not None:
        code = found.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{found.tb_lineno} {code.co_name}")
        found = found.tb_next
    return frames[-5:]
