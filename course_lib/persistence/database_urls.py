"""What the URL of a checkpointer or a store names: memory, an SQLite file, or PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from course_lib.addresses import hide_password
from course_lib.persistence.thread_records import is_odd


class CheckpointerError(RuntimeError):
    """A checkpointer could not be opened; the text names the URL and the remedy."""


def parse_url(url: str) -> tuple[str, str]:
    """Return what a URL names, `memory`, `sqlite` or `postgres`, and where.

    Raises:
        CheckpointerError: it names neither, or a path that no file can have.
    """
    if not isinstance(url, str):
        raise CheckpointerError(
            f"{url!r} is a {type(url).__name__} and no address of a checkpointer. Hand it over as "
            "text: 'memory:', f'sqlite:///{path}' or 'postgresql://user@host/database'."
        )
    if is_odd(url):
        raise CheckpointerError(
            f"{hide_password(url)!r} holds a NUL or half of an emoji, which no file and no server "
            "has in its name. Take it out."
        )
    if url == "memory:":
        return "memory", ""
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return "sqlite", _checked_path(url.removeprefix("sqlite:///"))
    if url.startswith(("postgresql://", "postgres://")):
        return "postgres", url
    raise CheckpointerError(
        f"{hide_password(url)!r} is no address of a checkpointer. Use 'memory:', "
        "'sqlite:///chat.db' (three slashes, four for an absolute path) or "
        "'postgresql://user@host/database'."
    )


def _checked_path(place: str) -> str:
    """Return a path as it is, after a look at whether a file can have it."""
    try:
        Path(place).resolve().exists()
    except (OSError, RuntimeError) as error:  # the second for links that lead to each other
        why = getattr(error, "strerror", None) or str(error)
        short = place if len(place) <= 200 else f"{place[:200]}..."
        raise CheckpointerError(f"{short!r} is no path of a file: {why}. Name another.") from error
    return place
