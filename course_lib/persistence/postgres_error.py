"""The error of the course's PostgreSQL, and addresses fit for its text."""

from __future__ import annotations


class PostgresError(RuntimeError):
    """No PostgreSQL could be reached or started; the text names it and the remedy."""


def redact_url(url: str) -> str:
    """Return a database URL without its password, fit for a message."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        return "an address that cannot be read"
    user = f"{parts['user']}@" if parts.get("user") else ""
    host = str(parts.get("host") or "localhost")
    place = "local socket" if host.startswith("/") else host
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{user}{place}{port}/{parts.get('dbname') or ''}"
