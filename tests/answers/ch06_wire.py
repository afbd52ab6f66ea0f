"""Chapter 06, Stream what happens: events on the wire, and a stream that is left."""

from answers import Answers
from answers.ch06 import CHAPTER, SETUP

__all__ = ["ANSWERS", "CHAPTER", "SETUP"]

ANSWERS = {
    4: Answers(
        right=(
            """
            def answer(pieces):
                rest, found = b"", []
                for piece in pieces:
                    rest += piece
                    while b"\\n\\n" in rest:
                        block, rest = rest.split(b"\\n\\n", 1)
                        found += blocks_of(block + b"\\n\\n")
                return found
            """,
            """
            def answer(pieces):
                return blocks_of(b"".join(pieces))
            """,
            """
            def answer(pieces):
                decoder = codecs.getincrementaldecoder("utf-8")()
                rest = kind = data = ""
                for piece in pieces:
                    *lines, rest = (rest + decoder.decode(piece)).split("\\n")
                    for line in lines:
                        if line.startswith("event: "):
                            kind = line[7:]
                        elif line.startswith("data: "):
                            data = line[6:]
                        elif not line:
                            yield kind, json.loads(data)
            """,
        ),
        wrong=(
            "lambda pieces: []",
            """
            def answer(pieces):
                text = b"".join(pieces).decode(errors="ignore").replace("세 곳", "")
                return blocks_of(text.encode())
            """,
            """
            def answer(pieces):
                text = "".join(piece.decode(errors="ignore") for piece in pieces)
                return blocks_of(text.encode())
            """,
            """
            def answer(pieces):
                found = []
                for piece in pieces:
                    try:
                        found += blocks_of(piece)
                    except ValueError:
                        continue  # it was cut
                return found
            """,
            """
            def answer(pieces):
                kind, found = "", []
                for line in b"".join(pieces).decode().split("\\n")[:-1]:
                    if line.startswith("event: "):
                        kind = line[7:]
                    elif line.startswith("data: "):  # emitted before its empty line
                        found.append((kind, json.loads(line[6:])))
                return found
            """,
            """
            def answer(pieces):
                return [(kind, json.dumps(data)) for kind, data in blocks_of(b"".join(pieces))]
            """,
            """
            def answer(pieces):
                return [data for kind, data in blocks_of(b"".join(pieces))]
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            async def answer(graph, text, thread, limit):
                seen = ""
                stream = graph.astream(said(text), thread, stream_mode="messages")
                try:
                    async for chunk, _ in stream:
                        seen += chunk.text
                        if len(seen) >= limit:
                            return seen
                finally:
                    await stream.aclose()
            """,
            """
            async def answer(graph, text, thread, limit):
                parts = graph.astream(said(text), thread, stream_mode="messages", version="v2")
                async with aclosing(parts):
                    seen = []
                    while len("".join(seen)) < limit:
                        part = await anext(parts)
                        seen.append(part["data"][0].text)
                return "".join(seen)
            """,
            """
            async def answer(graph, text, thread, limit):
                seen, enough = [], asyncio.Event()

                async def read():
                    async for chunk, _ in graph.astream(
                        said(text), thread, stream_mode="messages"
                    ):
                        if not enough.is_set():
                            seen.append(chunk.text)
                        if len("".join(seen)) >= limit:
                            enough.set()

                task = asyncio.create_task(read())
                await enough.wait()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                return "".join(seen)
            """,
        ),
        wrong=(
            """
            async def answer(graph, text, thread, limit):
                state = await graph.ainvoke(said(text), thread)
                return str(state["messages"][1].text)[:limit]
            """,
            """
            async def answer(graph, text, thread, limit):
                seen = ""
                async for chunk, _ in graph.astream(said(text), thread, stream_mode="messages"):
                    if len(seen) < limit:
                        seen += chunk.text
                return seen
            """,
            """
            async def answer(graph, text, thread, limit):
                seen = ""
                async for chunk, _ in graph.astream(said(text), thread, stream_mode="messages"):
                    seen += chunk.text
                    if len(seen) >= limit:
                        break
                return seen
            """,
            """
            async def answer(graph, text, thread, limit):
                return ""
            """,
            "lambda graph, text, thread, limit: 'x' * limit",
        ),
    ),
}
