"""What a LangGraph server does with a rule for threads, without a server: exercise 2 of chapter 12.

The server hands the rule who is asking and what is asked for. The rule may change the metadata in
place. What it returns says what is found: a dictionary is a filter, False refuses, and everything
else allows. `tests/test_langgraph_server.py` compares this with the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from course_lib.exercises.running import as_sync

CREATED = "the thread is created"
NOT_FOUND = "404"
REFUSED = "403"


@dataclass
class RuledThreads:
    """Threads behind a rule.

    Args:
        rule: takes `ctx` and `value`, as a function under `@auth.on.threads`.
    """

    rule: Callable[..., Any]
    _threads: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def create(self, user: str, thread_id: str, metadata: Mapping[str, Any] | None = None) -> str:
        """Create a thread as a user; return what the server answers."""
        given = dict(metadata or {})
        value = {"thread_id": thread_id, "metadata": given, "if_exists": "raise"}
        if self._asked("create", user, value) is False:
            return REFUSED
        self._threads[thread_id] = given  # the server keeps its own dictionary, not value's
        return CREATED

    def get(self, user: str, thread_id: str) -> str:
        """Read a thread as a user; return the status of the answer."""
        return self._found("read", user, thread_id)

    def delete(self, user: str, thread_id: str) -> str:
        """Delete a thread as a user; return the status of the answer."""
        answer = self._found("delete", user, thread_id)
        if answer == "200":
            del self._threads[thread_id]
        return answer

    def search(self, user: str) -> list[str]:
        """Return the ids of the threads that a user finds, sorted."""
        value: dict[str, Any] = {"metadata": {}, "values": {}, "limit": 10, "offset": 0}
        wanted = value["metadata"]
        found = self._asked("search", user, value)
        if found is False:
            return []
        both = [wanted, found if isinstance(found, Mapping) else {}]
        threads = self._threads.items()
        return sorted(name for name, held in threads if all(_matches(held, each) for each in both))

    def _found(self, action: str, user: str, thread_id: str) -> str:
        found = self._asked(action, user, {"thread_id": thread_id})
        if found is False:
            return REFUSED
        held = self._threads.get(thread_id)
        if held is None or (isinstance(found, Mapping) and not _matches(held, found)):
            return NOT_FOUND
        return "200"

    def _asked(self, action: str, user: str, value: dict[str, Any]) -> Any:
        person = SimpleNamespace(identity=user, is_authenticated=True, display_name=user)
        context = SimpleNamespace(
            user=person,
            permissions=[],
            resource="threads",
            action=action,
            path="/threads",
        )
        return as_sync(self.rule)(context, value)


def _matches(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether metadata fits a filter of the server: equal values, `$eq` and `$contains`."""
    for name, value in wanted.items():
        if isinstance(value, Mapping) and "$eq" in value:
            value = value["$eq"]
        if isinstance(value, Mapping) and "$contains" in value:
            if value["$contains"] not in (held.get(name) or []):
                return False
        elif held.get(name) != value:
            return False
    return True
