"""Chapter 12, Run a LangGraph server."""

from answers import Answers

CHAPTER = "12"

SETUP = """
import json

RIGHT = {
    "A runs, B with enqueue": 4,
    "A runs, B with interrupt": 3,
    "A runs, B with rollback": 2,
    "A runs, B with reject": 2,
    "A still waits in the queue, B with interrupt": 2,
    "A runs, is cancelled with interrupt, then a run with input None": 2,
    "A runs, and its stream with on_disconnect cancel is closed": 1,
}
CONFIG = {
    "dependencies": ["."],
    "graphs": {"namu": "./chat.py:chat_graph"},
    "auth": {"path": "./login.py:auth"},
    "checkpointer": {"path": "./saver.py:saver"},
    "python_version": "3.12",
}


def asked(thread):
    return [each for group in thread["interrupts"].values() for each in group]
"""

ANSWERS = {
    1: Answers(
        right=(
            "RIGHT",
            "dict(reversed(RIGHT.items()))",
            "{case: float(count) for case, count in RIGHT.items()}",
        ),
        wrong=(
            "dict.fromkeys(RIGHT, 2)",
            "{**RIGHT, 'A runs, B with interrupt': 4}",
            "{**RIGHT, 'A runs, B with rollback': 3}",
            "{**RIGHT, 'A runs, B with reject': 4}",
            "{**RIGHT, 'A still waits in the queue, B with interrupt': 3}",
            "{**RIGHT, 'A runs, and its stream with on_disconnect cancel is closed': 0}",
            "list(RIGHT.values())",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(ctx, value):
                metadata = value.setdefault("metadata", {})
                metadata["owner"] = ctx.user.identity
                return {"owner": {"$eq": ctx.user.identity}}
            """,
            """
            async def answer(ctx, value):
                if ctx.action == "create":
                    value["metadata"]["person"] = ctx.user.identity
                return {"person": ctx.user.identity}
            """,
            """
            async def answer(ctx, value):
                mine = {"owners": {"$contains": ctx.user.identity}}
                if ctx.action == "create":
                    value["metadata"].clear()
                    value["metadata"]["owners"] = [ctx.user.identity]
                return mine
            """,
        ),
        wrong=(
            """
            async def answer(ctx, value):
                value["metadata"] = {"owner": ctx.user.identity}
                return {"owner": ctx.user.identity}
            """,
            """
            async def answer(ctx, value):
                value.setdefault("metadata", {}).update(owner=ctx.user.identity)
            """,
            """
            async def answer(ctx, value):
                value.setdefault("metadata", {}).setdefault("owner", ctx.user.identity)
                return {"owner": ctx.user.identity}
            """,
            """
            async def answer(ctx, value):
                value.setdefault("metadata", {}).update(owner=ctx.user.identity)
                if ctx.action in ("create", "search"):
                    return {"owner": ctx.user.identity}
            """,
            """
            async def answer(ctx, value):
                value.setdefault("metadata", {}).update(owner=ctx.user.identity)
                return value["metadata"].get("owner") == ctx.user.identity
            """,
            """
            async def answer(ctx, value):
                return {"owner": ctx.user.identity}
            """,
            """
            async def answer(ctx, value):
                return ctx.action == "create"
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(join, last_id="-1"):
                found = []
                try:
                    for part in join(last_id):
                        last_id = part.id
                        if part.event == "custom":
                            found.append(part.data)
                except ConnectionError:
                    found += answer(join, last_id)
                return found
            """,
            """
            async def answer(join):
                parts, ended = [], False
                while not ended:
                    try:
                        for part in join(last_event_id=parts[-1].id if parts else "-1"):
                            parts.append(part)
                        ended = True
                    except ConnectionError:
                        pass
                return [part.data for part in parts if part.event == "custom"]
            """,
            """
            def answer(join):
                seen = {}
                for _ in range(21):
                    try:
                        seen.update((part.id, part) for part in join("-1"))
                        break
                    except ConnectionError:
                        pass
                return tuple(part.data for part in seen.values() if part.event == "custom")
            """,
        ),
        wrong=(
            """
            def answer(join):
                return [part.data for part in join("-1") if part.event == "custom"]
            """,
            """
            def answer(join):
                found = []
                while True:
                    try:
                        for part in join("-1"):
                            if part.event == "custom":
                                found.append(part.data)
                        return found
                    except ConnectionError:
                        pass
            """,
            """
            def answer(join):
                found, last_id = [], None
                while True:
                    try:
                        for part in join(last_id):
                            last_id = part.id
                            if part.event == "custom":
                                found.append(part.data)
                        return found
                    except ConnectionError:
                        pass
            """,
            """
            def answer(join):
                found, last_id = [], "-1"
                for _ in range(2):
                    try:
                        for part in join(last_id):
                            last_id = part.id
                            if part.event == "custom":
                                found.append(part.data)
                        break
                    except ConnectionError:
                        pass
                return found
            """,
            """
            def answer(join):
                found, last_id = [], "-1"
                while True:
                    try:
                        for part in join(last_id):
                            last_id = part.id
                            if part.event == "custom" and part.data not in found:
                                found.append(part.data)
                        return found
                    except ConnectionError:
                        pass
            """,
            """
            def answer(join):
                found, last_id = [], "-1"
                while True:
                    try:
                        for part in join(last_id):
                            last_id = part.id
                            found.append(part.data)
                        return found
                    except ConnectionError:
                        pass
            """,
        ),
    ),
    4: Answers(
        right=(
            "CONFIG",
            "json.dumps(CONFIG)",
            "CONFIG | {'dependencies': ['./'], 'env': {'STORAGE_URL': 'x'}}",
            "CONFIG | {'graphs': {'namu': {'path': './chat.py:chat_graph'}}}",
        ),
        wrong=(
            "CONFIG | {'python_version': '3.11'}",
            "CONFIG | {'python_version': '3.9'}",
            "CONFIG | {'graphs': {'chat': './chat.py:chat_graph'}}",
            "CONFIG | {'graphs': {'namu': './chat.py:graph'}}",
            "CONFIG | {'graphs': {'namu': './chat.py'}}",
            "CONFIG | {'auth': {'path': './login.py:login'}}",
            "CONFIG | {'auth': './login.py:auth'}",
            "{k: v for k, v in CONFIG.items() if k != 'checkpointer'}",
            "{k: v for k, v in CONFIG.items() if k != 'dependencies'}",
            "{k if k != 'graphs' else 'graph': v for k, v in CONFIG.items()}",
            "json.dumps(CONFIG) + ' // mine'",
            "list(CONFIG)",
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(thread):
                resume = {e["id"]: {"approve": e["value"]["people"] <= 8} for e in asked(thread)}
                return {"resume": resume}
            """,
            """
            async def answer(thread):
                resume = {}
                for group in thread["interrupts"].values():
                    for each in group:
                        resume[each["id"]] = dict(approve=not each["value"]["people"] > 8)
                return dict(resume=resume, update=None)
            """,
            """
            def answer(thread):
                answers = [{"approve": e["value"]["people"] < 9} for e in asked(thread)]
                if len(answers) == 1:
                    return {"resume": answers[0]}
                return {"resume": {e["id"]: a for e, a in zip(asked(thread), answers)}}
            """,
        ),
        wrong=(
            """
            def answer(thread):
                return {"resume": {"approve": True}}
            """,
            """
            def answer(thread):
                return {"resume": {e["id"]: {"approve": True} for e in asked(thread)}}
            """,
            """
            def answer(thread):
                resume = {e["id"]: {"approve": e["value"]["people"] < 8} for e in asked(thread)}
                return {"resume": resume}
            """,
            """
            def answer(thread):
                groups = thread["interrupts"].items()
                resume = {k: {"approve": g[0]["value"]["people"] <= 8} for k, g in groups}
                return {"resume": resume}
            """,
            """
            def answer(thread):
                return {e["id"]: {"approve": e["value"]["people"] <= 8} for e in asked(thread)}
            """,
            """
            def answer(thread):
                resume = {e["id"]: e["value"]["people"] <= 8 for e in asked(thread)}
                return {"resume": resume}
            """,
            """
            def answer(thread):
                first = asked(thread)[0]
                return {"resume": {first["id"]: {"approve": first["value"]["people"] <= 8}}}
            """,
        ),
    ),
}
