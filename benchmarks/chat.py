"""The chat panel in a real JupyterLab and Chromium, beside two other ways to show a stream.

    python benchmarks/chat.py PYTHON         PYTHON has the course and HoloViz panel installed

All of them show the same answer of the same graph. Prints one JSON object: for each way and
speed the bytes that reached the browser, the kernel's CPU seconds, and what the page felt.
"""

from __future__ import annotations

import json
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT)]  # both folders have a conftest.py

from timing import interval  # noqa: E402

from conftest import FLAGS, IDLE, Lab, running_lab  # noqa: E402
from course_lib.doctor import find_chromium  # noqa: E402

PAIRS = 20
"""How often the panel and a stream without a screen take turns, at 200 tokens a second."""

GRAPH = """
import asyncio, json, time
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

told = {}

class Typewriter(BaseChatModel):
    tokens: int
    speed: float  # tokens a second; 0 for as fast as possible

    @property
    def _llm_type(self):
        return "typewriter"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return ChatResult(generations=[ChatGeneration(message=AIMessage("unused"))])

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
        began = time.perf_counter()
        for n in range(self.tokens):
            if self.speed:
                await asyncio.sleep(max(0, began + (n + 1) / self.speed - time.perf_counter()))
            elif n % 50 == 0:
                await asyncio.sleep(0)
            told.setdefault("first", time.time())
            last = "THE_END" if n == self.tokens - 1 else f"w{n % 1000:03} "
            yield ChatGenerationChunk(message=AIMessageChunk(content=last))

def build(tokens, speed):
    model = Typewriter(tokens=tokens, speed=speed)

    async def node(state):
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph.compile(checkpointer=InMemorySaver())

async def stream():
    config = {"configurable": {"thread_id": str(time.time())}}
    given = {"messages": [("user", "write")]}
    modes = ["tasks", "messages", "custom"]
    async for part in graph.astream(
        given, config, stream_mode=modes, subgraphs=True, version="v2"
    ):
        if part["type"] == "messages":
            yield part["data"][0].text

graph = build(20, 0)
async for text in stream():  # so that nobody pays for what is imported at the first run
    pass
graph = build(TOKENS, SPEED)
"""
WAYS = {
    "no UI": ("shown = print", "async for text in stream(): pass"),
    "ours": (
        "from course_lib.chat import ChatPanel\npanel = ChatPanel(graph)\npanel.show()",
        'await panel.send("write")',
    ),
    "widgets.HTML": (
        "import ipywidgets\nbox = ipywidgets.HTML()\nbox",
        "so_far = ''\nasync for text in stream():\n    so_far += text\n    box.value = so_far",
    ),
    "ChatInterface": (
        "import panel as pn\npn.extension(inline=True)",
        "done = asyncio.Event()\n"
        "async def reply(contents, user, instance):\n"
        "    so_far = ''\n"
        "    async for text in stream():\n"
        "        so_far += text\n"
        "        yield so_far\n"
        "    done.set()\n"
        "chat = pn.chat.ChatInterface(callback=reply)\n",
    ),
}
MEASURED = """
told.clear()
told["began"], cpu = time.time(), time.process_time()
BODY
await asyncio.sleep(0.5)
told["cpu"], told["ended"] = time.process_time() - cpu, time.time()
Path(OUT).write_text(json.dumps(told))
"""
WATCH = """() => {
  window.gaps = [];
  window.firstToken = null;
  let last = performance.now();
  const tick = (now) => {
    window.gaps.push(now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  new MutationObserver(() => {
    const text = document.querySelector('.namu-answer .namu-text');
    if (text && text.textContent && !window.firstToken) window.firstToken = Date.now() / 1000;
  }).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
OPENING = """
from langchain_core.messages import HumanMessage
import uuid
from course_lib.chat import ChatPanel
graph = build(1, 0)
panel = ChatPanel(graph)
said = [kind(f"**message** {n} " + "of some length " * 20, id=str(uuid.uuid4()))
        for n in range(250) for kind in (HumanMessage, AIMessage)]
