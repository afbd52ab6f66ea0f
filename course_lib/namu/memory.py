"""What Namu remembers of a person, in every conversation with them.

    remember(store, "ann", "home", {"district": "Mapo-gu"})
    recall(store, "ann")            {"home": {"district": "Mapo-gu"}}
    forget(store, "ann", "home")

The entries lie in a LangGraph store, under the namespace `("memories", the person)`. `MemoryWish`
is what the node `remember` of `build_namu(memory=True)` asks of the model about a message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from course_lib.persistence import VectorIndexError, namespace_label, person_key
from course_lib.places import District

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

MEMORIES = "memories"
"""First label of the namespace; the second is the person's."""

HOME, LANGUAGE, NEVER = "home", "language", "never "
"""Keys of the entries; behind `NEVER` is the id of a place."""

MAX_BYTES = 8_000
"""The largest entry, in bytes of JSON: a memory is a fact, not the text it came from."""

MAX_ENTRIES = 1_000
"""How many entries of one person are read."""

FORGETTABLE = {"home": HOME, "language": LANGUAGE, "never_again": NEVER}
"""What a person may ask to be forgotten, and how its keys begin."""


class MemoryWish(BaseModel):
    """What the person's last message asks you to keep for later conversations, or to forget.

    Leave out everything that the message does not say.
    """

    home_district: District | None = Field(
        None, description="The district where the person says that they live now."
    )
    never_again: list[int] = Field(
        [],
        max_length=10,
        description="Numbers of the places on the table that the person never wants to see again. "
        "Only if they say so for good, not for a place they turn down now.",
    )
    answer_in: Literal["ko", "en"] | None = Field(
        None, description="The language that the person asks you to answer in from now on."
    )
    forget: list[Literal["home", "language", "never_again", "last", "everything"]] = Field(
        [],
        max_length=5,
        description="What the person asks you to forget; `last` is what was noted last.",
    )


def remember(store: BaseStore, user: str, key: str, value: Mapping[str, Any]) -> None:
    """Keep something of a person; what was under this key is replaced.

    Args:
        store: where.
        user: the person, as the login knows them. Never take it from the request.
        key: a name for it, such as `home`.
        value: what to keep. In a store with an index, the text in its indexed fields can be
            searched.

    Raises:
        ValueError: it is larger than `MAX_BYTES`; nothing was written.
    """
    size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise ValueError(
            f"The memory {key!r} has {size:,} bytes, and {MAX_BYTES:,} is the most. Keep the fact "
            "and not the text it came from; a long text belongs into a document store. What was "
            "remembered before is unchanged."
        )
    store.put(page_of(user), key, dict(value))


def recall(
    store: BaseStore, user: str, question: str | None = None, *, limit: int = MAX_ENTRIES
) -> dict[str, dict[str, Any]]:
    """Return what is known of a person, by key.

    Args:
        store: where.
        user: the person, as the login knows them.
        question: what it should be about; the entries nearest in meaning come first. None for
            all, the oldest first.
        limit: how many entries.

    Raises:
        VectorIndexError: there is a question, and the store has no index to search by meaning.
    """
    if question is not None and not getattr(store, "index_config", None):
        raise VectorIndexError(
            f"This {type(store).__name__} has no index, so it ignores a question. Open it with "
            "open_store(url, index={'embed': embeddings(), 'fields': ['text']})."
        )
    page = page_of(user)
    found = [
        item
        for item in store.search(page, query=question, limit=limit)
        if item.namespace == page  # a search also finds what lies below a namespace
    ]
    if question is None:
        found.sort(key=lambda item: (item.updated_at, item.key))
    return {item.key: item.value for item in found}


def forget(store: BaseStore, user: str, key: str) -> dict[str, Any] | None:
    """Delete what is kept of a person under a key.

    Args:
        store: where.
        user: the person, as the login knows them.
        key: as for `remember`.

    Returns:
        What was forgotten, None if nothing was known under this key.
    """
    item = store.get(page_of(user), key)
    if item is None:
        return None
    store.delete(page_of(user), key)
    return item.value


def page_of(user: str) -> tuple[str, str]:
    """Return the namespace of a person's memories.

    Args:
        user: any name; two people never share a namespace.
    """
    return (MEMORIES, namespace_label(user))


