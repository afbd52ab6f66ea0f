"""What stands beside the chat: the graph, the checkpoint tree, the state, the memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from course_lib.chat.events import Event, Loaded, RunEnded
from course_lib.chat.graph_view import GraphView
from course_lib.display import summary_line
from course_lib.display.tables import state_table, table
from course_lib.display.tree_view import TreeView
from course_lib.persistence import Checkpoint, CheckpointTree, namespace_label

if TYPE_CHECKING:
    from course_lib.chat.controller import ChatController

MAX_NOTES = 50
"""How many entries of one namespace are shown."""


class Inspector(widgets.VBox):
    """One of several views of a chat's thread, in step with the chat.

    Args:
        controller: of the chat.
        user: whose memory may be shown.
        spawn: runs a job on the event loop.
    """

    def __init__(
        self,
        controller: ChatController,
        user: str,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self.controller = controller
        self.user = user
        self._spawn = spawn
        self._now = Loaded("", None, {})
        self.graph = GraphView(controller.graph)
        self.tree = TreeView(CheckpointTree([]), choose=self._choose)
        self.state, self.memory = widgets.HTML(), widgets.HTML()
        for text in (self.state, self.memory):
            text.add_class("namu-side")
        self._views = {"Graph": self.graph, "Tree": self.tree, "State": self.state}
        if controller.graph.store is not None:
            self._views["Memory"] = self.memory
        flat = widgets.Layout(width="auto", min_width="0")
        self.view_selector = widgets.ToggleButtons(options=[*self._views, "Hide"], layout=flat)
        self.view_selector.style.button_width = "auto"
        self.view_selector.observe(self._turn_to, names="value")
        super().__init__([self.view_selector, self.graph], layout=flat)

    def take(self, event: Event) -> None:
        """Follow an event of the chat."""
        self.graph.take(event)
        match event:
            case RunEnded(now=now) | (Loaded() as now):
                self._now = now
                self._refresh()

    def _turn_to(self, change: Mapping[str, Any]) -> None:
        view = self._views.get(change["new"])
        self.children = [self.view_selector] if view is None else [self.view_selector, view]
        self._refresh()

    def _refresh(self) -> None:
        """Read what is on view and not read for every event, because it costs something."""
        if self.view_selector.value == "State":
            self.state.value = state_table(self._now.values).source
        elif self.view_selector.value == "Tree":
            self._spawn(self._read_tree())
        elif self.view_selector.value == "Memory":
            self._spawn(self._read_memory())

    async def _read_tree(self) -> None:
        at = self.controller.config["configurable"].get("checkpoint_id")
        self.tree.show(await self.controller.tree(), at)

    async def _read_memory(self) -> None:
        """Show what the graph's store keeps under this user's name, and nobody else's."""
        store, own = self.controller.graph.store, namespace_label(self.user)
        pages = await asyncio.to_thread(store.list_namespaces, suffix=(own,))
        rows = [
            [
                "/".join(page[:-1]),
                [f"{name}: {summary_line(value)}" for name, value in item.value.items()],
            ]
            for page in pages
            if len(page) == 2  # (what, whose): a longer one may be another user's
            for item in await asyncio.to_thread(store.search, page, limit=MAX_NOTES)
        ]
        self.memory.value = table(rows, ["kept under", "what"]).source

    def _choose(self, checkpoint: Checkpoint) -> None:
        self._spawn(self.controller.go_to(checkpoint.id))
