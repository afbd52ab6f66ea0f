"""Tables of the web services of chapters 13 and 14, side by side, and of their database."""

from __future__ import annotations

from typing import Any

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


def bench_postgres_ceiling() -> list[Row]:
    """Turns a second that PostgreSQL with a synchronous standby takes, and what the limit is."""
    return ceiling_rows(numbers_of("postgres_ceiling.py"))


def ceiling_rows(numbers: dict[str, Any]) -> list[Row]:
    """The table of `postgres_ceiling.py`.

    Args:
        numbers: that it printed.
    """
    turns, rows, cores = numbers["turns"], numbers["rows"], numbers["cores"]
    best, enough = numbers["best"], numbers["enough"]
    ceiling = numbers["steps"][str(best)]
    rounds, seconds = numbers["rounds"]
    tried = ", the most that was tried" if str(best) == [*numbers["steps"]][-1] else ""
    stored = (
        f"{rows['checkpoints'] / turns:.1f} checkpoints, {rows['checkpoint_writes'] / turns:.1f} "
        f"writes, {rows['bytes'] / turns / 1000:.1f} kB"
    )
    found = [(f"a turn of Namu, mean of a conversation of {turns}", stored)]
    for count, step in numbers["steps"].items():
        used = ", ".join(f"{name} {share:.2f}" for name, share in step["cores"].items())
        often = ", ".join(f"{name} {share:.0%}" for name, share in [*step["waits"].items()][:3])
        found.append(
            (
                f"{count} at once ({rounds} rounds of {seconds:.0f} s)",
                f"{step['per second']:.0f} turns/s, p95 {step['p95'] * 1000:.0f} ms; processors "
                f"of {cores}: {used}; connections: {often}",
            )
        )
    commits = ", ".join(f"{name} {each:.0f}" for name, each in numbers["commits"].items())
    used = ", ".join(f"{name} {each * 1000:.1f}" for name, each in ceiling["of a turn"].items())
    found += [
        ("the ceiling, the clients on the same machine", f"{ceiling['per second']:.0f} turns/s"),
        ("reached with", f"{best} at once{tried}"),
        ("grows by less than a tenth", f"from {enough} at once on"),
        ("what the limit is", numbers["limit"]),
        (f"turns/s by `synchronous_commit`, {best} at once", commits),
        ("processor time of a turn there, in ms", used),
    ]
    return [{"what": what, "value": value, "bar": ""} for what, value in found]
