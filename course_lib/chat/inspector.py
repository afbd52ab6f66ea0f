"""Widgets beside the chat: graph, map, tree of turns, state and memory."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from course_lib.chat.cards import CardsOf, read_cards
from course_lib.chat.events import Event, RunEnded, ThreadLoaded
from course_lib.chat.graph_view import GraphView
from course_lib.chat.memory_view import MemoryView
from course_lib.chat.state_before import state_before_turn
from course_lib.chat.state_view import StateView
from course_lib.chat.turn_tree_view import TurnTreeView
from course_lib.display import map_svg
from course_lib.persistence import CheckpointTree

if TYPE_CHECKING:
    from course_lib.chat.controller import ChatController

MAX_CHECKPOINTS = 200
"""From how many of the newest checkpoints the tree of turns is made."""


class Inspector(widgets.VBox):
    """One of several views of a chat's thread, always of the thread that the chat is on.

    Args:
        controller: of the chat.
        user: whose memory may be shown.
        spawn: starts a job on the event loop.
        cards: from a state to the cards of what its last answer speaks of; their points make a map.
    """

    def __init__(
        self,
        controller: ChatController,
        user: str,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        cards: CardsOf | None = None,
    ) -> None:
        self.controller = controller
        self.user = user
        self._spawn = spawn
        self._thread = ThreadLoaded("", None, {})
        self.graph = GraphView(controller.graph)
        self.tree = TurnTreeView(lambda chosen: spawn(self.controller.go_to(chosen)))
        self.state = StateView()
        self.memory = MemoryView(controller.access.store, user, spawn)
        self.state.observe(lambda change: self._refresh(), names="whole")
        self.map, self._cards = widgets.HTML(), cards
        self._views: dict[str, widgets.Widget] = {"Graph": self.graph}
        if cards is not None:
            self._views["Map"] = self.map
        self._views |= {"Tree": self.tree, "State": self.state}
        if controller.access.store is not None:
            self._views["Memory"] = self.memory
        flat = widgets.Layout(width="auto", min_width="0")
        self.view_selector = widgets.ToggleButtons(options=[*self._views, "Hide"], layout=flat)
        self.view_selector.style.button_width = "auto"
        self.view_selector.add_class("namu-views")
        self.view_selector.observe(self._show_view, names="value")
        super().__init__([self.view_selector, self.graph], layout=flat)

    def handle(self, event: Event) -> None:
        """Follow an event of the chat."""
        self.graph.handle(event)
        match event:
            case RunEnded(thread=thread) | (ThreadLoaded() as thread):
                if thread.thread_id != self._thread.thread_id:
                    self.tree.show(CheckpointTree([]))
                self._thread = thread
                self._refresh()

    def _show_view(self, change: Mapping[str, Any]) -> None:
        view = self._views.get(change["new"])
        self.children = [self.view_selector] if view is None else [self.view_selector, view]
        self._refresh()

    def _refresh(self) -> None:
        """Read only what is on view, because reading costs something."""
        match self.view_selector.value:
            case "State":
                self._spawn(self._read_state())
            case "Map":
                found = read_cards(self._cards, self._thread.values)
                self.map.value = map_svg([(c.title, c.point) for c in found if c.point is not None])
            case "Tree":
                self._spawn(self._read_tree())
            case "Memory":
                self._spawn(self.memory.refresh())

    async def _read_state(self) -> None:
        thread, before = self._thread, None
        if not self.state.whole:
            before = await state_before_turn(self.controller.access, thread)
        if thread is self._thread:  # else something has happened meanwhile, and is read too
            self.state.show(thread, before)

    async def _read_tree(self) -> None:
        thread_id = self.controller.thread_id
        tree = await self.controller.tree(MAX_CHECKPOINTS)
        if thread_id == self.controller.thread_id:  # else the chat has turned to another thread
            self.tree.show(tree, self.controller.config["configurable"].get("checkpoint_id"))
