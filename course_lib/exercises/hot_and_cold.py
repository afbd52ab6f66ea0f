"""Two places for one value, and a process that is killed between two steps.

Exercise 5 of chapter 11 writes into both.
"""

from __future__ import annotations

from typing import Any


class Killed(BaseException):
    """Ends a process between two steps."""


class Process:
    """Counts the steps of a process, and kills it before one of them.

    Args:
        last: the number of the step before which it is killed, from 1; None for never.
    """

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.steps = 0

    def step(self) -> None:
        """Count a step, or be killed."""
        self.steps += 1
        if self.steps == self.last:
            raise Killed


class Storage:
    """A place for values, by key: a stand-in for Redis or PostgreSQL, with three methods.

    Args:
        values: what it holds.
        process: is told about each write.
    """

    def __init__(self, values: dict[str, Any], process: Process | None = None) -> None:
        self.values = values
        self.process = process or Process()

    def get(self, key: str) -> Any:
        """Return the value of a key, or None."""
        return self.values.get(key)

    def put(self, key: str, value: Any) -> None:
        """Store a value."""
        self.process.step()
        self.values[key] = value

    def delete(self, key: str) -> None:
        """Remove a value; harmless if there is none."""
        self.process.step()
        self.values.pop(key, None)


def read(hot: Storage, cold: Storage, key: str) -> Any:
    """Return a value from the fast place, or else from the safe one, and keep it in the fast one.

    Args:
        hot: fast and small.
        cold: slow, and holds everything.
        key: whose value.
    """
    value = hot.get(key)
    if value is None:
        value = cold.get(key)
        hot.put(key, value)
    return value
