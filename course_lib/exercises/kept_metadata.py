"""What an exercise keeps of the metadata of its solution: what is known to hold no answer.

Everything else is left out, because a person or a tool may have put an answer there.
"""

from __future__ import annotations

from typing import Any

CELL = {
    "collapsed": None,
    "deletable": None,
    "editable": None,
    "hide_input": None,
    "scrolled": None,
    "format": None,
    "raw_mimetype": None,
    "name": None,
    "skip-reason": None,
    "jupyter": ("source_hidden", "outputs_hidden"),
    "slideshow": ("slide_type",),
    "vscode": ("languageId",),
    "nbgrader": (
        *("cell_type", "checksum", "grade", "grade_id", "locked", "points"),
        *("schema_version", "solution", "task"),
    ),
}
"""Parts of a cell's metadata beside its tags, each with the names that are kept inside it."""

NOTEBOOK = (
    *("kernelspec", "language_info", "title", "authors", "celltoolbar", "jupytext", "toc"),
    *("rise", "livereveal"),
)
"""Parts of a notebook's metadata. What running it leaves behind is not among them."""

DROPPED_TAGS = ("solution", "nbval-ignore-output")
"""Tags that say something about the solution or about its outputs."""


def kept_of_cell(metadata: dict[str, Any], tags: list[str]) -> dict[str, Any]:
    """Return what an exercise keeps of a cell's metadata.

    Args:
        metadata: of the cell; not changed.
        tags: of the cell.
    """
    kept: dict[str, Any] = {}
    for name, inner in CELL.items():
        value = metadata.get(name)
        if inner is None and _is_plain(value):
            kept[name] = value
        elif inner is not None and isinstance(value, dict):
            parts = {key: value[key] for key in inner if _is_plain(value.get(key))}
            kept |= {name: parts} if parts else {}
    left = [tag for tag in tags if tag not in DROPPED_TAGS]
    return {**kept, **({"tags": left} if left else {})}


def kept_of_notebook(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what an exercise keeps of a notebook's metadata.

    Args:
        metadata: of the notebook; not changed.
    """
    return {name: metadata[name] for name in NOTEBOOK if name in metadata}


def _is_plain(value: Any) -> bool:
    """Whether a value is a text, a number, true or false; only these are kept."""
    return isinstance(value, str | int | float | bool)
