"""The five cases of exercise 4 of chapter 10, each run on a real store with vectors."""

from __future__ import annotations

from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore


def _vector_store() -> BaseStore:
    """A store whose vectors count the letters t (tea) and c (coffee) of a text."""

    def embed(texts: list[str]) -> list[list[float]]:
        return [[float("tea" in t), float("coffee" in t), 0.1] for t in texts]

    return InMemoryStore(index={"embed": embed, "dims": 3, "fields": ["text"]})


def what_is_found(case: str) -> str:
    """Do what a case of exercise 4 says, and return the key that is found first, or `nothing`.

    Args:
        case: one of `CASES`.
    """
    store = _vector_store()
    page = ("notes", "ann")
    store.put(page, "tea", {"text": "I like tea"})
    store.put(page, "coffee", {"text": "I like coffee"})
    query, search = "tea", page
    match case:
        case "put again with index=False":
            store.put(page, "tea", {"text": "I like milk"}, index=False)
        case "put again":
            store.put(page, "tea", {"text": "I like milk"})
            store.put(page, "coffee", {"text": "I like coffee and tea"})
        case "deleted":
            store.delete(page, "tea")
        case "the namespace above":
            search = ("notes",)
        case "the namespace of anna":
            search = ("notes", "anna")
    found = store.search(search, query=query, limit=1)
    return found[0].key if found else "nothing"


CASES = {
    "put again with index=False": "With index=False the old vector stays, so the search "
    "still finds the entry.",
    "put again": "put embeds the new value. The coffee entry speaks of tea now.",
    "deleted": "The vector goes with the entry. A search has no lower limit, so the nearest "
    "of what is left comes first.",
    "the namespace above": "A search also finds what lies below a namespace.",
    "the namespace of anna": "Labels are compared whole: ann is not the beginning of anna.",
}
"""The cases of exercise 4, and why each is so."""
