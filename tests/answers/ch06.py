"""Chapter 06, Stream what happens."""

from answers import Answers

CHAPTER = "06"

SETUP = '''
import asyncio
import codecs
import json
from contextlib import aclosing
from types import MappingProxyType


def said(text):
    return {"messages": [("user", text)]}


def predicted(**changes):
    right = {
        "values": 2,
        "updates": 3,
        "tasks": 6,
        "subgraph": 1,
        "messages": 1,
        "continued": 2,
    }
    return {**right, **changes}


def words(keep, subgraphs=True):
    """The words of one agent, by one way of choosing the parts to keep."""

    def words_of(graph, agent, text):
        options = {"stream_mode": "messages", "version": "v2", "subgraphs": subgraphs}
        return [
            str(part["data"][0].text)
            for part in graph.stream(said(text), **options)
            if keep(part, agent) and part["data"][0].text
        ]

    return words_of


def node_of(part):
    return part["data"][1]["langgraph_node"]


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
            "predicted()",
            "{**predicted(), 'more': 1}",
            "MappingProxyType(dict(reversed(predicted().items())))",
        ),
        wrong=(
            "[2, 3, 6, 1, 1, 2]",
            "{'values': 2}",
            "predicted(values=1)",
            "predicted(values=4)",
            "predicted(updates=1)",
            "predicted(tasks=3)",
            "predicted(subgraph=3)",
            "predicted(subgraph=4)",
            "predicted(messages=0)",
            "predicted(messages=True)",
            "predicted(continued=3)",
            "predicted(continued=1)",
            "predicted(continued='2')",
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
            "words(lambda part, agent: part['ns'][0].startswith(f'{agent}:'))",
            """
            def answer(graph, agent, text):
                parts = graph.stream(said(text), stream_mode="messages", subgraphs=True)
                found = []
                for namespace, (chunk, metadata) in parts:
                    if namespace and namespace[0].partition(":")[0] == agent and chunk.content:
                        found.append(chunk.content)
                return found
            """,
            """
            async def answer(graph, agent, text):
                found = []
                options = {"stream_mode": ["messages", "updates"], "subgraphs": True}
                async for part in graph.astream(said(text), version="v2", **options):
                    if part["type"] == "messages":
                        chunk, metadata = part["data"]
                        if metadata["langgraph_checkpoint_ns"].split(":")[0] == agent:
                            found.append(str(chunk.text))
                return [token for token in found if token]
            """,
            """
            def answer(graph, agent, text):
                parts = graph.stream(
                    said(text), stream_mode=["tasks", "messages"], subgraphs=True, version="v2"
                )
                speaks = None
                for part in parts:
                    if part["type"] == "tasks" and not part["ns"]:
                        speaks = part["data"]["name"]
                    elif part["type"] == "messages" and speaks == agent and part["data"][0].text:
                        yield str(part["data"][0].text)
            """,
        ),
        wrong=(
            "words(lambda part, agent: node_of(part) == 'speak')",
            "words(lambda part, agent: node_of(part) == agent)",
            "words(lambda part, agent: part['ns'][0].startswith(agent))",
            "words(lambda part, agent: part['ns'] == (agent,))",
            "words(lambda part, agent: node_of(part) == agent, subgraphs=False)",
            """
            def answer(graph, agent, text):
                options = {"stream_mode": "messages", "version": "v2", "subgraphs": True}
                parts = list(graph.stream(said(text), **options))
                mine = [p["data"][0] for p in parts if p["ns"][0].split(":")[0] == agent]
                return [str(chunk.text) for chunk in mine]
            """,
            """
            def answer(graph, agent, text):
                keep = lambda p, agent: p["ns"][0].split(":")[0] == agent
                return [token for token in words(keep)(graph, agent, text) if token.strip()]
            """,
            """
            def answer(graph, agent, text):
                keep = lambda p, agent: p["ns"][0].split(":")[0] == agent
                return "".join(words(keep)(graph, agent, text))
            """,
            """
            def answer(graph, agent, text):
                keep = lambda p, agent: p["ns"][0].split(":")[0] == agent
                return "".join(words(keep)(graph, agent, text)).split()
            """,
        ),
    ),
}
