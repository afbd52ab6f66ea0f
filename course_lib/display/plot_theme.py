"""Plots in JupyterLab's dark theme: light on dark, instead of a white card.

`course_lib` sets this up when a notebook imports it. A plot is stored as it always was, as a
picture on white, so that it reads the same on GitHub. Only what the browser does with it changes:
the colours are inverted where the theme is dark, and shown as stored where it is light.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

STYLE = """
[data-jp-theme-light="false"] .jp-RenderedImage img[src^="data:image/png"] {
  filter: invert(0.933) hue-rotate(180deg);
}
"""
"""White becomes the dark theme's own #111, black becomes a soft white, and hues stay."""


def follow_theme(shell: Any) -> bool:
    """Let the plots of a notebook follow the theme, and return whether they do now.

    Args:
        shell: IPython's; nothing is changed unless it belongs to a notebook's kernel.
    """
    if not hasattr(shell, "kernel"):
        return False
    html = shell.display_formatter.formatters["text/html"]
    # What stands there for Figure itself, matplotlib takes out as it sets up its own formats.
    html.for_type_by_name("matplotlib.figure", "FigureBase", _with_style)
    return True


def follow_theme_here() -> bool:
    """Do the same for the notebook that this process is the kernel of, if it is one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return follow_theme(shell)


def _with_style(figure: object) -> None:
    """Send the style to the page when the first plot is shown; a plot has no HTML form itself."""
    _style_sheet()


@lru_cache(maxsize=1)
def _style_sheet() -> object:
    """A widget that nobody displays: its style sheet holds for the page as soon as it is made."""
    import anywidget

    class StyleSheet(anywidget.AnyWidget):
        """Rules for everything on the page, without anything to see."""

        _esm = "export default {}"
        _css = STYLE

    return StyleSheet()
