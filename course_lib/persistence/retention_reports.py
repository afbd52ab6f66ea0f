"""What clean-up, export, import and erasure report, as objects that a notebook shows as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


class RetentionError(RuntimeError):
    """The database refused a clean-up, an export or an erasure; the text says why."""


@dataclass(frozen=True)
class IdleThread:
    """A thread in which nothing has happened for a while.

    Args:
        thread_id: which thread.
        last_step: when its newest checkpoint was made, in UTC.
        checkpoints: how many checkpoints it has.
        bytes: how much its rows hold, as they are stored.
    """

    thread_id: str
    last_step: datetime
    checkpoints: int
    bytes: int


@dataclass
class Amount:
    """How many rows, in how many threads, and how many bytes they hold."""

    threads: int = 0
    checkpoints: int = 0
    writes: int = 0
    blobs: int = 0
    bytes: int = 0

    def add(self, other: Amount) -> None:
        """Add another amount to this one."""
        for name in ("threads", "checkpoints", "writes", "blobs", "bytes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def minus(self, other: Amount) -> Amount:
        """Return what is left when another amount is taken away."""
        names = ("threads", "checkpoints", "writes", "blobs", "bytes")
        return Amount(*(getattr(self, name) - getattr(other, name) for name in names))


class _Readable:
    """A report that is shown as one sentence and a table of two columns or more."""

    def _sentence(self) -> str:
        raise NotImplementedError

    def _headers(self) -> Sequence[str]:
        return ("what", "how much")

    def _rows(self) -> Iterable[Sequence[str]]:
        raise NotImplementedError

    def __str__(self) -> str:
        rows = [list(self._headers()), *map(list, self._rows())]
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([self._sentence(), *(f"  {line}" for line in lines)])

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        head = self._headers()
        lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        lines += [f"| {' | '.join(map(_escaped, row))} |" for row in self._rows()]
        return "\n".join([_escaped(self._sentence()), "", *lines])


@dataclass(repr=False)
class CleanupReport(_Readable):
    """What a clean-up removed, or would remove.

    Args:
        threads: how many threads lost rows.
        checkpoints: removed rows of the checkpoints' table.
        writes: removed rows of the table of writes.
        blobs: removed rows of PostgreSQL's table of values; 0 on SQLite, which has none.
        bytes: what the removed rows held. The file of the database does not shrink by itself.
        became_active: idle threads in which something happened meanwhile. They were left alone.
        dry_run: whether nothing was removed.
        remaining: idle threads that are still there, because of a limit or because they were
            refused.
        keep: `nothing` or `latest`.
        refused: threads with delta channels, which `keep="latest"` leaves as they are; of more
            than 20 the first 20.
        refused_count: how many threads were refused.
    """

    threads: int = 0
    checkpoints: int = 0
    writes: int = 0
    blobs: int = 0
    bytes: int = 0
    became_active: int = 0
    dry_run: bool = True
    remaining: int = 0
    keep: str = "nothing"
    refused: tuple[str, ...] = ()
    refused_count: int = 0

    def _sentence(self) -> str:
        what = "removed" if self.keep == "nothing" else "reduced to their newest checkpoint"
        if self.dry_run:
            return f"Dry run: nothing was changed. A clean-up would have these threads {what}."
        return f"Clean-up: these threads were {what}."

    def _rows(self) -> Iterable[Sequence[str]]:
        yield "threads", f"{self.threads:,}"
        yield "checkpoints", f"{self.checkpoints:,}"
        yield "writes", f"{self.writes:,}"
        yield "blobs", f"{self.blobs:,}"
        yield "bytes", f"{self.bytes:,}"
        yield "became active meanwhile, left alone", f"{self.became_active:,}"
        if self.refused_count:
            named = ", ".join(self.refused)
            more = ", ..." if self.refused_count > len(self.refused) else ""
            yield (
                "refused, their delta channels need the history",
                f"{self.refused_count:,}: {named}{more}",
            )
        yield "idle threads that remain", f"{self.remaining:,}"


@dataclass(repr=False)
class ExportReport(_Readable):
    """What was written to a file, or read from one.

    Args:
        thread_id: which thread.
        path: the file; None in a dry run without a file name.
        checkpoints: rows of the checkpoints' table.
        writes: rows of the table of writes.
        blobs: rows of PostgreSQL's table of values.
        bytes: what the rows hold; the file is larger, because it is text.
        dry_run: whether nothing was written.
        imported: whether the file was read into the database.
    """

    thread_id: str
    path: Path | None
    checkpoints: int = 0
    writes: int = 0
    blobs: int = 0
    bytes: int = 0
    dry_run: bool = False
    imported: bool = False

    def _sentence(self) -> str:
        if self.imported:
            return f"Import: the thread {self.thread_id!r} was read from {self.path}."
        if self.dry_run:
            return f"Dry run: nothing was written. The thread {self.thread_id!r} holds this."
        return f"Export: the thread {self.thread_id!r} was written to {self.path}."

    def _rows(self) -> Iterable[Sequence[str]]:
        for name in ("checkpoints", "writes", "blobs", "bytes"):
            yield name, f"{getattr(self, name):,}"


@dataclass(frozen=True)
class ErasureRow:
    """One place of an erasure.

    Args:
        place: where, such as `checkpoints` or `store`.
        found: how many rows, items or entries of the person lie there.
        erased: how many of them are gone; 0 in a dry run.
        note: what there is to know about this place.
    """

    place: str
    found: int
    erased: int = 0
    note: str = ""


@dataclass(repr=False)
class ErasureReport(_Readable):
    """What an erasure found and removed, one row for each place.

    Args:
        user: whose data.
        threads: the person's threads.
        rows: one for each place.
        dry_run: whether nothing was removed.
    """

    user: str
    threads: tuple[str, ...] = ()
    rows: list[ErasureRow] = field(default_factory=list)
    dry_run: bool = True

    @property
    def complete(self) -> bool:
        """Whether everything that was found is gone."""
        return not self.dry_run and all(row.erased == row.found for row in self.rows)

    def __getitem__(self, place: str) -> ErasureRow:
        """Return the row of a place.

        Raises:
            KeyError: there is no such place in this report.
        """
        for row in self.rows:
            if row.place == place:
                return row
        raise KeyError(f"{place!r} is none of: {', '.join(row.place for row in self.rows)}")

    def _sentence(self) -> str:
        count = f"{len(self.threads)} thread{'' if len(self.threads) == 1 else 's'}"
        if self.dry_run:
            return f"Dry run: nothing was erased. {self.user!r} has {count}, and this is stored."
        if self.complete:
            return f"Erasure: {self.user!r} had {count}; everything that was found is gone."
        return f"Erasure: {self.user!r} had {count}; not everything could be erased, see the notes."

    def _headers(self) -> Sequence[str]:
        return ("place", "found", "erased", "note")

    def _rows(self) -> Iterable[Sequence[str]]:
        for row in self.rows:
            yield row.place, f"{row.found:,}", f"{row.erased:,}", row.note


@dataclass(frozen=True)
class Found:
    """A place that holds a word.

    Args:
        place: a table, `metadata`, `store`, `directory`, `cache` or `file`.
        key: the thread, the key of the store or of the cache, or the path of the file.
        word: what was found there.
    """

    place: str
    key: str
    word: str


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
