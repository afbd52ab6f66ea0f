"""A state as a table, and what changed in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from course_lib.display.output import DisplayOutput, display_output
from course_lib.display.tables import MARK, table
from course_lib.display.values import RAISED, as_fields, is_message, summary_line
from course_lib.persistence import is_equal


def show_state(state: Any, *, before: Any = None, fields: Sequence[str] | None = None) -> None:
    """Show a state as a table, one field a row; messages take one row each.

    Args:
        state: a dict, a dataclass, a Pydantic model, or a `StateSnapshot`.
        before: an earlier state; what differs from it is marked with `*`.
        fields: which fields to show, in this order; all when left out.
    """
    display_output(state_table(state, before=before, fields=fields))


def state_table(
    state: Any, *, before: Any = None, fields: Sequence[str] | None = None
) -> DisplayOutput:
    """Return what `show_state` shows; the arguments are the same."""
    return table(state_rows(state, before=before, fields=fields), ["field", "value"])


def state_rows(
    state: Any, *, before: Any = None, fields: Sequence[str] | None = None
) -> list[list[str]]:
    """Return the rows of `show_state`: a field and its value; the arguments are the same."""
    now, then = as_fields(state), as_fields(before) if before is not None else None
    rows: list[list[str]] = []
    for name in fields or now:
        value = now.get(name)
        if _is_messages(value):
            old = _identities(then.get(name)) if then is not None else None
            for n, message in enumerate(value):
                mark = MARK if old is not None and _identity(message) not in old else ""
                rows.append([name if n == 0 else "", summary_line(message) + mark])
        else:
            changed = then is not None and not (name in then and is_equal(then[name], value))
            changed = changed and not (value is None and then is not None and name not in then)
            rows.append([name, summary_line(value) + (MARK if changed else "")])
    return rows


def _is_messages(value: Any) -> bool:
    try:
        return isinstance(value, list) and len(value) > 0 and all(map(is_message, value))
    except RAISED:  # a list of another class may raise anything
        return False


def _identities(value: Any) -> set[tuple[str, ...]]:
    return {_identity(message) for message in value} if _is_messages(value) else set()


def _identity(message: Any) -> tuple[str, ...]:
    """What makes a message the one it was: an edited one is another."""
    return str(message.id), message.type, str(message.content), summary_line(message)
