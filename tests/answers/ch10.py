"""Chapter 10, Remember."""

from answers import Answers

CHAPTER = "10"

SETUP = """
from uuid import uuid4

from langchain_core.messages import trim_messages


def starts_of(messages):
    return [i for i, m in enumerate(messages) if m.type == "human"]


def found(**wanted):
    right = {
        "put again with index=False": "tea",
        "put again": "coffee",
        "deleted": "coffee",
        "the namespace above": "tea",
        "the namespace of anna": "nothing",
    }
    return {**right, **{k.replace("_", " "): v for k, v in wanted.items()}}


def keep(page, key, *, wipe=False):
    def keep_home(state, runtime):
        user = runtime.context.user
        if wipe:
            for item in runtime.store.search(page(user)):
                runtime.store.delete(item.namespace, item.key)
        runtime.store.put(page(user), key(user), {"home": state["messages"][-1].text})

    return keep_home
"""

ANSWERS = {
    1: Answers(
        right=(
            """
            def answer(messages, n):
                head = [m for m in messages[:1] if m.type == "system"]
                turns = []
                for message in messages[len(head):]:
                    if message.type == "human":
                        turns.append([])
                    turns[-1].append(message)
                kept = turns[max(len(turns) - n, 0):]
                return head + [m for turn in kept for m in turn]
            """,
            """
            def answer(messages, n):
                begin = ([len(messages)] + starts_of(messages)[::-1])[: n + 1][-1]
                head = [m for m in messages[:1] if m.type == "system"]
                return head + [m for m in messages[begin:]]
            """,
            """
            async def answer(messages, n):
                left, kept = n, []
                for message in reversed(messages):
                    if message.type == "system" or left > 0:
                        kept.insert(0, message)
                    if message.type == "human":
                        left -= 1
                return kept
            """,
        ),
        wrong=(
            "lambda messages, n: messages[-n:]",
            "lambda messages, n: messages[starts_of(messages)[-n] :] if n else []",
            "lambda messages, n: [m for m in messages if m.type in ('system', 'human')][-n:]",
            """
            def answer(messages, n):
                starts = starts_of(messages)
                return [messages[0], *messages[starts[-n] if 0 < n <= len(starts) else 1 :]]
            """,
            """
            def answer(messages, n):
                begin = ([len(messages)] + starts_of(messages)[::-1])[: n + 1][-1]
                del messages[1:begin]
                return list(messages)
            """,
            """
            def answer(messages, n):
                begin = ([len(messages)] + starts_of(messages)[::-1])[: n + 1][-1]
                return [messages[0], *messages[begin:]]
            """,
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(store, user):
                found, offset = [], 0
                while items := store.search(("notes", user), limit=10, offset=offset):
                    found += [i.value["text"] for i in items if i.namespace == ("notes", user)]
                    offset += 10
                return found
            """,
            """
            async def answer(store, user):
                items = await store.asearch(("notes", user), limit=5000)
                return [i.value["text"] for i in items if len(i.namespace) == 2]
            """,
            """
            def answer(store, user):
                items = store.search(("notes",), limit=9999)
                return tuple(i.value["text"] for i in items if i.namespace == ("notes", user))
            """,
        ),
        wrong=(
            "lambda store, user: [i.value['text'] for i in store.search(('notes', user))]",
            """
            lambda store, user: [
                i.value["text"] for i in store.search(("notes", user), limit=99)
            ]
            """,
            """
            lambda store, user: [
                i.value["text"]
                for i in store.search(("notes",), limit=99)
                if i.namespace[1].startswith(user)
            ]
            """,
            "lambda store, user: [i.value for i in store.search(('notes', user), limit=1000)]",
            """
            lambda store, user: [
                i.value["text"]
                for i in store.search(("notes", user))
                if i.namespace == ("notes", user)
            ]
            """,
        ),
    ),
    3: Answers(
        right=(
            "keep(lambda user: ('memories', user), lambda user: 'home')",
            "keep(lambda user: ('memories', user), lambda user: user)",
            "keep(lambda user: ('memories', user), lambda user: str(uuid4()), wipe=True)",
            """
            async def answer(state, runtime):
                page, text = ("memories", runtime.context.user), state["messages"][-1].text
                await runtime.store.aput(page, "home", {"home": text})
                return {}
            """,
        ),
        wrong=(
            "keep(lambda user: ('memories',), lambda user: str(uuid4()))",
            "keep(lambda user: ('memories', user), lambda user: str(uuid4()))",
            "keep(lambda user: ('memories',), lambda user: user)",
            "keep(lambda user: ('memories', 'ann'), lambda user: 'home')",
            "keep(lambda user: (user, 'memories'), lambda user: 'home')",
            """
            def answer(state, runtime):
                page, text = ("memories", runtime.context.user), state["messages"][0].text
                runtime.store.put(page, "home", {"home": text})
            """,
        ),
    ),
    4: Answers(
        right=("found()", "dict(found())", "{**found(), 'more': 'tea'}"),
        wrong=(
            "{**found(), 'put again with index=False': 'nothing'}",
            "{**found(), 'put again with index=False': 'coffee'}",
            "found(put_again='tea')",
            "found(deleted='nothing')",
            "found(the_namespace_above='nothing')",
            "found(the_namespace_of_anna='tea')",
            "{'deleted': 'coffee'}",
            "['tea', 'coffee', 'coffee', 'tea', 'nothing']",
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(store, user, wish, n):
                well = {"went_well": {"$eq": True}}
                items = store.search(("episodes", user), query=wish, filter=well, limit=n)
                return tuple(item.value["wish"] for item in items)
            """,
            """
            async def answer(store, user, wish, n):
                items = await store.asearch(("episodes", user), query=wish, limit=1000)
                return [i.value["wish"] for i in items if i.value["went_well"]][:n]
            """,
            """
            def answer(store, user, wish, n):
                items = store.search(("episodes",), query=wish, limit=1000)
                own = [i for i in items if i.namespace[1] == user and i.value["went_well"]]
                return [i.value["wish"] for i in sorted(own, key=lambda i: -i.score)[:n]]
            """,
        ),
        wrong=(
            """
            lambda store, user, wish, n: [
                i.value["wish"] for i in store.search(("episodes", user), query=wish, limit=n)
            ]
            """,
            """
            lambda store, user, wish, n: [
                i.value["wish"]
                for i in store.search(("episodes", user), query=wish, limit=n)
                if i.value["went_well"]
            ]
            """,
            """
            lambda store, user, wish, n: [
                i.value["wish"]
                for i in store.search(("episodes", user), filter={"went_well": True}, limit=n)
            ]
            """,
            """
            lambda store, user, wish, n: [
                i.value["wish"]
                for i in store.search(
                    ("episodes",), query=wish, filter={"went_well": True}, limit=n
                )
            ]
            """,
            "lambda store, user, wish, n: store.search(('episodes', user), query=wish, limit=n)",
        ),
    ),
}
