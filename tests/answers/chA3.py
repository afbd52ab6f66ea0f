"""Appendix A3, Inside a checkpointer."""

from answers import Answers

CHAPTER = "A3"

SETUP = '''
import base64

from Crypto.Cipher import AES
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from course_lib.exercises.stale_saver import StaleSaver

BEGIN = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? "
BEGIN += "AND checkpoint_ns = '' AND metadata ->> 'source' = 'input'"


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


def predicted(**changes):
    right = {
        "strict, a Visit": False,
        "strict, a date": True,
        "strict, a message": True,
        "Visit on the list": True,
        "another class on the list": False,
    }
    return {name: changes.get(name.split()[-1], right[name]) for name in right}


class Cleared(StaleSaver):
    def put_writes(self, *given, **named):
        self.cache.clear()
        super().put_writes(*given, **named)

    def delete_thread(self, thread_id):
        self.cache.clear()
        super().delete_thread(thread_id)
'''

ANSWERS = {
    1: Answers(
        right=(
            """
            def answer(connection, thread_id):
                with connection:
                    for table in ("writes", "checkpoints"):
                        connection.execute(
                            f"DELETE FROM {table} WHERE thread_id = :id AND checkpoint_id >= "
                            "(SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = :id "
                            "AND checkpoint_ns = '' "
                            "AND json_extract(metadata, '$.source') = 'input')",
                            {"id": thread_id},
                        )
            """,
            """
            def answer(connection, thread_id):
                config = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
                found = SqliteSaver(connection).list(config, filter={"source": "input"}, limit=1)
                for each in found:
                    begin = each.config["configurable"]["checkpoint_id"]
                    for table in ("checkpoints", "writes"):
                        sql = f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id >= ?"
                        connection.execute(sql, (thread_id, begin))
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
            """
            def answer(connection, thread_id):
                # The newest input of all: the subgraph's.
                (begin,) = connection.execute(
                    "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? "
                    "AND metadata ->> 'source' = 'input'",
                    [thread_id],
                ).fetchone()
                for table in ("checkpoints", "writes"):
                    sql = f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id >= ?"
                    connection.execute(sql, [thread_id, begin])
                connection.commit()
            """,
            """
            def answer(connection, thread_id):
                # Any checkpoint with the source input: no order is asked for.
                row = connection.execute(
                    "SELECT checkpoint_id FROM checkpoints WHERE thread_id = ? AND "
                    "checkpoint_ns = '' AND metadata ->> 'source' = 'input' LIMIT 1",
                    [thread_id],
                ).fetchone()
                for table in ("checkpoints", "writes"):
                    sql = f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id >= ?"
                    connection.execute(sql, [thread_id, row and row[0]])
                connection.commit()
            """,
            """
            def answer(connection, thread_id):
                begin = BEGIN.replace("?", f"'{thread_id}'")
                (begin,) = connection.execute(begin).fetchone()
                for table in ("checkpoints", "writes"):
                    sql = f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id >= ?"
                    connection.execute(sql, [thread_id, begin])
                connection.commit()
            """,
            """
            def answer(connection, thread_id):
                (begin,) = connection.execute(BEGIN, [thread_id]).fetchone()
                for table in ("checkpoints", "writes"):
                    connection.execute(
                        f"DELETE FROM {table} WHERE thread_id = '{thread_id}' "
                        f"AND checkpoint_id >= '{begin}'"
                    )
                connection.commit()
            """,
            """
            def answer(connection, thread_id):
                # The subgraphs of all turns.
                (begin,) = connection.execute(BEGIN, [thread_id]).fetchone()
                for table in ("checkpoints", "writes"):
                    delete = f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns "
                    connection.execute(delete + "<> ''", [thread_id])
                    sql = delete + "= '' AND checkpoint_id >= ?"
                    connection.execute(sql, [thread_id, begin])
                connection.commit()
            """,
            """
            def answer(connection, thread_id):
                undo()(connection, thread_id)
                connection.execute("DELETE FROM writes WHERE idx > 0")
                connection.commit()
            """,
            "undo(tables=['checkpoints', 'checkpoint_writes'])",  # as in PostgreSQL
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
                    "checkpoint_ns = '' AND metadata ->> 'source' = 'input' "
                    "ORDER BY checkpoint_id DESC",
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
    2: Answers(
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
            """
            def answer(connection, key):
                serde = EncryptedSerializer.from_pycryptodome_aes(key=key[:16])
                return SqliteSaver(connection, serde=serde)
            """,
            """
            def answer(connection, key):
                # A random key is no text.
                serde = EncryptedSerializer.from_pycryptodome_aes(key=key.decode().encode())
                return SqliteSaver(connection, serde=serde)
            """,
        ),
    ),
    3: Answers(
        right=(
            "predicted()",
            "{**predicted(), 'more': True}",
            "{name: int(value) for name, value in predicted().items()}",
        ),
        wrong=(
            "[False, True, True, True, False]",
            "{'strict, a Visit': False}",
            "predicted(Visit=True)",
            "predicted(date=False)",
            "predicted(message=False)",
            "{**predicted(), 'Visit on the list': False}",
            "{**predicted(), 'another class on the list': True}",
            "{**predicted(), 'strict, a date': 'a date'}",
        ),
    ),
    4: Answers(
        right=(
            """
            class answer(StaleSaver):
                def put_writes(self, config, writes, task_id, task_path=""):
                    InMemorySaver.put_writes(self, config, writes, task_id, task_path)
                    self.cache = {}

                def delete_thread(self, thread_id):
                    InMemorySaver.delete_thread(self, thread_id)
                    self.cache = {}
            """,
            """
            class answer(StaleSaver):
                def forget(self, thread_id):
                    for key in [each for each in self.cache if each[0] == thread_id]:
                        del self.cache[key]

                def put_writes(self, config, *given, **named):
                    self.forget(config["configurable"]["thread_id"])
                    return super().put_writes(config, *given, **named)

                def delete_thread(self, thread_id):
                    self.forget(thread_id)
                    return super().delete_thread(thread_id)
            """,
            """
            class answer(InMemorySaver):
                cached = None

                def get_tuple(self, config):
                    if self.cached is None or self.cached[0] != config:
                        self.cached = (config, super().get_tuple(config))
                    return self.cached[1]

                def put(self, *given):
                    self.cached = None
                    return super().put(*given)

                def put_writes(self, *given, **named):
                    self.cached = None
                    return super().put_writes(*given, **named)

                def delete_thread(self, *given):
                    self.cached = None
                    return super().delete_thread(*given)
            """,
            """
            class answer(StaleSaver):
                def put_writes(self, *given):
                    self.cache.clear()
                    super().put_writes(*given)

                def delete_thread(self, thread):
                    self.cache.clear()
                    super().delete_thread(thread)
            """,
            """
            class answer(InMemorySaver):
                # What was read once is read again after each change.
                def __init__(self):
                    super().__init__()
                    self.read = {}

                def get_tuple(self, config):
                    key = repr(config)
                    if key not in self.read:
                        self.read[key] = (config, super().get_tuple(config))
                    return self.read[key][1]

                def again(self):
                    for key, (config, _) in self.read.items():
                        self.read[key] = (config, super().get_tuple(config))

                def put(self, *given):
                    config = super().put(*given)
                    self.again()
                    return config

                def put_writes(self, *given, **named):
                    super().put_writes(*given, **named)
                    self.again()

                def delete_thread(self, *given):
                    super().delete_thread(*given)
                    self.again()
            """,
        ),
        wrong=(
            """
            class answer(Cleared):
                def put_writes(self, config, writes, task_id, task_path=""):
                    # What is kept is changed, and not as InMemorySaver does it.
                    InMemorySaver.put_writes(self, config, writes, task_id, task_path)
                    for kept in self.cache.values():
                        if kept and kept.config == config:
                            kept.pending_writes.extend((task_id, *each) for each in writes)
            """,
            """
            class answer(Cleared):
                def delete_thread(self, thread_id):
                    self.cache.clear()
                    self.storage.pop(thread_id, None)
            """,
            """
            class answer(Cleared):
                def put_writes(self, config, *given, **named):
                    InMemorySaver.put_writes(self, config, *given, **named)
                    wanted = config["configurable"]
                    newest = (wanted["thread_id"], wanted.get("checkpoint_ns", ""), None)
                    self.cache.pop(newest, None)
            """,
            """
            class answer(Cleared):
                def get_tuple(self, config):
                    if config["configurable"].get("checkpoint_id"):  # only the newest is kept
                        return InMemorySaver.get_tuple(self, config)
                    return super().get_tuple(config)
            """,
            "StaleSaver",
            "InMemorySaver",
            "lambda: object()",
            """
            class answer(StaleSaver):
                def put_writes(self, *given, **named):
                    self.cache.clear()
                    super().put_writes(*given, **named)
            """,
            """
            class answer(StaleSaver):
                def delete_thread(self, thread_id):
                    self.cache.clear()
                    super().delete_thread(thread_id)
            """,
            """
            class answer(Cleared):
                def put_writes(self, *given, **named):
                    self.cache.clear()
            """,
            """
            class answer(Cleared):
                def delete_thread(self, thread_id):
                    self.cache.clear()
            """,
            """
            class answer(Cleared):
                def delete_thread(self, thread_id):
                    self.cache.pop((thread_id, "", None), None)  # the newest one only
                    InMemorySaver.delete_thread(self, thread_id)
            """,
            """
            class answer(Cleared):
                def put_writes(self, config, *given, **named):
                    for key in [key for key in self.cache if key[1] == ""]:  # no subgraph's
                        del self.cache[key]
                    InMemorySaver.put_writes(self, config, *given, **named)
            """,
            """
            class answer(Cleared):
                def put_writes(self, config, writes, task_id, task_path=""):
                    super().put_writes(config, [*writes][:1], task_id, task_path)
            """,
            """
            class answer(Cleared):
                def get_tuple(self, config):
                    self.cache.clear()
                    return super().get_tuple(config)
            """,
            """
            class answer(Cleared):
                def delete_thread(self, thread_id):
                    self.cache.clear()
                    self.storage.clear()
            """,
        ),
    ),
}
