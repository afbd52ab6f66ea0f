"""One thread of one user, as the directory keeps it, and what its fields may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

RESERVED = frozenset(
    {"user", "tenant", "source", "step", "parents", "run_id", "thread_id", "writes"}
)
"""Keys of metadata that are LangGraph's or the directory's own."""


class UnknownThread(LookupError):
    """There is no such thread for this user; whether it exists for another one is not said."""


@dataclass(frozen=True)
class Thread:
    """One conversation of one user.

    Args:
        id: the `thread_id` for the checkpointer, a UUID.
        user: who owns it.
        tenant: the customer, school or company the user belongs to.
        title: what the list shows.
        metadata: anything else worth finding it by, such as a locale.
        created_at: ISO 8601, UTC.
        active_at: when it was created or touched last, ISO 8601, UTC.
    """

    id: str
    user: str
    tenant: str
    title: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: str = ""
    active_at: str = ""

    @property
    def config(self) -> dict[str, Any]:
        """The configuration to run a graph with; its metadata is the bridge back to the user."""
        return {
            "configurable": {"thread_id": self.id},
            "metadata": {**self.metadata, "user": self.user, "tenant": self.tenant},
        }


def namespace_label(user: str) -> str:
    """Return a user's name as the label of a namespace, which may be neither empty nor hold dots.

    Args:
        user: any name. Two users never get the same label.
    """
    return quote(checked_user(user), safe="@ ").replace(".", "%2E") or "%"


DEFAULT_TENANT = "default"


def person_key(user: str, tenant: str | None = None) -> str:
    """Return the name of a person where the people of all tenants are kept together.

    Args:
        user: as the login knows them, unique within the tenant.
        tenant: of which customer; a person of the default one, or of none, has the plain name.
            Two people never get the same name: a plain one with a colon is written out, too.
    """
    if tenant in (None, "", DEFAULT_TENANT) and ":" not in user:
        return user
    names = (tenant or DEFAULT_TENANT, user)
    return ":".join(quote(name, safe="@ ", errors="surrogatepass") for name in names)


def storable(text: str) -> str:
    """Return a text in which a NUL and half of a surrogate pair are replaced.

    Args:
        text: any text; no store can hold these two.

    Raises:
        ValueError: it is no text.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is a {type(text).__name__}. Hand it over as text.")
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def is_odd(text: Any) -> bool:
    """Whether something is no text, or one with a NUL or half of a surrogate pair in it.

    Such a text cannot be stored everywhere.
    """
    if not isinstance(text, str):
        return True
    return "\0" in text or any("\ud800" <= ch <= "\udfff" for ch in text)


def checked_text(value: str, what: str) -> str:
    """Return a text that was handed over for a thread.

    Args:
        value: what was handed over.
        what: its name in the message.

    Raises:
        ValueError: it is no text, or no store could hold it.
    """
    if is_odd(value):
        raise ValueError(
            f"The {what} {value!r} is no text that a database keeps. Use text without control "
            "characters."
        )
    return value


def checked_user(user: str) -> str:
    """Return a user's name.

    Raises:
        ValueError: it is no text, or no store could hold it.
    """
    if is_odd(user):
        raise ValueError(
            f"{user!r} is no name of a user. Hand it over as text, without control characters."
        )
    return user


def checked_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return a thread's metadata, without anything that LangGraph would drop from a checkpoint.

    Args:
        metadata: of a thread.

    Raises:
        ValueError: a key is no text or LangGraph's own, or a value is no text, number or boolean,
            or one that no database keeps.
    """
    if not isinstance(metadata, Mapping):
        raise ValueError(f"The metadata {metadata!r} is no dict. Use {{'locale': 'ko'}}.")
    for key, value in metadata.items():
        if not isinstance(key, str) or is_odd(key):
            raise ValueError(
                f"The metadata key {key!r} is no name. Use text without control characters."
            )
        if key in RESERVED or key.startswith(("__", "langgraph_")):
            raise ValueError(f"The metadata key {key!r} is LangGraph's own. Choose another one.")
        if isinstance(value, str) and is_odd(value):
            raise ValueError(
                f"The metadata {key!r} is {value!r}, with a NUL or half of an emoji, which no "
                "database keeps. storable(text) replaces them."
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(
                f"The metadata {key!r} is {value}, which JSON does not know. Leave it out."
            )
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError(
                f"The metadata {key!r} is a number of {value.bit_length()} bits, and SQLite keeps "
                "64. Write it as text."
            )
        if not isinstance(value, (str, int, float, bool)):
            raise ValueError(
                f"The metadata {key!r} is a {type(value).__name__}. Checkpoints keep text, numbers "
                "and booleans only; put the rest into the state."
            )
    return dict(metadata)
