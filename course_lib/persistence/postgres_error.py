"""The error of the course's PostgreSQL, and addresses fit for its text."""

from __future__ import annotations

UNREADABLE = "an address that cannot be read"
HOW_TO_WRITE = (
    "A URL is postgresql://user:PASSWORD@host:port/database, and after a ? come options of "
    "PostgreSQL's only. In the password write @ as %40, / as %2F, : as %3A, % as %25, a space as "
    "%20; urllib.parse.quote(password, safe='') does it."
)


class PostgresError(RuntimeError):
    """No PostgreSQL could be reached or started; the text names it and the remedy."""


def redact_url(url: str) -> str:
    """Return a database URL without its password, fit for a message.

    An `@` or `/` that stands unescaped in the password ends it too early, and the rest would be
    taken for the host or the database. Such an address is not told at all.

    Args:
        url: `postgresql://...`, or another text that psycopg takes.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(url)
    except (ProgrammingError, UnicodeError):
        return UNREADABLE
    if any("@" in str(parts.get(name) or "") for name in ("host", "port", "dbname")):
        return UNREADABLE
    user = f"{parts['user']}@" if parts.get("user") else ""
    host = str(parts.get("host") or "localhost")
    place = "local socket" if host.startswith("/") else host
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{user}{place}{port}/{parts.get('dbname') or ''}"
