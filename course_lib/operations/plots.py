"""Two pictures: a waterfall of one turn's spans, and a dashboard of the service's numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from course_lib.operations.samples import Scrape, quantile, rate
from course_lib.operations.spans import Span, depth_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("node", "model", "tool", "lock", "graph", "turn")
"""The first word of a span's name, by which it is coloured; the others are requests over HTTP."""

OUTCOMES = ("done", "waiting", "stopped", "failed")


def draw_waterfall(spans: Sequence[Span]) -> Figure:
    """Draw the spans of one turn: what began when, how long it took, and what was inside of what.

    Checkpoints are black ticks; what failed has a red edge.

    Args:
        spans: of `spans_of`.

    Raises:
        ValueError: there are none.
    """
    from matplotlib import pyplot

    if not spans:
        raise ValueError("There are no spans. A worker writes its spans every second: read again.")
    rows = _nested(spans)
    begin = min(span.start_ns for span in rows)
    figure, axes = pyplot.subplots(figsize=(9, 0.8 + 0.3 * len(rows)), layout="constrained")
    for place, span in enumerate(rows):
        start, width = (span.start_ns - begin) / 1e6, span.seconds * 1000
        word = span.name.split()[0]
        colour = f"C{KINDS.index(word)}" if word in KINDS else "C7"
        edge = {} if span.ok else {"edgecolor": "red", "linewidth": 1.5}
        axes.barh(place, max(width, 0.2), left=start, height=0.7, color=colour, **edge)
        axes.text(start + width, place, f" {width:.0f}", va="center", fontsize=8)
        times = [(each.time_ns - begin) / 1e6 for each in span.events if each.name == "checkpoint"]
        axes.vlines(times, place - 0.35, place + 0.35, color="black", linewidth=1.5)
    names = [f"{'   ' * depth_of(span, rows)}{span.name}" for span in rows]
    axes.set_yticks(range(len(rows)), names, ha="left", family="monospace", fontsize=8)
    axes.tick_params(axis="y", length=0, pad=6.2 * max(map(len, names)) * 0.8)
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.set_xlabel("milliseconds since the request began")
    return figure


def draw_dashboard(scrapes: Sequence[Scrape], window: int = 5) -> Figure:
    """Draw four plots: turns by outcome, seconds to the first token, running turns, lock waits.

    Args:
        scrapes: of one service, in the order of time; at least two.
        window: over how many scrapes rates and quantiles are taken.

    Raises:
        ValueError: fewer than two scrapes.
    """
    from matplotlib import pyplot

    if len(scrapes) < 2:
        raise ValueError(f"A rate needs two scrapes, and there are {len(scrapes)}. Scrape again.")
    figure, plots = pyplot.subplots(2, 2, figsize=(9, 5), layout="constrained", sharex=True)
    times = [each.time - scrapes[0].time for each in scrapes[1:]]
    parts = [scrapes[max(0, end - window) : end + 1] for end in range(1, len(scrapes))]

    def draw(axes: Axes, title: str, **lines: Callable[[Sequence[Scrape]], float | None]) -> None:
        for label, value in lines.items():
            found = [value(part) for part in parts]
            axes.plot(
                times, [float("nan") if each is None else each for each in found], label=label
            )
        axes.set_title(title, fontsize=10)
        axes.set_ylim(bottom=0)
        if len(lines) > 1:
            axes.legend(fontsize=8)

    def outcome(name: str) -> Callable[[Sequence[Scrape]], float]:
        return lambda part: rate(part, "chat_turns_total", outcome=name)

    def share(metric: str, wanted: float) -> Callable[[Sequence[Scrape]], float | None]:
        return lambda part: quantile(part, metric, wanted)

    first, lock = "chat_first_token_seconds", "chat_lock_wait_seconds"
    draw(plots[0, 0], "turns per second", **{name: outcome(name) for name in OUTCOMES})
    draw(plots[0, 1], "seconds to the first token", p50=share(first, 0.5), p95=share(first, 0.95))
    draw(plots[1, 0], "turns that run", running=lambda part: part[-1].total("chat_turns_running"))
    draw(
        plots[1, 1], "seconds of waiting for a thread", p50=share(lock, 0.5), p95=share(lock, 0.95)
    )
    for axes in plots[1]:
        axes.set_xlabel("seconds")
    return figure


def _nested(spans: Sequence[Span]) -> list[Span]:
    """Each span behind the one it is inside of, those of one parent in the order of their begin."""
    ids = {span.span_id for span in spans}
    inside: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda each: each.start_ns):
        parent = span.parent_id if span.parent_id in ids else None
        inside.setdefault(parent, []).append(span)
    rows: list[Span] = []
    left = inside.get(None, [])[::-1]
    while left:
        rows.append(left.pop())
        left += inside.get(rows[-1].span_id, [])[::-1]
    return rows