def user_of(context: Any, config: Mapping[str, Any]) -> str:
    """Return who talks in a run: the `user` of its context, else of its metadata, else `me`.

    Where the same place names a `tenant`, the name is that of `person_key`: two tenants may both
    have an Ann, and neither reads what is kept of the other.

    Args:
        context: of the run; an object or a mapping.
        config: of the run.
    """
    for told in (context, config.get("metadata")):
        if user := _told(told, "user"):
            return person_key(str(user), str(_told(told, "tenant") or ""))
    return "me"


def _told(told: Any, name: str) -> Any:
    return told.get(name) if isinstance(told, Mapping) else getattr(told, name, None)


def never_again(known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the ids of the places that a person turned down for good.

    Args:
        known: as from `recall`.
    """
    return [str(value["place_id"]) for key, value in known.items() if key.startswith(NEVER)]


def facts(known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return entries as a model reads them, by the field names of `MemoryWish`.

    Args:
        known: as from `recall`.
    """
    told: dict[str, Any] = {}
    if HOME in known:
        told["home_district"] = known[HOME].get("district")
    if LANGUAGE in known:
        told |= known[LANGUAGE]
    names = [value.get("place") for key, value in known.items() if key.startswith(NEVER)]
    return told | ({"never_again": names} if names else {})


def apply_wish(
    store: BaseStore,
    user: str,
    wish: MemoryWish | None,
    table: Sequence[Mapping[str, Any]],
    language: str | None,
    noted_last: str | None = None,
) -> dict[str, Any]:
    """Keep and forget what a message asks for, and read what is known afterwards.

    Args:
        store: where.
        user: the person.
        wish: what the message asks for; None for nothing.
        table: the places that were recommended last.
        language: `ko` or `en`, the language of the message; None if it has no letters. It is kept
            for later messages without letters, unless the person asked for one.
        noted_last: the key that this thread noted last; "forget that" means it. The time in the
            store does not tell it, because SQLite keeps whole seconds.

    Returns:
        `known` as from `recall`, `memory_change` with `kept`, `forgotten` and `not_known` of this
        message, and `noted_last` for the next one.
    """
    wish = wish or MemoryWish()
    known = recall(store, user)
    new: dict[str, dict[str, Any]] = {}
    if wish.home_district:
        new[HOME] = {"district": wish.home_district}
    if wish.answer_in:
        new[LANGUAGE] = {"answer_in": wish.answer_in}
    for number in wish.never_again:
        if 0 < number <= len(table):
            place = table[number - 1]
            name = place[f"name_{language or 'en'}"]
            new[NEVER + place["id"]] = {"place_id": place["id"], "place": name}
    gone = {key: known[key] for key in _keys(known, wish.forget, noted_last)}
    for key in gone:
        forget(store, user, key)
    written = {**known.get(LANGUAGE, {}), **new.get(LANGUAGE, {})}
    quiet = {LANGUAGE: {"writes": language}} if language and "answer_in" not in written else {}
    if LANGUAGE in gone or quiet.get(LANGUAGE) == written:
        quiet = {}
    for key, value in {**quiet, **new}.items():
        remember(store, user, key, value)
    said = [value for value in gone.values() if "writes" not in value]
    return {
        "known": recall(store, user) if gone or new or quiet else known,
        "memory_change": {
            "kept": [facts({key: value}) for key, value in new.items()],
            "forgotten": [facts({k: v}) for k, v in gone.items() if v in said],
            "not_known": bool(wish.forget) and not said,
        },
        "noted_last": next(reversed(new), noted_last),
    }


def _keys(
    known: Mapping[str, Mapping[str, Any]], asked: Sequence[str], noted_last: str | None
) -> list[str]:
    """The keys that a wish to forget means; `known` has the oldest first."""
    if "everything" in asked:
        return list(known)
    named = {key: value for key, value in known.items() if "writes" not in value}
    begins = tuple(FORGETTABLE[what] for what in asked if what in FORGETTABLE)
    newest = [noted_last] if noted_last in named else list(named)[-1:]
    last = newest if "last" in asked else []
    return [key for key in named if key in last or (begins and key.startswith(begins))]
