"""Spans of small traces, with what each took itself, for exercise 5 of chapter 18."""

from __future__ import annotations

from course_lib.operations import Span


def _spans(*rows: tuple[str, str, str | None, float, float]) -> list[Span]:
    """Spans of one trace, of rows of name, id, id of the parent, begin and end in seconds."""
    return [
        Span(name, "t", span_id, parent, round(start * 1e9), round(end * 1e9))
        for name, span_id, parent, start, end in rows
    ]


SPAN_CASES: tuple[tuple[str, list[Span], dict[str, float], str], ...] = (
    (
        "a span has no child",
        _spans(("turn", "1", None, 10, 12.5)),
        {"turn": 2.5},
        "start_ns and end_ns are in nanoseconds: 1,000,000,000 of them are a second.",
    ),
    (
        "two children follow each other, and two spans have the same name",
        _spans(
            ("model call", "3", "1", 5, 8),
            ("turn", "1", None, 0, 10),
            ("model call", "2", "1", 1, 3),
        ),
        {"turn": 5.0, "model call": 5.0},
        "Subtract the time of the children, and add up the spans of one name.",
    ),
    (
        "children run at the same time",
        _spans(
            ("turn", "1", None, 0, 10),
            ("search", "2", "1", 1, 6),
            ("read", "3", "1", 4, 8),
            ("guess", "4", "1", 2, 3),
        ),
        {"turn": 3.0, "search": 5.0, "read": 4.0, "guess": 1.0},
        "Time in which two children run counts once.",
    ),
    (
        "a child has a child",
        _spans(
            ("turn", "1", None, 0, 8),
            ("node", "2", "1", 1, 6),
            ("model call", "3", "2", 2, 6),
        ),
        {"turn": 3.0, "node": 1.0, "model call": 4.0},
        "Only the children of a span count, and not the children of its children.",
    ),
    (
        "a span is filled by its child",
        _spans(("graph", "2", "1", 0, 4), ("turn", "1", None, 0, 4)),
        {"turn": 0.0, "graph": 4.0},
        "A span that took no time itself has 0 seconds.",
    ),
    (
        "children begin before their parent, or end after it",
        _spans(
            ("turn", "1", None, 10, 20),
            ("log", "2", "1", 8, 11),
            ("trace", "3", "1", 18, 25),
            ("mail", "4", "1", 30, 32),
        ),
        {"turn": 7.0, "log": 3.0, "trace": 7.0, "mail": 2.0},
        "Of a child, only the time within its parent is subtracted from the parent.",
    ),
    (
        "the child of a child ends after both",
        _spans(
            ("turn", "1", None, 0, 10),
            ("node", "2", "1", 2, 4),
            ("write", "3", "2", 3, 9),
        ),
        {"turn": 8.0, "node": 1.0, "write": 6.0},
        "Only the children of a span count, and not the children of its children.",
    ),
    (
        "the parent of a span is not in the list",
        _spans(("node", "2", "elsewhere", 0, 3), ("model call", "3", "2", 1, 2)),
        {"node": 2.0, "model call": 1.0},
        "A span whose parent is missing counts as any other.",
    ),
    ("there are no spans", [], {}, "Without spans the dictionary is empty."),
)
"""What is special, the spans, the seconds by name, and where to look."""
