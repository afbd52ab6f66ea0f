"""The audit log: who asked for what, which tools were called with what, and who decided what.

It is a file of its own, beside the log: it has texts, masked, and is read by other people. Lines
are only ever appended. Each names the hash of the line before it from the same worker, so a line
that was changed or taken out in between is found.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from langchain_core.callbacks import BaseCallbackHandler

from course_lib.fastapi_app import ServiceHooks
from course_lib.fastapi_app.event_data import storable
from course_lib.fastapi_app.run_events import END
from course_lib.models.line_file import LineFile, Lines, read_lines
from course_lib.operations.combined_hooks import with_callback
from course_lib.operations.masking import mask
from course_lib.operations.request_ids import ids_now

if TYPE_CHECKING:
    from course_lib.fastapi_app.run import Run
    from course_lib.fastapi_app.run_events import Event

log = logging.getLogger("chat")

FIRST = "0" * 64
"""The hash before the first line of a worker."""

BEGIN = '{"time": "'
"""How every line begins."""

INJECTED = ("runtime", "state", "store", "config", "tool_call_id")
"""Arguments of tools that LangGraph gives, and no model."""


class AuditLog:
    """Appends lines to an audit log; each worker has a chain of its own.

    A line is written at once: it is there also when the worker is killed a moment later. When the
    file is moved away, the next line begins a new one, and the chain goes on in it.

    Args:
        path: of the file, readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path)
        self._chain, self._number, self._hash = uuid4().hex[:12], 0, FIRST
        self._writing = threading.Lock()  # tools may be called in threads

    def write(self, kind: str, facts: dict[str, Any], **names: str | None) -> None:
        """Append a line.

        Args:
            kind: `prompt`, `decision`, `tool call` or `end`.
            facts: what was said; it is masked.
            names: who it was and ids, which are kept as they are; those of the turn are added.

        Raises:
            OSError: the disk does not take it. The number of the next line tells that one is
                missing.
        """
        with self._writing:
            self._append(kind, facts, names)

    def _append(self, kind: str, facts: dict[str, Any], names: dict[str, str | None]) -> None:
        self._number += 1
        line = {
            "time": datetime.now(UTC).isoformat(),
            "kind": kind,
            **ids_now(),
            **{name: value for name, value in names.items() if value is not None},
            **mask(storable(facts)),
            "chain": self._chain,
            "number": self._number,
            "before": self._hash,
        }
        text = json.dumps(line, ensure_ascii=False)
        self._file.write(f"{text}\n")
        self._hash = hashlib.sha256(text.encode()).hexdigest()

    def close(self) -> None:
        """Have the disk keep what was written, and close the file."""
        with _kept():
            self._file.close()


def read_audit(path: Path) -> Lines:
    """Return the lines of an audit log; `torn` of it has the numbers of half lines, left out.

    Args:
        path: of the file.

    Raises:
        ValueError: it is no audit log.
    """
    return read_lines(path)


def verify_audit(path: Path, *later: Path) -> list[str]:
    """Return what is wrong with an audit log; an empty list where nothing was changed.

    Lines missing at the very end of a chain are not found: ship the file away to notice that.

    Args:
        path: of the file.
        later: the files that were begun when this one was moved away, the oldest first. A chain
            goes on from one into the next.
    """
    hashes: dict[str, tuple[int, str]] = {}
    faults = []
    for file in (path, *later):
        of_file = f" of {file.name}" if later else ""
        text = file.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.split("\n"), start=1):
            fault = _fault(line, hashes, f"line {number}{of_file}") if line else None
            if fault:
                faults.append(fault)
    return faults


def _fault(text: str, hashes: dict[str, tuple[int, str]], place: str) -> str | None:
    """What is wrong with a line.

    Args:
        text: the line.
        hashes: of each chain the number and the hash of its last line, which this one becomes.
        place: where it stands.
    """
    try:
        line = json.loads(text)
        chain, number, before = line["chain"], line["number"], line["before"]
    except (ValueError, KeyError, TypeError, RecursionError):
        if text.startswith(BEGIN[: len(text)]):
            return f"{place} is half a line, as a killed worker or a full disk leaves it"
        return f"{place} is no line of an audit log"
    last, expected = hashes.get(chain, (0, FIRST))
    hashes[chain] = (number, hashlib.sha256(text.encode()).hexdigest())
    if number != last + 1:
        return f"{place}: number {number} of its worker follows number {last}"
    if before != expected:
        return f"the line before {place} of the same worker was changed"
    return None


class AuditHooks(ServiceHooks):
    """Writes the audit log of the service's turns.

    Args:
        log: where to.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._tools = _ToolCalls(log)

    @contextmanager
    def turn(self, run: Run) -> Iterator[None]:
        """Write down what was asked for and by whom."""
        turn = run.turn
        who = {"user": run.person.user, "tenant": run.person.tenant}
        with _kept():
            if turn.question_id is None:
                ids = {"message_id": turn.message_id, "checkpoint_id": turn.checkpoint_id}
                self._log.write("prompt", {"text": turn.text}, **who, **ids)
            else:
                self._log.write(
                    "decision", {"answer": turn.answer}, **who, question_id=turn.question_id
                )
        yield

    def event(self, run: Run, event: Event) -> None:
        """Write down how it ended."""
        if event.name == END:
            with _kept():
                self._log.write("end", {}, outcome=run.status)

    def config(self, run: Run, config: dict[str, Any]) -> dict[str, Any]:
        """Let the graph report the calls of its tools."""
        return with_callback(config, self._tools)


@contextmanager
def _kept() -> Iterator[None]:
    """Log that the disk took nothing: a full one must not end what people wait for."""
    try:
        yield
    except OSError as error:
        log.error("the audit log does not keep what it was given: %s", error.strerror)


class _ToolCalls(BaseCallbackHandler):
    run_inline = True
    # Without these, LangChain calls it for every token, and writes out every prompt for it.
    ignore_chain = ignore_chat_model = ignore_llm = ignore_retriever = True

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        inputs: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        given = inputs if isinstance(inputs, dict) else {"input": input_str}
        arguments = {name: value for name, value in given.items() if name not in INJECTED}
        tool = str((serialized or {}).get("name") or more.get("name") or "tool")
        with _kept():
            self._log.write("tool call", {"arguments": arguments}, tool=tool)
