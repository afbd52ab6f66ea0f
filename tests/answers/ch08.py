"""Chapter 08, Travel in time."""

from answers import Answers

CHAPTER = "08"

SETUP = """
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Overwrite

from course_lib.persistence import CheckpointTree


def asked(snapshot):
    return [m for m in snapshot.values.get("messages", []) if m.type == "human"]


def texts(snapshot):
    return [m.text for m in snapshot.values.get("messages", [])]


def id_of(config):
    return config["configurable"]["checkpoint_id"] if config else None


HELD = {
    "replay": ["one", "two"],
    "replay, then ask": 6,
    "update": 6,
    "update as note": 7,
    "remove": ["one", "two", "three"],
    "edit": ["one", "two"],
    "old end": 6,
}


def by_hand(node, run=False, **options):
    def answer_by_hand(graph, thread, question_id, text):
        for s in graph.get_state_history(thread):
            if s.next == (node,) and asked(s)[-1].id == question_id:
                written = {"messages": [AIMessage(text)]}
                config = graph.update_state(s.config, written, **options)
                return graph.invoke(None, config) if run else config

    return answer_by_hand


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
            "HELD",
            "{name: tuple(v) if isinstance(v, list) else v for name, v in HELD.items()}",
            "__import__('types').MappingProxyType({**HELD, 'another case': 1})",
        ),
        wrong=(
            "{**HELD, 'replay': ['one', 'two', 'two']}",
            "{**HELD, 'replay': ['one', 'two', 'three']}",
            "{**HELD, 'replay, then ask': 8}",
            "{**HELD, 'update': 7}",
            "{**HELD, 'update as note': 6}",
            "{**HELD, 'remove': ['one', 'two']}",
            "{**HELD, 'edit': ['one', 'TWO']}",
            "{**HELD, 'old end': 4}",
            "{'replay': ['one', 'two']}",
            "list(HELD.values())",
        ),
    ),
    2: Answers(
        right=(
            "by_hand('answer', run=True, as_node='answer')",
            """
            def answer(graph, thread, question_id, text):
                # The answer at the end of that turn gets another text.
                for s in graph.get_state_history(thread):
                    if not s.next and asked(s)[-1].id == question_id:
                        old = s.values["messages"][-1]
                        edited = {"messages": [AIMessage(text, id=old.id)]}
                        return graph.update_state(s.config, edited)
            """,
            """
            async def answer(graph, thread, question_id, text):
                async for s in graph.aget_state_history(thread):
                    if s.next == ("answer",) and asked(s)[-1].id == question_id:
                        written = {"messages": ("ai", text)}
                        return await graph.aupdate_state(s.config, written, as_node="answer")
            """,
            """
            def answer(graph, thread, question_id, text):
                # Both nodes by hand, from where the turn began.
                for s in graph.get_state_history(thread):
                    if s.next == ("note",) and asked(s)[-1].id == question_id:
                        noted = {"asked": [asked(s)[-1].text]}
                        config = graph.update_state(s.config, noted, as_node="note")
                        written = {"messages": [AIMessage(text)]}
                        return graph.update_state(config, written, as_node="answer")
            """,
        ),
        wrong=(
            "by_hand('answer', run=True)",
            """
            def answer(graph, thread, question_id, text):
                return by_hand("answer", as_node="answer")(graph, thread, question_id, "by hand")
            """,
            """
            def answer(graph, thread, question_id, text):
                # No branch: what came after the question is taken out of the newest state.
                state = graph.get_state(thread).values
                at = [m.id for m in state["messages"]].index(question_id) + 1
                gone = [RemoveMessage(id=m.id) for m in state["messages"][at:]]
                asked_then = Overwrite(state["asked"][: at // 2 + 1])
                written = {"messages": [*gone, AIMessage(text)], "asked": asked_then}
                graph.update_state(thread, written, as_node="answer")
            """,
            "by_hand('answer')",
            """
            def answer(graph, thread, question_id, text):
                # The texts are those that were said, and every message is a new one.
                for s in graph.get_state_history(thread):
                    if s.next == ("answer",) and asked(s)[-1].id == question_id:
                        again = [type(m)(m.text) for m in s.values["messages"]]
                        gone = RemoveMessage(id=REMOVE_ALL_MESSAGES)
                        written = {"messages": [gone, *again, AIMessage(text)]}
                        return graph.update_state(s.config, written, as_node="answer")
            """,
            "by_hand('answer', as_node='note')",
            "by_hand('answer', as_node='__start__')",
            "by_hand('note', as_node='answer')",  # the question was not noted yet
            """
            def answer(graph, thread, question_id, text):
                graph.update_state(thread, {"messages": [AIMessage(text)]}, as_node="answer")
            """,
            """
            def answer(graph, thread, question_id, text):
                messages = graph.get_state(thread).values["messages"]
                at = [m.id for m in messages].index(question_id) + 1
                edited = {"messages": [AIMessage(text, id=messages[at].id)]}
                graph.update_state(thread, edited)  # what came after is still there
            """,
            """
            def answer(graph, thread, question_id, text):
                for s in graph.get_state_history(thread):
                    if s.next == ("answer",) and asked(s)[-1].id == question_id:
                        state = graph.invoke(None, s.config)
                        edited = AIMessage(text, id=state["messages"][-1].id)
                        return graph.update_state(thread, {"messages": [edited]})
            """,
            """
            def answer(graph, thread, question_id, text):
                for s in graph.get_state_history(thread):
                    if s.next == ("answer",) and asked(s)[-1].id == question_id:
                        written = {"messages": [HumanMessage(text)]}
                        return graph.update_state(s.config, written, as_node="answer")
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
                graph.update_state(ends[1].config, {"messages": []}, as_node="answer")
            """,
            """
            def answer(graph, thread):
                ends = [s for s in graph.get_state_history(thread) if not s.next]
                graph.update_state(ends[1].config, None)
            """,
        ),
        wrong=(
            """
            def answer(graph, thread):
                state = graph.get_state(thread).values
                again = [m.text for m in state["messages"][:-2]]
                written = [RemoveMessage(id=REMOVE_ALL_MESSAGES), *again]
                asked_then = Overwrite(state["asked"][:-1])
                update = {"messages": written, "asked": asked_then}
                graph.update_state(thread, update, as_node="answer")
            """,
            """
            def answer(graph, thread):
                state = graph.get_state(thread).values
                again = [type(m)(m.text) for m in state["messages"][:-2]]
                written = [RemoveMessage(id=REMOVE_ALL_MESSAGES), *again]
                asked_then = Overwrite(state["asked"][:-1])
                update = {"messages": written, "asked": asked_then}
                graph.update_state(thread, update, as_node="answer")
            """,
            "remove(2, as_node='answer')",
            "remove(1, as_node='answer')",
            "remove(2, as_node='__start__')",
            "remove(3, as_node='answer')",
            """
            def answer(graph, thread):
                # The end of the second turn, whichever turn is the last one.
                ends = [s for s in graph.get_state_history(thread) if not s.next]
                graph.update_state(ends[-2].config, None, as_node="__copy__")
            """,
            """
            def answer(graph, thread):
                for s in graph.get_state_history(thread):
                    if s.metadata["step"] == 6:
                        graph.update_state(s.config, None, as_node="__copy__")
            """,
            """
            def answer(graph, thread):
                # Not a copy: the fields are cut to two turns, however many there were.
                state = graph.get_state(thread).values
                gone = [RemoveMessage(id=m.id) for m in state["messages"][4:]]
                written = {"messages": gone, "asked": Overwrite(state["asked"][:2])}
                graph.update_state(thread, written, as_node="answer")
            """,
            "lambda graph, thread: graph.checkpointer.delete_thread('ann')",
            "lambda graph, thread: graph.get_state(thread).values['messages'][:-2]",
            """
            def answer(graph, thread):
                kept = graph.get_state(thread).values["messages"][:-2]
                graph.update_state(thread, {"messages": kept}, as_node="answer")
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
            """
            def answer(graph, thread):
                # A branch of the course's tree also begins where one is named.
                tree = CheckpointTree.from_graph(graph, thread)
                ends = [tree.checkpoints[i].config for i in tree.branches.values()]
                return [texts(graph.get_state(config)) for config in ends]
            """,
            """
            def answer(graph, thread):
                # The newer neighbour is a child, where nobody went back to an older branch.
                h = list(graph.get_state_history(thread))
                ends = [s for newer, s in zip([None, *h], h)
                        if newer is None or id_of(newer.parent_config) != id_of(s.config)]
                return [texts(s) for s in ends]
            """,
            """
            def answer(graph, thread):
                h = list(graph.get_state_history(thread))
                ends = [s for newer, s in zip([None, *h], h)
                        if newer is None or newer.metadata["step"] != s.metadata["step"] + 1]
                return [texts(s) for s in ends]
            """,
            """
            def answer(graph, thread):
                # Two branches may end with the same texts.
                history = list(graph.get_state_history(thread))
                parents = {id_of(s.parent_config) for s in history}
                ends = {tuple(texts(s)) for s in history if id_of(s.config) not in parents}
                return [list(each) for each in ends]
            """,
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
                # A branch that is only an edit has still something to run.
                history = list(graph.get_state_history(thread))
                parents = {id_of(s.parent_config) for s in history}
                ends = [s for s in history if not s.next and id_of(s.config) not in parents]
                return [texts(s) for s in ends]
            """,
            """
            def answer(graph, thread):
                # An end that another branch goes through is an end too.
                ends = [texts(s) for s in graph.get_state_history(thread) if not s.next]
                return [e for e in ends if not any(o != e and o[: len(e)] == e for o in ends)]
            """,
            """
            def answer(graph, thread):
                longest = max(graph.get_state_history(thread), key=lambda s: len(texts(s)))
                return [texts(longest)]
            """,
        ),
    ),
}
