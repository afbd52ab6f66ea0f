"""Tables of what the web services of chapters 13 and 14 show, side by side."""

from __future__ import annotations

from timing import Row, numbers_of

SERVICES = {"fastapi": "FastAPI (chapter 13)", "django": "Django (chapter 14)"}
MEASURED = {"event": "its event at a program", "page": "its letters in the page"}


def bench_pages() -> list[Row]:
    """From the model's token to the pages of chapters 13 and 14."""
    numbers = numbers_of("pages.py")
    rows: list[Row] = []
    for measured, what in MEASURED.items():
        for name, service in SERVICES.items():
            found = numbers.get(measured, {}).get(name)
            shown = f"{found[0]:.0f} ms (longest {found[1]:.0f})" if found else "no browser"
            first = f"{service}: from the model's first token to {what}"
            rows.append({"what": first, "value": shown, "bar": "50 ms"})
    return rows
