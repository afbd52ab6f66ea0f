"""Chapter 08, Travel in time."""

from answers import Answers

CHAPTER = "08"

SETUP = """
from langchain_core.messages import HumanMessage, RemoveMessage


def asked(snapshot):
    return [m for m in snapshot.values.get("messages", []) if m.type == "human"]


def texts(snapshot):
    return [m.text for m in snapshot.values.get("messages", [])]


def id_of(config):
    return config["configurable"]["checkpoint_id"] if config else None


def first(matches):
    def find(graph, thread, n):
        for snapshot in graph.get_state_history(thread):
            if matches(snapshot, n):
                return snapshot.config

    return find


def remove(count, **options):
    def take_back(graph, thread):
        messages = graph.get_state(thread).values["messages"][-count:]
        gone = [RemoveMessage(id=m.id) for m in messages]
        graph.update_state(thread, {"messages": gone}, **options)

    return take_back
"""

ANSWERS = {
    1: Answers(
        right=(
            """
            def answer(graph, thread, n):
                ends = [s for s in graph.get_state_history(thread) if not s.next]
                return ends[-n].config
            """,
            "first(lambda s, n: len(texts(s)) == 2 * n and s.next == ())",
            """
            def answer(graph, thread, n):
                for saved in reversed(list(graph.checkpointer.list(thread))):
                    values = saved.checkpoint["channel_values"]
                    if len(values.get("messages", [])) == 2 * n:
                        return saved.config
            """,
            """
            def answer(graph, thread, n):
                history = reversed(list(graph.get_state_history(thread)))
                return next(s for s in history if len(texts(s)) == 2 * n)
            """,
        ),
        wrong=(
            "first(lambda s, n: len(asked(s)) == n and s.next)",
            "first(lambda s, n: not s.next)",
            "lambda graph, thread, n: thread",
            "lambda graph, thread, n: n",
            "first(lambda s, n: len(asked(s)) == n + 1)",
            "lambda graph, thread, n: list(graph.get_state_history(thread))[n - 1].config",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(graph, thread, message_id, text):
                for snapshot in graph.get_state_history(thread):
                    ids = [m.id for m in snapshot.values.get("messages", [])]
                    if not snapshot.next and message_id not in ids:
                        question = HumanMessage(text, id=message_id)
                        return graph.invoke({"messages": [question]}, snapshot.config)
            """,
            """
            def answer(graph, thread, message_id, text):
                for s in graph.get_state_history(thread):
                    if s.next == ("echo",) and s.values["messages"][-1].id == message_id:
                        changed = {"messages": HumanMessage(text, id=message_id)}
                        config = graph.update_state(s.config, changed, as_node="__start__")
                        list(graph.stream(None, config))
                        return
            """,
            """
            async def edit(graph, thread, message_id, text):
                async for s in graph.aget_state_history(thread):
                    if s.next == ("echo",) and asked(s)[-1].id == message_id:
                        edited = asked(s)[-1].model_copy(update={"content": text})
                        config = await graph.aupdate_state(s.config, {"messages": [edited]})
                        return await graph.ainvoke(None, config)


            answer = edit
            """,
        ),
        wrong=(
            """
            def answer(graph, thread, message_id, text):
                graph.update_state(thread, {"messages": [HumanMessage(text, id=message_id)]})
            """,
            """
            def answer(graph, thread, message_id, text):
                for s in graph.get_state_history(thread):
                    messages = s.values.get("messages", [])
                    if s.next and messages and messages[-1].id == message_id:
                        edited = [RemoveMessage(id=message_id), HumanMessage(text)]
                        graph.invoke(None, graph.update_state(s.config, {"messages": edited}))
                        return
            """,
            """
            def answer(graph, thread, message_id, text):
                kept = graph.get_state(thread).values["messages"][:2]
                graph.checkpointer.delete_thread(thread["configurable"]["thread_id"])
                graph.invoke({"messages": [*kept, HumanMessage(text, id=message_id)]}, thread)
            """,
            """
            def answer(graph, thread, message_id, text):
                graph.invoke({"messages": [HumanMessage(text, id=message_id)]}, thread)
            """,
            """
            def answer(graph, thread, message_id, text):
                for s in graph.get_state_history(thread):
                    messages = s.values.get("messages", [])
                    if s.next and messages and messages[-1].id == message_id:
                        changed = {"messages": [HumanMessage(text, id=message_id)]}
                        return graph.update_state(s.config, changed)  # never run
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(graph, thread):
                last = len(asked(graph.get_state(thread)))
                for s in graph.get_state_history(thread):
                    if not s.next and len(asked(s)) == last - 1:
                        return graph.update_state(s.config, None, as_node="__copy__")
            """,
            """
            def answer(graph, thread):
                ends = [s for s in graph.get_state_history(thread) if not s.next]
                graph.update_state(ends[1].config, {"messages": []}, as_node="echo")
            """,
            """
            def answer(graph, thread):
                ends = [s for s in graph.get_state_history(thread) if not s.next]
                graph.update_state(ends[1].config, None)
            """,
        ),
        wrong=(
            "remove(2, as_node='echo')",
            "remove(1, as_node='echo')",
            "remove(2, as_node='__start__')",
            "remove(3, as_node='echo')",
            "lambda graph, thread: graph.checkpointer.delete_thread('ann')",
            "lambda graph, thread: graph.get_state(thread).values['messages'][:-2]",
            """
            def answer(graph, thread):
                kept = graph.get_state(thread).values["messages"][:-2]
                graph.update_state(thread, {"messages": kept}, as_node="echo")
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(graph, thread):
                history = list(graph.get_state_history(thread))
                return [
                    texts(s)
                    for s in history
                    if not any(id_of(o.parent_config) == id_of(s.config) for o in history)
                ]
            """,
            """
            def answer(graph, thread):
                saved = list(graph.checkpointer.list(thread))
                ends = {id_of(each.config) for each in saved}
                ends -= {id_of(each.parent_config) for each in saved}
                return [
                    tuple(m.text for m in each.checkpoint["channel_values"]["messages"])
                    for each in saved
                    if id_of(each.config) in ends
                ]
            """,
            """
            def answer(graph, thread):
                children = {}
                for s in graph.get_state_history(thread):
                    children.setdefault(id_of(s.parent_config), []).append(s)

                def leaves(snapshot):
                    below = children.get(id_of(snapshot.config), [])
                    if not below:
                        yield texts(snapshot)
                    for each in below:
                        yield from leaves(each)

                return [leaf for root in children[None] for leaf in leaves(root)]
            """,
        ),
        wrong=(
            "lambda graph, thread: [texts(graph.get_state(thread))]",
            "lambda graph, thread: len(list(graph.get_state_history(thread)))",
            """
            def answer(graph, thread):
                return [texts(s) for s in graph.get_state_history(thread) if not s.next]
            """,
            """
            def answer(graph, thread):
                history = list(graph.get_state_history(thread))
                parents = {id_of(s.parent_config) for s in history}
                return [s.values["messages"] for s in history if id_of(s.config) not in parents]
            """,
            """
            def answer(graph, thread):
                longest = max(graph.get_state_history(thread), key=lambda s: len(texts(s)))
                return [texts(longest)]
            """,
        ),
    ),
}
