"""Chapter 13, Serve it with FastAPI."""

from answers import Answers

CHAPTER = "13"

SETUP = """
import asyncio
from collections import defaultdict
from contextlib import suppress

from langchain_core.messages import AIMessage, HumanMessage

RIGHT = {
    "a stream raises HTTPException(404) before its first event": 200,
    "a dependency of a stream raises HTTPException(404)": 404,
    "the field people: int is missing": 422,
    "people is the text '4'": 200,
    "people is the text '4', and the model is strict": 422,
    "the body has an unknown field beside people": 200,
    "the endpoint raises ValueError": 500,
    "GET asks for a path that has POST only": 405,
}


def question_of(text, message_id):
    return {"messages": [HumanMessage(text, id=message_id)]}


def words_of(graph, config, text):
    return graph.astream({"messages": [("user", text)]}, config, stream_mode="custom")


async def into(queue, graph, config, text):
    try:
        async for word in words_of(graph, config, text):
            await queue.put(word)
    finally:
        await queue.put(None)


tasks = set()
"""

ANSWERS = {
    1: Answers(
        right=(
            "RIGHT",
            "dict(reversed(RIGHT.items()))",
            "{**RIGHT, 'one case more': 418}",
            "{case: float(status) for case, status in RIGHT.items()}",
        ),
        wrong=(
            "dict.fromkeys(RIGHT, 200)",
            "{**RIGHT, 'a stream raises HTTPException(404) before its first event': 404}",
            "{**RIGHT, 'a stream raises HTTPException(404) before its first event': 500}",
            "{**RIGHT, \"people is the text '4'\": 422}",
            "{**RIGHT, \"people is the text '4', and the model is strict\": 200}",
            "{**RIGHT, 'the body has an unknown field beside people': 422}",
            "{**RIGHT, 'the field people: int is missing': 400}",
            "{**RIGHT, 'GET asks for a path that has POST only': 404}",
            "{'the endpoint raises ValueError': 500}",
            "list(RIGHT.values())",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(graph, config, message_id, text):
                state = graph.get_state(config)
                known = any(m.id == message_id for m in state.values.get("messages", []))
                if not known:
                    graph.invoke(question_of(text, message_id), config)
                elif state.next:
                    graph.invoke(None, config)
                messages = iter(graph.get_state(config).values["messages"])
                next(m for m in messages if m.id == message_id)
                return next(messages).text
            """,
            """
            async def answer(graph, config, message_id, text):
                async def said():
                    state = await graph.aget_state(config)
                    messages = state.values.get("messages", [])
                    return {m.id: after for m, after in zip(messages, [*messages[1:], None])}

                found = await said()
                if found.get(message_id) is None:
                    value = None if message_id in found else question_of(text, message_id)
                    await graph.ainvoke(value, config, durability="sync")
                return (await said())[message_id].text
            """,
            """
            async def answer(graph, config, message_id, text):
                state = await graph.aget_state(config)
                ids = [m.id for m in state.values.get("messages", [])]
                behind = message_id in ids and ids.index(message_id) + 1
                if not behind or behind == len(ids):
                    value = None if behind else question_of(text, message_id)
                    async for _ in graph.astream(value, config):
                        pass
                messages = (await graph.aget_state(config)).values["messages"]
                return messages[[m.id for m in messages].index(message_id) + 1].text
            """,
        ),
        wrong=(
            """
            async def answer(graph, config, message_id, text):
                end = await graph.ainvoke(question_of(text, message_id), config)
                return end["messages"][-1].text
            """,
            """
            async def answer(graph, config, message_id, text):  # the id is not kept
                state = await graph.aget_state(config)
                if message_id in [m.id for m in state.values.get("messages", [])]:
                    return state.values["messages"][-1].text
                end = await graph.ainvoke({"messages": [HumanMessage(text)]}, config)
                return end["messages"][-1].text
            """,
            """
            async def answer(graph, config, message_id, text):  # compares the text
                messages = (await graph.aget_state(config)).values.get("messages", [])
                texts = [m.text for m in messages]
                if text in texts:
                    return texts[texts.index(text) + 1]
                end = await graph.ainvoke(question_of(text, message_id), config)
                return end["messages"][-1].text
            """,
            """
            async def answer(graph, config, message_id, text):  # always the last one
                state = await graph.aget_state(config)
                known = message_id in [m.id for m in state.values.get("messages", [])]
                value = None if known else question_of(text, message_id)
                return (await graph.ainvoke(value, config))["messages"][-1].text
            """,
            """
            async def answer(graph, config, message_id, text):  # a broken run begins again
                state = await graph.aget_state(config)
                messages = state.values.get("messages", [])
                ids = [m.id for m in messages]
                if message_id not in ids or state.next:
                    end = await graph.ainvoke({"messages": [HumanMessage(text)]}, config)
                    return end["messages"][-1].text
                return messages[ids.index(message_id) + 1].text
            """,
            """
            async def answer(graph, config, message_id, text):  # the message, not its text
                return (await graph.ainvoke(question_of(text, message_id), config))["messages"][-1]
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            async def answer(locks, thread_id, work):
                if thread_id not in locks:
                    locks[thread_id] = asyncio.Lock()
                async with locks[thread_id]:
                    return await work()
            """,
            """
            async def answer(locks, thread_id, work):
                lock = locks.setdefault(thread_id, asyncio.Semaphore(1))
                await lock.acquire()
                try:
                    return await work()
                finally:
                    lock.release()
            """,
            """
            async def answer(locks, thread_id, work):
                changed = locks.setdefault("changed", asyncio.Condition())
                busy = locks.setdefault("busy", set())
                async with changed:
                    await changed.wait_for(lambda: thread_id not in busy)
                    busy.add(thread_id)
                try:
                    return await work()
                finally:
                    async with changed:
                        busy.discard(thread_id)
                        changed.notify_all()
            """,
            """
            def answer(locks, thread_id, work):
                async def run():
                    async with locks.setdefault(thread_id, asyncio.Lock()):
                        return await work()

                return run()
            """,
        ),
        wrong=(
            """
            async def answer(locks, thread_id, work):
                return await work()
            """,
            """
            async def answer(locks, thread_id, work):  # one lock for everybody
                async with locks.setdefault("lock", asyncio.Lock()):
                    return await work()
            """,
            """
            async def answer(locks, thread_id, work):  # a new lock each time
                locks[thread_id] = asyncio.Lock()
                async with locks[thread_id]:
                    return await work()
            """,
            """
            async def answer(locks, thread_id, work):  # an error keeps the lock
                lock = locks.setdefault(thread_id, asyncio.Lock())
                await lock.acquire()
                result = await work()
                lock.release()
                return result
            """,
            """
            async def answer(locks, thread_id, work):  # the error is swallowed
                async with locks.setdefault(thread_id, asyncio.Lock()):
                    with suppress(ConnectionError):
                        return await work()
            """,
            """
            async def answer(locks, thread_id, work):  # refuses in place of waiting
                if thread_id in locks:
                    return None
                locks[thread_id] = True
                try:
                    return await work()
                finally:
                    del locks[thread_id]
            """,
            """
            async def answer(locks, thread_id, work):  # no result
                async with locks.setdefault(thread_id, asyncio.Lock()):
                    await work()
            """,
            """
            async def answer(locks, thread_id, work):  # who is cancelled breaks the chain
                before = locks.get(thread_id)
                mine = locks[thread_id] = asyncio.get_running_loop().create_future()
                if before is not None:
                    await before
                try:
                    return await work()
                finally:
                    mine.set_result(None)
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            async def answer(graph, config, text):
                queue = asyncio.Queue()
                task = asyncio.create_task(into(queue, graph, config, text))
                tasks.add(task)
                while (word := await queue.get()) is not None:
                    yield word
                await task
            """,
            """
            async def answer(graph, config, text):
                words, news = [], asyncio.Event()

                async def run():
                    try:
                        async for word in words_of(graph, config, text):
                            words.append(word)
                            news.set()
                    finally:
                        words.append(None)
                        news.set()

                task = asyncio.ensure_future(run())
                tasks.add(task)
                told = 0
                while True:
                    await news.wait()
                    news.clear()
                    while told < len(words):
                        if words[told] is None:
                            await asyncio.shield(task)
                            return
                        yield words[told]
                        told += 1
            """,
            """
            async def answer(graph, config, text):
                queue = asyncio.Queue()

                async def run():
                    try:
                        async for word in words_of(graph, config, text):
                            queue.put_nowait(("word", word))
                        queue.put_nowait(("end", None))
                    except Exception as error:
                        queue.put_nowait(("error", error))

                tasks.add(asyncio.create_task(run()))
                while True:
                    kind, value = await queue.get()
                    if kind == "word":
                        yield value
                    elif kind == "error":
                        raise value
                    else:
                        return
            """,
            """
            async def answer(graph, config, text):
                words = words_of(graph, config, text)
                try:
                    async for word in words:
                        yield word
                except GeneratorExit:
                    async def rest():
                        async for _ in words:
                            pass

                    tasks.add(asyncio.create_task(rest()))
                    raise
            """,
        ),
        wrong=(
            """
            async def answer(graph, config, text):
                async for word in words_of(graph, config, text):
                    yield word
            """,
            """
            async def answer(graph, config, text):  # cancels the run
                queue = asyncio.Queue()
                task = asyncio.create_task(into(queue, graph, config, text))
                try:
                    while (word := await queue.get()) is not None:
                        yield word
                    await task
                finally:
                    task.cancel()
            """,
            """
            async def answer(graph, config, text):  # all words at once
                words = [word async for word in words_of(graph, config, text)]
                for word in words:
                    yield word
            """,
            """
            async def answer(graph, config, text):  # the error stays in the task
                queue = asyncio.Queue()
                tasks.add(asyncio.create_task(into(queue, graph, config, text)))
                while (word := await queue.get()) is not None:
                    yield word
            """,
            """
            async def answer(graph, config, text):  # waits for ever after an error
                queue = asyncio.Queue()

                async def run():
                    async for word in words_of(graph, config, text):
                        await queue.put(word)
                    await queue.put(None)

                tasks.add(asyncio.create_task(run()))
                while (word := await queue.get()) is not None:
                    yield word
            """,
            """
            async def answer(graph, config, text):  # a whole answer, and not its words
                yield (await graph.ainvoke({"messages": [("user", text)]}, config))
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            async def answer(connect):
                heard, fruitless = [(0, "", "")], 0
                while fruitless < 3:
                    before = len(heard)
                    with suppress(ConnectionError):
                        async for event in connect(heard[-1][0]):
                            heard.append(event)
                            if event[1] == "end":
                                return "".join(each[2] for each in heard if each[1] == "token")
                    fruitless = 0 if len(heard) > before else fruitless + 1
                raise ConnectionError
            """,
            """
            async def answer(connect, after=0, left=3):
                text, news = "", False
                try:
                    async for number, event, data in connect(after):
                        after, news = number, True
                        text += data if event == "token" else ""
                        if event == "end":
                            return text
                except ConnectionError:
                    pass
                left = 3 if news else left - 1
                if left == 0:
                    raise ConnectionError("nothing comes")
                return text + await answer(connect, after, left)
            """,
            """
            async def answer(connect):
                tokens, last, fruitless = {}, 0, 0
                while fruitless < 3:
                    events, fruitless = connect(last), fruitless + 1
                    while True:
                        try:
                            number, event, data = await anext(events)
                        except (ConnectionError, StopAsyncIteration):
                            break
                        last, fruitless = number, 0
                        tokens[number] = data if event == "token" else ""
                        if event == "end":
                            return "".join(tokens.values())
                raise ConnectionError
            """,
        ),
        wrong=(
            """
            async def answer(connect):
                return "".join([data async for _, event, data in connect(0) if event == "token"])
            """,
            """
            async def answer(connect):  # from the beginning each time
                text = ""
                for _ in range(10):
                    with suppress(ConnectionError):
                        async for _, event, data in connect(0):
                            text += data if event == "token" else ""
                            if event == "end":
                                return text
                raise ConnectionError
            """,
            """
            async def answer(connect):  # counts the tokens only
                text, failures = "", 0
                while failures < 3:
                    failures += 1
                    with suppress(ConnectionError):
                        async for number, event, data in connect(len(text)):
                            failures = 0
                            text += data if event == "token" else ""
                            if event == "end":
                                return text
                raise ConnectionError
            """,
            """
            async def answer(connect):  # three breaks in all
                text, after = "", 0
                for _ in range(3):
                    with suppress(ConnectionError):
                        async for after, event, data in connect(after):
                            text += data if event == "token" else ""
                            if event == "end":
                                return text
                raise ConnectionError
            """,
            """
            async def answer(connect):  # an early end is taken for the end
                text, after, failures = "", 0, 0
                while failures < 3:
                    failures += 1
                    try:
                        async for after, event, data in connect(after):
                            failures = 0
                            text += data if event == "token" else ""
                        return text
                    except ConnectionError:
                        continue
                raise ConnectionError
            """,
            """
            async def answer(connect):  # gives up without an error
                text, after, failures = "", 0, 0
                while failures < 3:
                    failures += 1
                    with suppress(ConnectionError):
                        async for after, event, data in connect(after):
                            failures = 0
                            text += data if event == "token" else ""
                            if event == "end":
                                return text
                return text
            """,
            """
            async def answer(connect):  # goes on behind the end
                text, after, failures = "", 0, 0
                ended = False
                while failures < 3 and not ended:
                    failures += 1
                    with suppress(ConnectionError):
                        async for after, event, data in connect(after):
                            failures = 0
                            ended = ended or event == "end"
                            text += data if event == "token" else ""
                if not ended:
                    raise ConnectionError
                return text
            """,
        ),
    ),
}
