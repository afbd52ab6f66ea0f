"""A small chat panel for any LangGraph graph whose state has `messages`.

The browser gets text, never HTML: `transcript.js` puts every word into a text node. Tokens go
over as deltas, collected for 50 ms, so that a long answer costs the browser little.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anywidget
import traitlets
from langchain_core.messages import AIMessage, BaseMessage

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore

HERE = Path(__file__).parent
BATCH_SECONDS = 0.05
LONGEST = 20_000
"""Longest message the panel takes, in characters."""


class Transcript(anywidget.AnyWidget):
    """The view: what was said, and a box to write in."""

    _esm = HERE / "transcript.js"
    _css = HERE / "transcript.css"

    entries = traitlets.List().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)

    def __repr__(self) -> str:
        return "A chat panel: run this notebook in JupyterLab to write into it."


class ChatPanel:
    """A chat with a graph, inside the notebook.

    Args:
        graph: a compiled graph with `messages` in its state and a checkpointer.
        user: whose conversation this is; goes into every run's metadata.
        store: where the id of this user's current thread is kept, so that a later panel on the
            same store opens the same conversation; None to begin a new one each time.

    Raises:
        ValueError: the graph has no checkpointer, so it could not remember the conversation.
    """

    def __init__(
        self, graph: CompiledStateGraph, *, user: str = "me", store: BaseStore | None = None
    ) -> None:
        if not graph.checkpointer:
            raise ValueError(
                "This graph has no checkpointer, so it would forget every message. Compile it "
                "with one, for example build_namu(checkpointer=InMemorySaver())."
            )
        self.graph = graph
        self.user = user
        self.store = store
        self.widget = Transcript(title=graph.name or "chat")
        self.widget.on_msg(self._on_message)
        self._waiting: list[str] = []
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.thread_id = self._remembered() or self._new_thread()
        self._load()

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of every run: which thread, whose."""
        return {"configurable": {"thread_id": self.thread_id}, "metadata": {"user": self.user}}

    def show(self) -> None:
        """Show the panel below the cell."""
        from IPython.display import display

        self._loop = asyncio.get_event_loop()
        display(self.widget)

    async def send(self, text: str) -> None:
        """Send a message and stream the answer into the panel.

        Args:
            text: what the person says. An empty text is sent too: what to make of it is the
                graph's business.
        """
        if len(text) > LONGEST:
            self._tell(
                f"That message has {len(text):,} characters; the panel takes {LONGEST:,}. "
                "Nothing was sent: shorten it and send it again."
            )
            return
        self._add("you", text)
        self.widget.status = "thinking"
        answer = _Answer(self)
        try:
            stream = self.graph.astream(
                {"messages": [{"role": "user", "content": text}]},
                self.config,
                stream_mode=["messages", "updates"],
            )
            async for mode, part in stream:
                if mode == "messages":
                    answer.take(part[0])
                else:
                    answer.ran(part)
        except Exception as error:  # noqa: BLE001 - a graph may raise anything; the person is told
            self._tell(
                f"The graph stopped with {type(error).__name__}: {error}\n"
                "What was said before is kept. Send the message again, or go on with another."
            )
        finally:
            answer.close()
            self.widget.status = ""

    def new_conversation(self) -> None:
        """Begin a new thread; the old one stays in the checkpointer."""
        self.thread_id = self._new_thread()
        self._load()

    def _on_message(self, widget: Any, content: dict[str, Any], buffers: Any) -> None:
        """Take what the browser sends; it may arrive on another thread than the loop's."""
        loop = self._loop or asyncio.get_event_loop()
        match content:
            case {"kind": "send", "text": str(text)}:
                loop.call_soon_threadsafe(self._queue, text)
            case {"kind": "new"}:
                loop.call_soon_threadsafe(self._restart)

    def _queue(self, text: str) -> None:
        self._waiting.append(text)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())
        else:
            self.widget.status = f"thinking; {len(self._waiting)} more waiting"

    async def _work(self) -> None:
        while self._waiting:
            await self.send(self._waiting.pop(0))

    def _restart(self) -> None:
        if self._task is not None and not self._task.done():
            self.widget.status = "one moment: the answer is still being written"
            return
        self.new_conversation()

    def _remembered(self) -> str | None:
        item = self.store.get(("panel", self.user), "thread") if self.store else None
        return item.value["thread_id"] if item else None

    def _new_thread(self) -> str:
        thread_id = str(uuid4())
        if self.store:
            self.store.put(("panel", self.user), "thread", {"thread_id": thread_id})
        return thread_id

    def _load(self) -> None:
        messages = self.graph.get_state(self.config).values.get("messages", [])
        shown = [m for m in messages if m.type in ("human", "ai") and str(m.text)]
        self.widget.entries = [
            _entry("you" if m.type == "human" else "namu", str(m.text)) for m in shown
        ]

    def _add(self, who: str, text: str, note: str = "") -> None:
        self.widget.entries = [*self.widget.entries, _entry(who, text, note)]

    def _tell(self, text: str) -> None:
        self._add("problem", text)


class _Answer:
    """One turn's answer on its way to the browser: deltas while it comes, the whole at the end."""

    def __init__(self, panel: ChatPanel) -> None:
        self.panel = panel
        self.texts: dict[str, str] = {}
        self.nodes: list[str] = []
        self.unsent = ""
        self.timer: asyncio.TimerHandle | None = None

    def take(self, message: BaseMessage) -> None:
        if not isinstance(message, AIMessage) or not str(message.text):
            return
        key = message.id or ""
        if self.texts and key not in self.texts:
            self.unsent += "\n\n"
        self.texts[key] = self.texts.get(key, "") + str(message.text)
        self.unsent += str(message.text)
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(BATCH_SECONDS, self.flush)

    def ran(self, update: dict[str, Any]) -> None:
        self.nodes += [node for node in update if not node.startswith("__")]
        self.panel.widget.status = "thinking: " + " > ".join(self.nodes)

    def flush(self) -> None:
        self.timer = None
        if self.unsent:
            self.panel.widget.send({"kind": "delta", "text": self.unsent})
            self.unsent = ""

    def close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.flush()
        if self.texts:
            text = "\n\n".join(self.texts.values())
            self.panel._add("namu", text, " > ".join(self.nodes))


def _entry(who: str, text: str, note: str = "") -> dict[str, str]:
    return {"who": who, "text": text, "note": note}
