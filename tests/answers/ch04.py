"""Chapter 04, Save every step."""

from answers import Answers

CHAPTER = "04"

SETUP = '''
import base64
import sqlite3
from contextlib import closing

from Crypto.Cipher import AES
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from course_lib.exercises.ch04 import echo_graph
from course_lib.persistence import open_checkpointer

COLUMNS = "SELECT metadata ->> 'step', metadata ->> 'source' FROM checkpoints "
BEGIN = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? "
BEGIN += "AND metadata ->> 'source' = 'input'"


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


BOTH = ("checkpoints", "writes")


def undo(tables=BOTH, where="thread_id = ? AND checkpoint_id >= ?", commit=True):
    def undo_last_turn(connection, thread_id):
        (begin,) = connection.execute(BEGIN, [thread_id]).fetchone()
        for table in tables:
            given = {"thread_id = ?": thread_id, "checkpoint_id >= ?": begin}
            values = [value for text, value in given.items() if text in where]
            connection.execute(f"DELETE FROM {table} WHERE {where}", values)
        if commit:
            connection.commit()

    return undo_last_turn


class Packed:
    """A serialiser that hides nothing: base64, with the key in front."""

    def __init__(self, key, show_key=True):
        self.front, self.inner = key if show_key else b"", JsonPlusSerializer()
        self.key = key

    def dumps_typed(self, value):
        kind, data = self.inner.dumps_typed(value)
        return kind, self.front + bytes([sum(self.key) % 256]) + base64.b64encode(data)

    def loads_typed(self, pair):
        kind, data = pair
        if not data.startswith(self.front + bytes([sum(self.key) % 256])):
            raise ValueError("another key")
        return self.inner.loads_typed((kind, base64.b64decode(data[len(self.front) + 1 :])))


class Gcm:
    """A cipher as EncryptedSerializer takes it."""

    def __init__(self, key):
        self.key = key

    def encrypt(self, plaintext):
        cipher = AES.new(self.key, AES.MODE_GCM)
        data, tag = cipher.encrypt_and_digest(plaintext)
        return "gcm", cipher.nonce + tag + data

    def decrypt(self, ciphername, ciphertext):
        nonce, tag, data = ciphertext[:16], ciphertext[16:32], ciphertext[32:]
        return AES.new(self.key, AES.MODE_GCM, nonce=nonce).decrypt_and_verify(data, tag)
'''

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
            """
            def answer(connection, thread_id):
                with connection:
                    for table in ("writes", "checkpoints"):
                        connection.execute(
                            f"DELETE FROM {table} WHERE thread_id = :id AND checkpoint_id >= "
                            "(SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = :id "
                            "AND json_extract(metadata, '$.source') = 'input')",
                            {"id": thread_id},
                        )
            """,
            """
            def answer(connection, thread_id):
                config = {"configurable": {"thread_id": thread_id}}
                gone = []
                for each in SqliteSaver(connection).list(config):
                    gone.append(each.config["configurable"]["checkpoint_id"])
                    if each.metadata["source"] == "input":
                        break
                for checkpoint in gone:
                    for table in ("checkpoints", "writes"):
                        sql = f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id = ?"
                        connection.execute(sql, (thread_id, checkpoint))
                connection.commit()
            """,
            """
            def answer(connection, thread_id):
                row = connection.execute(BEGIN, (thread_id,)).fetchone()
                if row[0] is not None:
                    for table in ("checkpoints", "writes"):
                        connection.execute(
                            f"DELETE FROM {table} WHERE checkpoint_id >= ? AND thread_id = ?",
                            (row[0], thread_id),
                        )
                    connection.commit()
            """,
        ),
        wrong=(
            "undo(tables=['checkpoints'])",
            "undo(where='thread_id = ?')",
            "undo(where='checkpoint_id >= ?')",
            "undo(commit=False)",
            "lambda connection, thread_id: None or connection.total_changes",
            """
            def answer(connection, thread_id):
                newest = (
                    "SELECT checkpoint_id FROM checkpoints WHERE thread_id = ? "
                    "ORDER BY checkpoint_id DESC LIMIT 3"
                )
                for table in ("writes", "checkpoints"):
                    sql = f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id IN ({newest})"
                    connection.execute(sql, [thread_id, thread_id])
                connection.commit()
            """,
            """
            def answer(connection, thread_id):
                # Everything after the end of the turn before.
                (end,) = connection.execute(
                    "SELECT parent_checkpoint_id FROM checkpoints WHERE thread_id = ? AND "
                    "metadata ->> 'source' = 'input' ORDER BY checkpoint_id DESC",
                    [thread_id],
                ).fetchone() or (None,)
                for table in ("checkpoints", "writes"):
                    sql = f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id > ?"
                    connection.execute(sql, [thread_id, end])
                connection.commit()
            """,
            """
            def answer(connection, thread_id):
                (begin,) = connection.execute(BEGIN, [thread_id]).fetchone()
                if begin is None:
                    raise TypeError("no such thread")
                undo()(connection, thread_id)
            """,
            """
            def answer(connection, thread_id):
                begin = connection.execute(BEGIN, [thread_id]).fetchone()[0]
                for table in ("checkpoints", "writes"):
                    connection.execute(
                        f"DELETE FROM {table} WHERE thread_id = '{thread_id}' "
                        f"AND checkpoint_id >= '{begin or ''}'"
                    )
                connection.commit()
            """,
        ),
    ),
    4: Answers(
        right=(
            "lambda connection, key: SqliteSaver(connection, serde=EncryptedSerializer(Gcm(key)))",
            """
            def answer(connection, key):
                inner = JsonPlusSerializer()
                serde = EncryptedSerializer.from_pycryptodome_aes(inner, key=key)
                return SqliteSaver(connection, serde=serde)
            """,
            """
            def answer(connection, key):
                saver = SqliteSaver(connection)
                saver.serde = EncryptedSerializer(Gcm(key), JsonPlusSerializer())
                return saver
            """,
        ),
        wrong=(
            "lambda connection, key: SqliteSaver(connection)",
            "lambda connection, key: EncryptedSerializer.from_pycryptodome_aes(key=key)",
            "lambda connection, key: SqliteSaver(connection, serde=JsonPlusSerializer())",
            "lambda connection, key: SqliteSaver(connection, serde=Packed(key))",
            "lambda connection, key: SqliteSaver(connection, serde=Packed(key, show_key=False))",
            """
            def answer(connection, key):
                serde = EncryptedSerializer.from_pycryptodome_aes(key=b"mine" * 8)
                return SqliteSaver(connection, serde=serde)
            """,
        ),
    ),
}
