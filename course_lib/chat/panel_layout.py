"""How the parts of the panel stand beside each other, and what it says when its kernel is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

FLAT = widgets.Layout(width="auto", min_width="0")


class PanelBox(widgets.Box):
    """The whole panel as one widget."""

    def __repr__(self) -> str:
        return "A chat panel: run this notebook in JupyterLab to write into it."


def panel_box(
    threads: Sequence[widgets.Widget],
    settings: Mapping[str, widgets.Widget],
    chat: widgets.Widget,
    beside: widgets.Widget,
) -> PanelBox:
    """Return the panel: threads, chat, and what is beside it. `layout.css` says how wide each is.

    Args:
        threads: the list, and the button for a new one.
        settings: the choices for a run, by name.
        chat: the transcript.
        beside: the graph, the tree, the state.
    """
    chosen = [widgets.HBox([widgets.Label(name), each]) for name, each in settings.items()]
    parts = {
        "namu-threads": threads,
        "namu-chat": [*([widgets.HBox(chosen)] if chosen else []), chat],
        "namu-beside": [beside],
    }
    boxes = []
    for name, children in parts.items():
        box = widgets.VBox(list(children), layout=widgets.Layout(min_width="0"))
        box.add_class(name)
        boxes.append(box)
    whole = PanelBox(boxes, layout=widgets.Layout(width="100%"))
    whole.add_class("namu-whole")
    return whole


def text_when_lost(saver: Any, store: BaseStore | None) -> str:
    """What the panel says when its kernel is gone, by what outlives a kernel."""
    cut = "The kernel was restarted, so this panel is cut off."
    memory = [type(each).__name__.startswith("InMemory") for each in (saver, store)]
    if memory[0]:
        return (
            f"{cut} Its conversations were kept in memory and are gone. Run the notebook again; "
            "with open_checkpointer('sqlite:///chat.db') they would still be there."
        )
    where = "they are in your list" if store is not None and not memory[1] else "by their thread id"
    return f"{cut} Run the notebook again: the conversations are stored, {where}."
