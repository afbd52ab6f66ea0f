"""Chapter 14, Serve it with Django."""

from answers import Answers

CHAPTER = "14"

SETUP = """
import json
from collections import Counter
from contextlib import aclosing

from langchain_core.messages import RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Overwrite

RIGHT = {
    "an asynchronous view, ASGI server": 20,
    "an asynchronous view with a blocking call, ASGI server": 1,
    "a plain view, ASGI server": 20,
    "a plain view, WSGI server with 10 threads": 10,
    "an asynchronous view, WSGI server with 10 threads": 10,
}
SITE = {"site": "chat"}


def messages_of(graph, config):
    return graph.get_state(config).values["messages"]


def doomed(graph, config, message_id):
    messages = messages_of(graph, config)
    found = [m for m in messages if m.id == message_id]
    if not found:
        raise KeyError(message_id)
    calls = {call["id"] for call in getattr(found[0], "tool_calls", ())}
    return {message_id} | {m.id for m in messages if getattr(m, "tool_call_id", None) in calls}


def encoded(event, data):
    return f"event: {event}\\ndata: {json.dumps(data)}\\n\\n".encode()
"""

ANSWERS = {
    1: Answers(
        right=(
            "RIGHT",
            "dict(reversed(RIGHT.items()))",
            "{**RIGHT, 'one case more': 7}",
            "{case: float(count) for case, count in RIGHT.items()}",
        ),
        wrong=(
            "dict.fromkeys(RIGHT, 20)",
            "{**RIGHT, 'a plain view, ASGI server': 1}",
            "{**RIGHT, 'an asynchronous view with a blocking call, ASGI server': 20}",
            "{**RIGHT, 'an asynchronous view, WSGI server with 10 threads': 20}",
            "{**RIGHT, 'a plain view, WSGI server with 10 threads': 1}",
            "{'a plain view, ASGI server': 20}",
            "list(RIGHT.values())",
        ),
    ),
    2: Answers(
        right=(
            """
            async def answer(client, user):
                found, offset = [], 0
                while True:
                    page = await client.threads.search(
                        metadata={**SITE, "user": user}, limit=1000, offset=offset,
                        sort_by="thread_id",
                    )
                    if not page:
                        return found
                    found.extend(thread["thread_id"] for thread in page)
                    offset += len(page)
            """,
            """
            async def answer(client, user):
                found, page = set(), True
                while page:
                    page = await client.threads.search(
                        metadata={"user": user, **SITE}, offset=len(found),
                        sort_by="created_at", sort_order="desc", limit=50,
                    )
                    found |= {thread["thread_id"] for thread in page}
                return list(found)
            """,
            """
            async def answer(client, user):  # everything, and chosen here
                found, offset = {}, 0
                while True:
                    page = await client.threads.search(
                        metadata={}, limit=200, offset=offset, sort_by="created_at"
                    )
                    for thread in page:
                        metadata = thread["metadata"]
                        if metadata.get("site") == "chat" and metadata.get("user") == user:
                            found[thread["thread_id"]] = thread
                    if len(page) < 200:
                        return list(found)
                    offset += 200
            """,
            """
            async def answer(client, user):  # again and again, until nothing is new
                found = set()
                while True:
                    before = len(found)
                    for offset in range(0, 2000, 100):
                        page = await client.threads.search(
                            metadata={**SITE, "user": user}, limit=100, offset=offset
                        )
                        found |= {thread["thread_id"] for thread in page}
                        if len(page) < 100:
                            break
                    if len(found) == before:
                        return list(found)
            """,
        ),
        wrong=(
            """
            async def answer(client, user):  # ten
                page = await client.threads.search(metadata={**SITE, "user": user})
                return [thread["thread_id"] for thread in page]
            """,
            """
            async def answer(client, user):  # a thousand
                page = await client.threads.search(metadata={**SITE, "user": user}, limit=1000)
                return [thread["thread_id"] for thread in page]
            """,
            """
            async def answer(client, user):  # threads move while it reads
                found = []
                while True:
                    page = await client.threads.search(
                        metadata={**SITE, "user": user}, limit=100, offset=len(found)
                    )
                    found += [thread["thread_id"] for thread in page]
                    if len(page) < 100:
                        return found
            """,
            """
            async def answer(client, user):  # the same, each once
                found, offset = set(), 0
                while True:
                    page = await client.threads.search(
                        metadata={**SITE, "user": user}, limit=100, offset=offset,
                        sort_by="updated_at",
                    )
                    found |= {thread["thread_id"] for thread in page}
                    offset += 100
                    if len(page) < 100:
                        return list(found)
            """,
            """
            async def answer(client, user):  # threads of other programs too
                found = []
                while True:
                    page = await client.threads.search(
                        metadata={"user": user}, limit=100, offset=len(found),
                        sort_by="created_at",
                    )
                    found += [thread["thread_id"] for thread in page]
                    if len(page) < 100:
                        return found
            """,
            """
            async def answer(client, user):  # threads, and not their ids
                found = []
                while True:
                    page = await client.threads.search(
                        metadata={**SITE, "user": user}, limit=100, offset=len(found),
                        sort_by="created_at",
                    )
                    found += page
                    if len(page) < 100:
                        return found
            """,
            """
            async def answer(client, user):  # the first one
                page = await client.threads.search(metadata={**SITE, "user": user}, limit=1)
                return page[0]["thread_id"] if page else []
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(graph, config, message_id):
                gone = doomed(graph, config, message_id)
                messages = [{"role": "remove", "content": "", "id": each} for each in gone]
                graph.update_state(config, {"messages": messages})
            """,
            """
            def answer(graph, config, message_id):
                gone = doomed(graph, config, message_id)
                kept = [m for m in messages_of(graph, config) if m.id not in gone]
                everything = RemoveMessage(REMOVE_ALL_MESSAGES)
                graph.update_state(config, {"messages": [everything, *kept]}, as_node="answer")
            """,
            """
            def answer(graph, config, message_id):
                gone = doomed(graph, config, message_id)
                kept = [m for m in messages_of(graph, config) if m.id not in gone]
                graph.update_state(config, {"messages": Overwrite(kept)})
            """,
            """
            async def answer(graph, config, message_id):
                for each in sorted(doomed(graph, config, message_id)):
                    await graph.aupdate_state(config, {"messages": RemoveMessage(id=each)})
            """,
        ),
        wrong=(
            """
            def answer(graph, config, message_id):
                messages = messages_of(graph, config)
                kept = [message for message in messages if message.id != message_id]
                graph.update_state(config, {"messages": kept})
            """,
            """
            def answer(graph, config, message_id):  # the answers of the tools stay
                if message_id not in [m.id for m in messages_of(graph, config)]:
                    raise LookupError
                graph.update_state(config, {"messages": [RemoveMessage(message_id)]})
            """,
            """
            def answer(graph, config, message_id):  # every answer of a tool goes
                messages = messages_of(graph, config)
                gone = [m.id for m in messages if m.id == message_id or m.type == "tool"]
                if message_id not in gone:
                    raise LookupError
                graph.update_state(config, {"messages": [RemoveMessage(each) for each in gone]})
            """,
            """
            def answer(graph, config, message_id):  # only the next message
                ids = [m.id for m in messages_of(graph, config)]
                if message_id not in ids:
                    raise LookupError
                at = ids.index(message_id)
                calls = getattr(messages_of(graph, config)[at], "tool_calls", None)
                gone = ids[at : at + 2] if calls else ids[at : at + 1]
                graph.update_state(config, {"messages": [RemoveMessage(each) for each in gone]})
            """,
            """
            def answer(graph, config, message_id):  # a message that is empty is not gone
                gone = doomed(graph, config, message_id)
                messages = [m for m in messages_of(graph, config) if m.id in gone]
                blank = [m.model_copy(update={"content": ""}) for m in messages]
                graph.update_state(config, {"messages": blank})
            """,
            """
            def answer(graph, config, message_id):  # says nothing where there is none
                try:
                    gone = doomed(graph, config, message_id)
                except KeyError:
                    return
                graph.update_state(config, {"messages": [RemoveMessage(each) for each in gone]})
            """,
            """
            def answer(graph, config, message_id):  # the history is lost
                gone = doomed(graph, config, message_id)
                kept = [m for m in messages_of(graph, config) if m.id not in gone]
                graph.checkpointer.delete_thread("ann")
                graph.update_state(config, {"messages": kept}, as_node="answer")
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(parts):
                running, shown = Counter(), []
                for part in parts:
                    running[part["name"]] += 1 if "input" in part else -1
                    shown.append(sorted(running.elements()))
                return shown
            """,
            """
            def answer(parts):
                shown, names = [], []
                for part in parts:
                    if "result" in part:
                        names.remove(part["name"])
                    else:
                        names.append(part["name"])
                    shown.append(tuple(sorted(names)))
                return tuple(shown)
            """,
            """
            async def answer(parts):
                tasks = set()
                result = []
                for part in parts:
                    change = tasks.add if "triggers" in part else tasks.discard
                    change((part["id"], part["name"]))
                    result.append(sorted(name for _, name in tasks))
                return result
            """,
        ),
        wrong=(
            """
            def answer(parts):  # by the name
                running, shown = set(), []
                for part in parts:
                    if "input" in part:
                        running.add(part["name"])
                    else:
                        running.discard(part["name"])
                    shown.append(sorted(running))
                return shown
            """,
            """
            def answer(parts):  # the last one that began
                running, shown = [], []
                for part in parts:
                    running = [part["name"]] if "input" in part else []
                    shown.append(running)
                return shown
            """,
            """
            def answer(parts):  # nothing ends
                running, shown = {}, []
                for part in parts:
                    running[part["id"]] = part["name"]
                    shown.append(sorted(running.values()))
                return shown
            """,
            """
            def answer(parts):  # a name once
                running, shown = {}, []
                for part in parts:
                    if "input" in part:
                        running[part["id"]] = part["name"]
                    else:
                        running.pop(part["id"])
                    shown.append(sorted(set(running.values())))
                return shown
            """,
            """
            def answer(parts):  # the same list each time
                running, shown = [], []
                for part in parts:
                    if "input" in part:
                        running.append(part["name"])
                    else:
                        running.remove(part["name"])
                    shown.append(running)
                return shown
            """,
            """
            def answer(parts):  # a task that asks goes on
                running, shown = {}, []
                for part in parts:
                    if "input" in part:
                        running[part["id"]] = part["name"]
                    elif not part["interrupts"]:
                        running.pop(part["id"])
                    shown.append(sorted(running.values()))
                return shown
            """,
            """
            def answer(parts):  # only at the end
                running = {}
                for part in parts:
                    if "input" in part:
                        running[part["id"]] = part["name"]
                    else:
                        running.pop(part["id"])
                return sorted(running.values())
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            async def answer(parts, sentence):
                try:
                    async for word in parts:
                        yield encoded("token", {"text": word})
                except ConnectionError:
                    yield encoded("problem", {"detail": sentence})
                    return
                yield encoded("end", {})
            """,
            """
            async def answer(parts, sentence):
                last = encoded("end", {})
                words = aiter(parts)
                while True:
                    try:
                        word = await anext(words)
                    except StopAsyncIteration:
                        break
                    except ConnectionError:
                        last = encoded("problem", {"detail": sentence})
                        break
                    data = json.dumps({"text": word}, ensure_ascii=False)
                    yield ("data: " + data + "\\nevent: token\\n\\n").encode("utf-8")
                yield last
            """,
            """
            def answer(parts, sentence):
                async def run():
                    async with aclosing(parts):
                        async for word in parts:
                            yield "token", {"text": word}

                async def blocks():
                    failed = False
                    try:
                        async for event, data in run():
                            yield b"id: 1\\n" + encoded(event, data)
                    except OSError:
                        failed = True
                    yield encoded(*(("problem", {"detail": sentence}) if failed else ("end", {})))

                return blocks()
            """,
        ),
        wrong=(
            """
            async def answer(parts, sentence):  # the error leaves
                async for word in parts:
                    yield encoded("token", {"text": word})
                yield encoded("end", {})
            """,
            """
            async def answer(parts, sentence):  # every error is told as a lost connection
                try:
                    async for word in parts:
                        yield encoded("token", {"text": word})
                    yield encoded("end", {})
                except Exception:
                    yield encoded("problem", {"detail": sentence})
            """,
            """
            async def answer(parts, sentence):  # the server's own words
                try:
                    async for word in parts:
                        yield encoded("token", {"text": word})
                    yield encoded("end", {})
                except ConnectionError as error:
                    yield encoded("problem", {"detail": str(error)})
            """,
            """
            async def answer(parts, sentence):  # all at once
                words = []
                try:
                    async for word in parts:
                        words.append(word)
                    last = encoded("end", {})
                except ConnectionError:
                    last = encoded("problem", {"detail": sentence})
                for word in words:
                    yield encoded("token", {"text": word})
                yield last
            """,
            """
            async def answer(parts, sentence):  # an end in any case, also for who has left
                try:
                    async for word in parts:
                        yield encoded("token", {"text": word})
                except ConnectionError:
                    yield encoded("problem", {"detail": sentence})
                finally:
                    yield encoded("end", {})
            """,
            """
            async def answer(parts, sentence):  # no JSON
                try:
                    async for word in parts:
                        yield f"event: token\\ndata: {word}\\n\\n".encode()
                    yield encoded("end", {})
                except ConnectionError:
                    yield encoded("problem", {"detail": sentence})
            """,
            """
            async def answer(parts, sentence):  # text
                try:
                    async for word in parts:
                        yield encoded("token", {"text": word}).decode()
                    yield encoded("end", {}).decode()
                except ConnectionError:
                    yield encoded("problem", {"detail": sentence}).decode()
            """,
            """
            async def answer(parts, sentence):  # no empty line
                try:
                    async for word in parts:
                        yield encoded("token", {"text": word})[:-1]
                    yield encoded("end", {})
                except ConnectionError:
                    yield encoded("problem", {"detail": sentence})
            """,
        ),
    ),
}
