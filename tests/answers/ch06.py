"""Chapter 06, Stream what happens."""

from answers import Answers

CHAPTER = "06"

SETUP = '''
import asyncio
import codecs
import json
from contextlib import aclosing
from typing import Any

from langgraph.config import get_stream_writer
from langgraph.runtime import Runtime
from langgraph.types import StreamWriter


def said(text):
    return {"messages": [("user", text)]}


def streamed(keep):
    """The words of an answer, by one way of choosing what to keep."""

    def answer_tokens(graph, text, thread):
        parts = graph.stream(said(text), thread, stream_mode="messages", version="v2")
        return [str(p["data"][0].text) for p in parts if keep(*p["data"])]

    return answer_tokens


def invoked(graph, text, thread):
    return [graph.invoke(said(text), thread)["messages"][-1].text]


def blocks_of(data):
    found = []
    for block in data.split(b"\\n\\n")[:-1]:
        kind, text = block.decode().split("\\n")
        found.append((kind.removeprefix("event: "), json.loads(text.removeprefix("data: "))))
    return found
'''

ANSWERS = {
    1: Answers(
        right=(
            """
            def answer(graph, text, thread):
                tokens = []
                for chunk, metadata in graph.stream(said(text), thread, stream_mode="messages"):
                    if metadata["langgraph_node"] == "agent" and chunk.content:
                        tokens.append(chunk.content)
                return tokens
            """,
            """
            async def answer(graph, text, thread):
                tokens = []
                parts = graph.astream(said(text), thread, stream_mode=["messages"], version="v2")
                async for part in parts:
                    chunk, metadata = part["data"]
                    if metadata["langgraph_node"] == "agent":
                        tokens.append(str(chunk.text))
                return [token for token in tokens if token != ""]
            """,
            "streamed(lambda chunk, m: m['langgraph_node'] == 'agent' and len(chunk.text) > 0)",
        ),
        wrong=(
            "streamed(lambda chunk, metadata: True)",
            "streamed(lambda chunk, metadata: metadata['langgraph_node'] == 'agent')",
            "streamed(lambda chunk, metadata: bool(chunk.text))",
            "streamed(lambda c, m: m['langgraph_node'] == 'agent' and c.text.strip())",
            "invoked",
            "lambda graph, text, thread: invoked(graph, text, thread)[0]",
            "lambda graph, text, thread: list(invoked(graph, text, thread)[0])",
            "lambda graph, text, thread: invoked(graph, text, thread)[0].split()",
            "lambda graph, text, thread: invoked(graph, text, thread).clear()",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(graph, text, thread):
                steps = graph.stream(said(text), thread, stream_mode="updates")
                return [node for step in steps for node in step]
            """,
            """
            def answer(graph, text, thread):
                parts = graph.stream(said(text), thread, stream_mode="tasks", version="v2")
                return [part["data"]["name"] for part in parts if "input" in part["data"]]
            """,
            """
            async def answer(graph, text, thread):
                names = []
                async for update in graph.astream(said(text), thread, stream_mode="updates"):
                    names += update
                return names
            """,
        ),
        wrong=(
            """
            def answer(graph, text, thread):
                parts = graph.stream(said(text), thread, stream_mode="tasks", version="v2")
                return [part["data"]["name"] for part in parts]
            """,
            "lambda *given: ['router', 'agent', 'tools', 'agent', 'update_state']",
            """
            def answer(graph, text, thread):
                parts = graph.stream(said(text), thread, version="v2")
                return [part["data"] for part in parts]
            """,
            """
            def answer(graph, text, thread):
                steps = graph.stream(said(text), thread, stream_mode="updates")
                return list(dict.fromkeys(node for step in steps for node in step))
            """,
            "lambda graph, text, thread: [n for n in graph.nodes if n != '__start__']",
            """
            def answer(graph, text, thread):
                fresh = {"configurable": {"thread_id": text}}
                steps = graph.stream(said(text), fresh, stream_mode="updates")
                return [node for step in steps for node in step]
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(state, runtime: Runtime):
                done = 0
                while done < len(state["items"]):
                    done += 1
                    runtime.stream_writer({"done": done, "total": len(state["items"])})
                return {"found": done}
            """,
            """
            def answer(state, writer: StreamWriter):
                for n in range(len(state["items"])):
                    writer({"total": len(state["items"]), "done": n + 1})
                return {"found": len(state["items"])}
            """,
            """
            async def answer(state):
                tell = get_stream_writer()
                for n, _ in enumerate(state["items"], 1):
                    await asyncio.sleep(0)
                    tell({"done": n, "total": len(state["items"])})
                return {"found": len(state["items"])}
            """,
        ),
        wrong=(
            "lambda state: {'found': len(state['items'])}",
            """
            def answer(state):
                count = len(state["items"])
                get_stream_writer()({"done": count, "total": count})
                return {"found": count}
            """,
            """
            def answer(state):
                for n, _ in enumerate(state["items"]):
                    get_stream_writer()({"done": n, "total": len(state["items"])})
                return {"found": len(state["items"])}
            """,
            """
            def answer(state):
                for n, _ in enumerate(state["items"], 1):
                    get_stream_writer()({"done": n, "total": len(state["items"])})
            """,
            """
            def answer(state):
                for n, _ in enumerate(state["items"], 1):
                    get_stream_writer()({"done": n, "total": 3})
                return {"found": len(state["items"])}
            """,
        ),
    ),
}
