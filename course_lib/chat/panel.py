"""A small chat panel for any LangGraph graph whose state has `messages`.

The browser gets text, never HTML: `transcript.js` puts every word into a text node. Tokens go
over as deltas, collected for 50 ms, so that a long answer costs the browser little.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anywidget
import traitlets
from langchain_core.messages import AIMessage, BaseMessage

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore
    from langgraph.types import StateSnapshot

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
        graph: a compiled graph with `messages` in its state and a checkpointer, synchronous
            (`SqliteSaver`, ...) or asynchronous.
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
        self._jobs: list[Callable[[], Awaitable[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.thread_id = self._remembered() or self._new_thread()

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of every run: which thread, whose."""
        return {"configurable": {"thread_id": self.thread_id}, "metadata": {"user": self.user}}

    def show(self) -> None:
        """Show the panel below the cell, with what was said in its thread so far."""
        from IPython.display import display

        self._loop = asyncio.get_event_loop()
        display(self.widget)
        self._loop.call_soon_threadsafe(self._queue, self.load)

    async def load(self) -> None:
        """Read the thread's messages into the panel."""
        snapshot = await self._snapshot()
        messages = snapshot.values.get("messages", [])
        self.widget.entries = [
            _entry("you" if m.type == "human" else "namu", str(m.text))
            for m in messages
            if m.type in ("human", "ai") and str(m.text)
        ]

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
        # Half an emoji, as a browser may send it, could not be stored as UTF-8.
        text = text.encode("utf-8", "replace").decode()
        self._add("you", text)
        self.widget.status = "thinking"
        answer = _Answer(self)
        try:
            async for mode, part in self._stream({"messages": [{"role": "user", "content": text}]}):
                if mode == "messages":
                    answer.take(part[0])
                else:
                    answer.ran(part)
            answer.close()
            await self._tell_if_stopped()
        except asyncio.CancelledError:
            answer.close(broken=True)
            self._tell("Stopped. What was said before is kept; go on when you like.")
        except Exception as error:  # noqa: BLE001 - a graph may raise anything; the person is told
            answer.close(broken=True)
            self._tell(
                f"The graph stopped with {type(error).__name__}: {error}\n"
                "What was said before is kept. Send the message again, or go on with another."
            )
        finally:
            self.widget.status = ""

    async def new_conversation(self) -> None:
        """Begin a new thread; the old one stays in the checkpointer."""
        self.thread_id = self._new_thread()
        await self.load()

    async def _stream(self, value: dict[str, Any]) -> AsyncIterator[tuple[str, Any]]:
        """Run the graph; one whose saver knows no async runs in a thread of its own."""
        modes = ["messages", "updates"]
        if await self._is_async():
            async for found in self.graph.astream(value, self.config, stream_mode=modes):
                yield found
            return
        parts = self.graph.stream(value, self.config, stream_mode=modes)
        end = object()
        while (found := await asyncio.to_thread(next, parts, end)) is not end:
            yield found

    async def _snapshot(self) -> StateSnapshot:
        if await self._is_async():
            return await self.graph.aget_state(self.config)
        return await asyncio.to_thread(self.graph.get_state, self.config)

    async def _is_async(self) -> bool:
        """Whether the saver can be awaited; LangGraph's synchronous ones say so by raising."""
        try:
            await self.graph.checkpointer.aget_tuple(self.config)
        except NotImplementedError:
            return False
        return True

    async def _tell_if_stopped(self) -> None:
        waiting = (await self._snapshot()).next
        if waiting:
            self._tell(
                f"The graph stopped before {', '.join(waiting)} and waits there. This small panel "
                "cannot resume it; from code: graph.invoke(None, panel.config)."
            )

    def _on_message(self, widget: Any, content: dict[str, Any], buffers: Any) -> None:
        """Take what the browser sends; it may arrive on another thread than the loop's."""
        loop = self._loop or asyncio.get_event_loop()
        match content:
            case {"kind": "send", "text": str(text)}:
                loop.call_soon_threadsafe(self._queue, partial(self.send, text))
            case {"kind": "new"}:
                loop.call_soon_threadsafe(self._queue, self.new_conversation)
            case {"kind": "stop"}:
                loop.call_soon_threadsafe(self._stop)

    def _queue(self, job: Callable[[], Awaitable[None]]) -> None:
        self._jobs.append(job)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())
        elif self.widget.status:
            self.widget.status = f"thinking; {len(self._jobs)} more waiting"

    async def _work(self) -> None:
        while self._jobs:
            await self._jobs.pop(0)()

    def _stop(self) -> None:
        """Stop the answer being written, and forget what waits behind it."""
        self._jobs.clear()
        if self._task is not None and not self._task.done():
            self._task.cancel()

    def _remembered(self) -> str | None:
        if self.store is None:
            return None
        item = self.store.get(("panel", self.user), "thread")
        return item.value["thread_id"] if item else None

    def _new_thread(self) -> str:
        thread_id = str(uuid4())
        if self.store is not None:
            self.store.put(("panel", self.user), "thread", {"thread_id": thread_id})
        return thread_id

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

    def close(self, *, broken: bool = False) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.flush()
        if self.texts:
            note = "broken off, so not kept in the thread" if broken else " > ".join(self.nodes)
            self.panel._add("namu", "\n\n".join(self.texts.values()), note)


def _entry(who: str, text: str, note: str = "") -> dict[str, str]:
    return {"who": who, "text": text, "note": note}