await graph.aupdate_state(panel.config, {"messages": said}, as_node="node")
"""


def main(python: str) -> None:
    """Measure everything, and print it as one line of JSON."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder, home = Path(scratch, "notebooks"), Path(scratch, "home")
        folder.mkdir()
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        with running_lab(folder, home, python) as lab:
            found: dict[str, Any] = {}
            for tokens, speed, ways, runs in (
                (2000, 0, ("no UI", "ours", "widgets.HTML", "ChatInterface"), 3),
                (2000, 200, ("no UI", "ours"), PAIRS),
                (2000, 200, ("widgets.HTML", "ChatInterface"), 1),
                (200, 0, ("no UI", "ours"), 3),
                (10_000, 0, ("no UI", "ours"), 3),
            ):
                rounds: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
                for _ in range(runs):
                    for way in ways:
                        rounds[way].append(one(lab, chromium, way, tokens, speed))
                for way, taken in rounds.items():
                    found[f"{way}, {tokens} at {speed}"] = {
                        key: statistics.median(each[key] for each in taken) for key in taken[0]
                    }
                if runs == PAIRS:
                    pairs = zip(rounds["ours"], rounds["no UI"], strict=True)
                    found["pairs"] = interval([ours["cpu"] / none["cpu"] for ours, none in pairs])
            found["opening"] = statistics.median(opening(lab, chromium) for _ in range(3))
        chromium.close()
    print(json.dumps(found))


def one(lab: Lab, chromium: Any, way: str, tokens: int, speed: float) -> dict[str, float]:
    """Show one answer one way."""
    out = lab.folder / f"{time.time_ns()}.json"
    show, body = WAYS[way]
    graph = GRAPH.replace("TOKENS", str(tokens)).replace("SPEED", str(speed))
    measured = MEASURED.replace("OUT", repr(str(out)))
    if way == "ChatInterface":
        # Its browser side opens the connection, so it is shown first and written to afterwards.
        show, body = f"{show}\n{body}chat", 'chat.send("write")\nawait done.wait()'
    cells = ["from pathlib import Path\n" + graph, show, measured.replace("BODY", body)]
    page, frames = opened(lab, chromium, cells[:2])
    if way == "ChatInterface":
        page.wait_for_timeout(8000)
    page.evaluate(WATCH)
    # Run without a wait in the browser: the kernel tells when it is done.
    page.evaluate(
        "code => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({ code }); }",
        cells[2],
    )
    deadline = time.monotonic() + 180
    while not out.exists() or not out.stat().st_size:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{way} did not end")
        page.wait_for_timeout(100)
    page.wait_for_timeout(1000)
    told = json.loads(out.read_text())
    gaps = page.evaluate("window.gaps")
    first = page.evaluate("window.firstToken")
    if way == "ours" and not page.locator(".namu-answer").inner_text().count("THE_END"):
        raise RuntimeError("the answer did not reach the page")
    page.context.close()
    sent = [size for size, kind in frames if kind == "comm_msg"]
    return {
        "cpu": told["cpu"],
        "bytes": sum(sent),
        "messages": len(sent),
        "frame_ms": max(gaps) if gaps else 0,
        "first_ms": 1000 * (first - told["first"]) if first else -1,
    }


def opening(lab: Lab, chromium: Any) -> float:
    """Seconds from `show()` to 500 messages on the page."""
    graph = GRAPH.replace("TOKENS", "1").replace("SPEED", "0")
    page, _ = opened(lab, chromium, [graph + OPENING])
    seen = page.evaluate(
        """() => new Promise((done) => {
          const began = performance.now();
          const look = () => {
            const there = document.querySelectorAll('.namu-you, .namu-answer').length;
            if (there >= 500) done(performance.now() - began);
            else requestAnimationFrame(look);
          };
          requestAnimationFrame(look);
          const shell = window.jupyterapp.shell.currentWidget;
          shell.content.activeCellIndex = 1;
          window.jupyterapp.commands.execute('notebook:run-cell');
        })"""
    )
    page.context.close()
    return seen / 1000


def opened(lab: Lab, chromium: Any, cells: list[str]) -> tuple[Any, list[tuple[int, str]]]:
    """Open a notebook with these cells, run them, and listen to what the kernel sends."""
    frames: list[tuple[int, str]] = []
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()

    def listen(socket: Any) -> None:
        if "/channels" in socket.url:
            socket.on("framereceived", lambda frame: frames.append(read_frame(frame)))

    page.on("websocket", listen)
    name = lab.place("bench.ipynb", [*cells, "panel.show()"])
    page.goto(f"{lab.url}lab/tree/{name}?reset")
    page.wait_for_function(IDLE, timeout=60_000)
    for n in range(len(cells)):
        page.evaluate(
            "n => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = n;"
            " return window.jupyterapp.commands.execute('notebook:run-cell'); }",
            n,
        )
    page.wait_for_function(IDLE, timeout=60_000)
    page.wait_for_timeout(500)
    frames.clear()
    return page, frames


def read_frame(frame: Any) -> tuple[int, str]:
    """Size and message type of a frame of the v1.kernel.websocket.jupyter.org protocol."""
    if isinstance(frame, str):
        return len(frame), json.loads(frame)["msg_type"]
    count = struct.unpack_from("<Q", frame)[0]
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    return len(frame), json.loads(frame[offsets[1] : offsets[2]])["msg_type"]


if __name__ == "__main__":
    main(sys.argv[1])
