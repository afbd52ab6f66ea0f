"""JavaScript for widgets: anywidget takes one text, and the course keeps it in several files."""

from __future__ import annotations

from pathlib import Path

SVG = Path(__file__).parent / "svg.js"
"""Makes elements of a drawing; used by the tree and by the graph beside the chat."""


def joined_script(*paths: Path) -> str:
    """Return the text of several files, one after the other.

    Args:
        paths: plain scripts without imports; the last one has the `export default`.
    """
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
