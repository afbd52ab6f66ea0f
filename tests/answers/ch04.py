"""Chapter 04, Save every step."""

from answers import Answers

CHAPTER = "04"

SETUP = """
import sqlite3
from contextlib import closing
from uuid import uuid4

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from course_lib.exercises.ch04 import echo_graph, visit_graph
from course_lib.persistence import open_checkpointer

COLUMNS = "SELECT metadata ->> 'step', metadata ->> 'source' FROM checkpoints "
EMPTY = {"visits": 0, "shown": []}


def texts_of(saver, thread_id, text):
    state = echo_graph(saver).invoke(
        {"messages": [{"role": "user", "content": text}]},
        {"configurable": {"thread_id": thread_id}},
    )
    return [message.text for message in state["messages"]]


def steps(where="thread_id = ?", order="ORDER BY checkpoint_id"):
    def steps_of(connection, thread_id):
        sql = f"{COLUMNS} WHERE {where} {order}"
        return connection.execute(sql, [thread_id] * sql.count("?")).fetchall()

    return steps_of


def predicted(**changes):
    right = {
        "one node, one turn": 3,
        "three nodes in a row, one turn": 5,
        "three nodes at once, one turn": 3,
        "two nodes in a row, two turns": 8,
        "one node that raises an error": 2,
    }
    return {**right, **{name: changes[name.split(",")[0].replace(" ", "_")] for name in right
                        if name.split(",")[0].replace(" ", "_") in changes}}
"""

ANSWERS = {
    1: Answers(
        right=(
            """
            def answer(url, thread_id, text):
                path = url.removeprefix("sqlite:///")
                with SqliteSaver.from_conn_string(path) as saver:
                    return texts_of(saver, thread_id, text)
            """,
            """
            def answer(url, thread_id, text):
                config = {"configurable": {"thread_id": thread_id}}
                with open_checkpointer(url) as saver:
                    graph = echo_graph(saver)
                    for _ in graph.stream({"messages": [HumanMessage(text)]}, config):
                        pass
                    return [m.content for m in graph.get_state(config).values["messages"]]
            """,
            """
            def answer(url, thread_id, text):
                with closing(sqlite3.connect(url.split("///")[1], check_same_thread=False)) as db:
                    return texts_of(SqliteSaver(db), thread_id, text)
            """,
        ),
        wrong=(
            "lambda url, thread_id, text: texts_of(InMemorySaver(), thread_id, text)",
            """
            kept = InMemorySaver()


            def answer(url, thread_id, text):
                return texts_of(kept, thread_id, text)
            """,
            "lambda url, thread, text: (text, text)",
            "lambda url, thread, text: [text]",
            """
            def answer(url, thread_id, text):
                with open_checkpointer(url) as saver:
                    return texts_of(saver, "always the same", text)
            """,
            """
            def answer(url, thread_id, text):
                with open_checkpointer(url) as saver:
                    return texts_of(saver, thread_id, text)[-2:]
            """,
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(connection, thread_id):
                rows = connection.execute(
                    "SELECT checkpoint_id, json_extract(metadata, '$.step'), "
                    "json_extract(metadata, '$.source') FROM checkpoints WHERE thread_id = :id",
                    {"id": thread_id},
                )
                return [(step, source) for _, step, source in sorted(rows)]
            """,
            "steps(order=\"ORDER BY metadata ->> 'step'\")",
            """
            def answer(connection, thread_id):
                config = {"configurable": {"thread_id": thread_id}}
                found = [each.metadata for each in SqliteSaver(connection).list(config)]
                return [(each["step"], each["source"]) for each in reversed(found)]
            """,
        ),
        wrong=(
            "steps(order='ORDER BY checkpoint_id DESC')",
            "steps(order='')",
            "steps(order='ORDER BY metadata')",
            "steps(where='1 = 1')",
            "steps(where='thread_id LIKE ?')",
            "lambda connection, thread_id: iter([])",
            "lambda connection, thread_id: [1] * 15",
            """
            def answer(connection, thread_id):
                where = f"WHERE thread_id = '{thread_id}' ORDER BY checkpoint_id"
                return connection.execute(COLUMNS + where).fetchall()
            """,
        ),
    ),
    3: Answers(
        right=(
            "predicted()",
            "{**predicted(), 'more': 1}",
            "dict(reversed(predicted().items()))",
        ),
        wrong=(
            "[3, 5, 3, 8, 2]",
            "{'one node, one turn': 3}",
            "predicted(one_node=2)",
            "predicted(three_nodes_in_a_row=3)",
            "predicted(three_nodes_at_once=5)",
            "predicted(two_nodes_in_a_row=4)",
            "predicted(two_nodes_in_a_row=7)",
            "predicted(one_node_that_raises_an_error=3)",
            "predicted(one_node_that_raises_an_error=0)",
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(graph, config, text):
                kept = graph.get_state(config).values
                fields = {name: kept.get(name, EMPTY[name]) for name in EMPTY}
                return graph.invoke({"messages": [("user", text)], **fields}, config)
            """,
            """
            def answer(graph, config, text):
                new = next(graph.get_state_history(config), None) is None
                return graph.invoke({"messages": [text], **(EMPTY if new else {})}, config)
            """,
            """
            def answer(graph, config, text):
                given = {"messages": [{"role": "user", "content": text}]}
                if graph.checkpointer.get_tuple(config) is None:
                    given.update(EMPTY)
                for _ in graph.stream(given, config):
                    pass
                return graph.get_state(config).values
            """,
        ),
        wrong=(
            "lambda graph, config, text: graph.invoke({'messages': [text], **EMPTY}, config)",
            "lambda graph, config, text: graph.get_state(config).values",
            """
            known = set()


            def answer(graph, config, text):
                thread = config["configurable"]["thread_id"]
                given = {"messages": [text], **({} if thread in known else EMPTY)}
                known.add(thread)
                return graph.invoke(given, config)
            """,
            """
            def answer(graph, config, text):
                new = not graph.get_state(config).values
                graph.invoke({"messages": [text], **(EMPTY if new else {})}, config)
            """,
            """
            def answer(graph, config, text):
                visits = graph.get_state(config).values.get("visits", 0)
                return graph.invoke({"messages": [text], "visits": visits, "shown": []}, config)
            """,
            """
            def answer(graph, config, text):
                elsewhere = {"configurable": {"thread_id": str(uuid4())}}
                return graph.invoke({"messages": [text], **EMPTY}, elsewhere)
            """,
            """
            def answer(graph, config, text):
                kept = graph.get_state(config).values
                graph.checkpointer.delete_thread(config["configurable"]["thread_id"])
                return graph.invoke({**EMPTY, **kept, "messages": [text]}, config)
            """,
        ),
    ),
}
