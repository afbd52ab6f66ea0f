"""Chapter 05, Map users to threads."""

from answers import Answers

CHAPTER = "05"

SETUP = """
import hashlib
import json
from collections import ChainMap
from functools import cache
from types import MappingProxyType
from uuid import NAMESPACE_URL, UUID, uuid3, uuid4, uuid5

from langchain_core.messages import HumanMessage

known = {}


def joined(mark):
    return lambda tenant, user: str(uuid5(NAMESPACE_URL, f"{tenant}{mark}{user}"))


def predicted(**changes):
    right = {
        "number and text": 4,
        "same session": 2,
        "context": None,
        "newest checkpoint": None,
        "search": 3,
    }
    return {**right, **{name.replace("_", " "): value for name, value in changes.items()}}


def asking(thread_of):
    # The answers that are made of it differ only in the id of a new thread.
    def ask(graph, threads, user, text):
        if user not in threads:
            threads[user] = thread_of(threads, user)
        return said_in(threads[user], graph, text)

    return ask


def said_in(thread_id, graph, text):
    return graph.invoke({"messages": [("user", text)]}, {"configurable": {"thread_id": thread_id}})
"""

ANSWERS = {
    1: Answers(
        right=(
            "lambda tenant, user: str(uuid5(NAMESPACE_URL, json.dumps([tenant, user])))",
            "cache(lambda tenant, user: str(uuid3(NAMESPACE_URL, repr((tenant, user)))))",
            """
            def answer(tenant, user):
                parts = [hashlib.sha256(name.encode()).digest() for name in (tenant, user)]
                return str(UUID(bytes=hashlib.sha256(b"".join(parts)).digest()[:16]))
            """,
            "lambda tenant, user: str(uuid5(NAMESPACE_URL, f'{len(tenant)}:{tenant}{user}'))",
        ),
        wrong=(
            "lambda tenant, user: str(uuid4())",
            "lambda tenant, user: f'{tenant}/{user}'",
            "joined('')",
            "joined('-')",
            "joined('::')",
            "joined(chr(0x1f))",
            "joined(chr(0))",
            "joined(' | ')",
            "lambda tenant, user: str(uuid5(NAMESPACE_URL, f'{tenant}/{user}'.lower()))",
            "lambda tenant, user: str(uuid5(NAMESPACE_URL, user))",
            "lambda tenant, user: str(uuid5(NAMESPACE_URL, json.dumps(sorted([tenant, user]))))",
            "lambda tenant, user: uuid5(NAMESPACE_URL, f'{tenant}/{user}')",
            "cache(lambda tenant, user: str(uuid4()))",
            "lambda tenant, user: known.setdefault((tenant, user), str(uuid4()))",
            "lambda tenant, user: str(UUID(int=hash((tenant, user)) % 2**128))",
            """
            def answer(tenant, user):
                return str(UUID(int=known.setdefault((tenant, user), len(known))))
            """,
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(owners, user, thread_id):
                try:
                    mine = owners[thread_id] == user
                except KeyError:
                    mine = False
                if mine:
                    return thread_id
                raise KeyError(thread_id)
            """,
            """
            def answer(owners, user, thread_id):
                if (thread_id, user) in owners.items():
                    return thread_id
                raise LookupError
            """,
            """
            class NoSuchThread(LookupError):
                pass


            def answer(owners, user, thread_id):
                if owners.get(thread_id, object()) != user:
                    raise NoSuchThread(f"{thread_id}?")
                return thread_id
            """,
        ),
        wrong=(
            "lambda owners, user, thread_id: thread_id",
            "lambda owners, user, thread_id: thread_id if owners.get(thread_id) == user else None",
            """
            def answer(owners, user, thread_id):
                if owners.get(thread_id) != user:
                    raise LookupError("no such thread")
                return thread_id
            """,
            """
            def answer(owners, user, thread_id):
                if thread_id not in owners:
                    raise LookupError("no such thread")
                if owners[thread_id] != user:
                    raise LookupError("not yours")
                return thread_id
            """,
            """
            def answer(owners, user, thread_id):
                if owners[thread_id] != user:
                    raise LookupError(thread_id)
                return thread_id
            """,
            """
            def answer(owners, user, thread_id):
                if owners.get(thread_id) != user:
                    raise PermissionError(thread_id)
                return thread_id
            """,
        ),
    ),
    3: Answers(
        right=(
            "predicted()",
            "{**predicted(), 'more': 1}",
            "MappingProxyType(dict(reversed(predicted().items())))",
        ),
        wrong=(
            "[4, 2, None, None, 3]",
            "{'number and text': 4}",
            "predicted(number_and_text=2)",
            "predicted(number_and_text='4')",
            "predicted(same_session=4)",
            "predicted(context={'user': 'ann'})",
            "predicted(newest_checkpoint='ann')",
            "predicted(search=0)",
            "predicted(search=1)",
            "predicted(search=6)",
        ),
    ),
    4: Answers(
        right=(
            "asking(lambda threads, user: str(uuid5(uuid4(), user)))",
            """
            def answer(graph, threads, user, text):
                thread_id = threads.setdefault(user, str(uuid4()))
                config = {"configurable": {"thread_id": thread_id}}
                for _ in graph.stream({"messages": [HumanMessage(text)]}, config):
                    pass
                return graph.get_state(config).values
            """,
            """
            async def answer(graph, threads, user, text):
                threads[user] = threads.get(user) or uuid4().hex
                config = {"configurable": {"thread_id": threads[user]}}
                message = {"role": "user", "content": text}
                return await graph.ainvoke({"messages": [message]}, config)
            """,
            """
            def answer(graph, threads, user, text):
                number = 1
                while user not in threads:
                    found = graph.get_state({"configurable": {"thread_id": number}})
                    if not found.values:
                        threads[user] = number
                    number += 1
                return said_in(threads[user], graph, text)
            """,
            "asking(lambda threads, user: uuid4())",
        ),
        wrong=(
            "asking(lambda threads, user: user)",
            "asking(lambda threads, user: len(threads) + 1)",
            "asking(lambda threads, user: None)",
            "asking(lambda threads, user: 'guests')",
            """
            def answer(graph, threads, user, text):
                number = 1
                while number in threads.values():
                    number += 1
                return said_in(threads.setdefault(user, number), graph, text)
            """,
            """
            def answer(graph, threads, user, text):
                number, used = 1, {str(each) for each in threads.values()}
                while str(number) in used:
                    number += 1
                return said_in(threads.setdefault(user, number), graph, text)
            """,
            "lambda graph, threads, user, text: said_in(threads.get(user), graph, text)",
            """
            def answer(graph, threads, user, text):
                return said_in(threads.get(user, str(uuid4())), graph, text)
            """,
            """
            def answer(graph, threads, user, text):
                threads = {**threads, user: threads.get(user, str(uuid4()))}
                return said_in(threads[user], graph, text)
            """,
            """
            def answer(graph, threads, user, text):
                threads[user] = str(uuid4())
                return said_in(threads[user], graph, text)
            """,
            """
            def answer(graph, threads, user, text):
                said_in(threads.setdefault(user, str(uuid4())), graph, text)
            """,
            """
            def answer(graph, threads, user, text):
                threads.setdefault(user, str(uuid4()))
                return said_in(known.setdefault(user, str(uuid4())), graph, text)
            """,
            """
            def answer(graph, threads, user, text):
                for name in [user, *threads]:
                    threads[name] = str(uuid5(NAMESPACE_URL, name))
                return said_in(threads[user], graph, text)
            """,
        ),
    ),
}
