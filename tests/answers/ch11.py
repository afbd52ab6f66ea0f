"""Chapter 11, Keep it small and clean."""

from answers import Answers

CHAPTER = "11"

SETUP = '''
import uuid
from datetime import UTC, datetime, timedelta

from langgraph.checkpoint.base import get_checkpoint_id

from course_lib.exercises.counting_saver import CountingSaver

RIGHT = {
    "the tables of the saver": False,
    "the files of the database, read as bytes": True,
    "the store": True,
    "the title in the thread directory": True,
    "the cache, if the thread was deleted without it": True,
    "the cache, if the thread was deleted through it": False,
    "a backup from the day before": True,
}
EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
RANKED = """SELECT thread_id, checkpoint_ns, checkpoint_id, row_number() OVER
    (PARTITION BY thread_id, checkpoint_ns ORDER BY checkpoint_id DESC) AS rank FROM checkpoints"""


class CachingSaver(CountingSaver):
    def __init__(self):
        super().__init__()
        self.newest = {}

    def get_tuple(self, config):
        if get_checkpoint_id(config):
            return super().get_tuple(config)
        given = config["configurable"]
        place = given["thread_id"], given.get("checkpoint_ns", "")
        if place not in self.newest:
            self.newest[place] = super().get_tuple(config)
        return self.newest[place]

    def put(self, config, checkpoint, metadata, new_versions):
        self.drop(config["configurable"]["thread_id"])
        return super().put(config, checkpoint, metadata, new_versions)

    def drop(self, thread_id):
        self.newest = {place: kept for place, kept in self.newest.items() if place[0] != thread_id}
'''

ANSWERS = {
    1: Answers(
        right=(
            "RIGHT",
            "dict(reversed(RIGHT.items()))",
            "{place: int(holds) for place, holds in RIGHT.items()}",
        ),
        wrong=(
            "dict.fromkeys(RIGHT, True)",
            "dict.fromkeys(RIGHT, False)",
            "{**RIGHT, 'the files of the database, read as bytes': False}",
            "{**RIGHT, 'the title in the thread directory': False}",
            "{**RIGHT, 'the cache, if the thread was deleted without it': False}",
            "{**RIGHT, 'the cache, if the thread was deleted through it': True}",
            "{**RIGHT, 'the store': 'yes'}",
            "{'the store': True}",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(checkpoint_id):
                parts = uuid.UUID(checkpoint_id)
                ticks = parts.time_low << 28 | parts.time_mid << 12
                ticks |= parts.time_hi_version & 0xFFF
                return EPOCH + timedelta(microseconds=ticks / 10)
            """,
            """
            def answer(checkpoint_id):
                first, second, third, *_ = checkpoint_id.split("-")
                seconds = int(first + second + third[1:], 16) / 1e7
                return datetime.fromtimestamp(seconds - 12_219_292_800, UTC)
            """,
            """
            def answer(checkpoint_id):
                number = uuid.UUID(checkpoint_id).int
                ticks = (number >> 80) << 12 | (number >> 64) & 0xFFF
                return EPOCH + ticks // 10 * timedelta.resolution
            """,
            """
            async def answer(checkpoint_id):
                digits = checkpoint_id.replace("-", "")[:16]
                ticks = int(digits[:12] + digits[13:], 16)
                local = timedelta(hours=9)
                from datetime import timezone
                return (EPOCH + timedelta(microseconds=ticks // 10)).astimezone(timezone(local))
            """,
        ),
        wrong=(
            """
            def answer(checkpoint_id):
                ticks = int(checkpoint_id[:8], 16)
                return EPOCH + timedelta(microseconds=ticks // 10)
            """,
            """
            def answer(checkpoint_id):
                digits = checkpoint_id.replace("-", "")
                return EPOCH + timedelta(microseconds=int(digits[:16], 16) // 1000)
            """,
            """
            def answer(checkpoint_id):
                digits = checkpoint_id.replace("-", "")
                ticks = int(digits[:12] + digits[13:16], 16)
                return datetime(1582, 10, 15) + timedelta(microseconds=ticks // 10)
            """,
            """
            def answer(checkpoint_id):
                digits = checkpoint_id.replace("-", "")
                ticks = int(digits[:12] + digits[13:16], 16)
                return datetime(1583, 10, 15, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
            """,
            """
            def answer(checkpoint_id):
                digits = checkpoint_id.replace("-", "")
                ticks = int(digits[:12] + "000", 16)
                moment = EPOCH + timedelta(microseconds=ticks // 10)
                return moment.replace(microsecond=0)
            """,
            """
            def answer(checkpoint_id):
                digits = checkpoint_id.replace("-", "")
                ticks = int(digits[:12] + digits[13:16], 16)
                return (EPOCH + timedelta(microseconds=ticks // 10)).isoformat()
            """,
            """
            def answer(checkpoint_id):
                # the fields of a version 1 id, which come in another order
                low, mid, high = checkpoint_id.split("-")[:3]
                ticks = int(high[1:] + mid + low, 16)
                return EPOCH + timedelta(microseconds=ticks // 10)
            """,
            "lambda checkpoint_id: datetime.now(UTC)",
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(database, thread_id, count):
                rows = database.execute(
                    "SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE thread_id = ? "
                    "ORDER BY checkpoint_id DESC", [thread_id]
                ).fetchall()
                seen = {}
                for place, checkpoint_id in rows:
                    seen[place] = seen.get(place, 0) + 1
                    if seen[place] > count:
                        for table in ("writes", "checkpoints"):
                            database.execute(
                                f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns = ? "
                                "AND checkpoint_id = ?", [thread_id, place, checkpoint_id]
                            )
                database.commit()
            """,
            """
            def answer(database, thread_id, count):
                old = f"SELECT * FROM ({RANKED}) WHERE thread_id = ? AND rank > ?"
                for row in database.execute(old, [thread_id, count]).fetchall():
                    for table in ("checkpoints", "writes"):
                        database.execute(
                            f"DELETE FROM {table} WHERE (thread_id, checkpoint_ns, checkpoint_id) "
                            "= (?, ?, ?)", row[:3]
                        )
            """,
            """
            async def answer(database, thread_id, count):
                for table in ("writes", "checkpoints"):
                    database.execute(
                        f"DELETE FROM {table} WHERE thread_id = ? AND (SELECT count(*) FROM "
                        "checkpoints newer WHERE newer.thread_id = ? AND newer.checkpoint_ns = "
                        f"{table}.checkpoint_ns AND newer.checkpoint_id > {table}.checkpoint_id) "
                        ">= ?", [thread_id, thread_id, count]
                    ) if table == "writes" else database.execute(
                        "DELETE FROM checkpoints WHERE thread_id = ? AND rowid NOT IN (SELECT "
                        "rowid FROM (SELECT rowid, rank() OVER (PARTITION BY checkpoint_ns ORDER "
                        "BY checkpoint_id DESC) AS place FROM checkpoints WHERE thread_id = ?) "
                        "WHERE place <= ?)", [thread_id, thread_id, count]
                    )
            """,
        ),
        wrong=(
            """
            def answer(database, thread_id, count):  # the writes stay
                old = f"SELECT * FROM ({RANKED}) WHERE thread_id = ? AND rank > ?"
                for row in database.execute(old, [thread_id, count]).fetchall():
                    database.execute(
                        "DELETE FROM checkpoints WHERE (thread_id, checkpoint_ns, checkpoint_id) "
                        "= (?, ?, ?)", row[:3]
                    )
            """,
            """
            def answer(database, thread_id, count):  # the same id in another thread
                old = f"SELECT * FROM ({RANKED}) WHERE thread_id = ? AND rank > ?"
                for row in database.execute(old, [thread_id, count]).fetchall():
                    for table in ("checkpoints", "writes"):
                        database.execute(
                            f"DELETE FROM {table} WHERE checkpoint_id = ?", [row[2]]
                        )
            """,
            """
            def answer(database, thread_id, count):  # all namespaces together
                kept = "SELECT checkpoint_id FROM checkpoints WHERE thread_id = ? "
                kept += "ORDER BY checkpoint_id DESC LIMIT ?"
                for table in ("writes", "checkpoints"):
                    database.execute(
                        f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id NOT IN "
                        f"({kept})", [thread_id, thread_id, count]
                    )
            """,
            """
            def answer(database, thread_id, count):  # the oldest are kept
                old = f"SELECT * FROM ({RANKED.replace('DESC', 'ASC')})"
                old += " WHERE thread_id = ? AND rank > ?"
                for row in database.execute(old, [thread_id, count]).fetchall():
                    for table in ("checkpoints", "writes"):
                        database.execute(
                            f"DELETE FROM {table} WHERE (thread_id, checkpoint_ns, checkpoint_id) "
                            "= (?, ?, ?)", row[:3]
                        )
            """,
            """
            def answer(database, thread_id, count):  # the order of the rows, not of the ids
                for table in ("writes", "checkpoints"):
                    database.execute(
                        f"DELETE FROM {table} WHERE thread_id = ? AND rowid NOT IN (SELECT rowid "
                        f"FROM {table} WHERE thread_id = ? ORDER BY rowid DESC LIMIT ?)",
                        [thread_id, thread_id, count],
                    )
            """,
            """
            def answer(database, thread_id, count):  # one too many
                old = f"SELECT * FROM ({RANKED}) WHERE thread_id = ? AND rank > ? + 1"
                for row in database.execute(old, [thread_id, count]).fetchall():
                    for table in ("checkpoints", "writes"):
                        database.execute(
                            f"DELETE FROM {table} WHERE (thread_id, checkpoint_ns, checkpoint_id) "
                            "= (?, ?, ?)", row[:3]
                        )
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            class answer(CachingSaver):
                def put_writes(self, config, *rest, **named):
                    super().put_writes(config, *rest, **named)
                    self.drop(config["configurable"]["thread_id"])

                def delete_thread(self, thread_id):
                    super().delete_thread(thread_id)
                    self.drop(thread_id)
            """,
            """
            class answer(CountingSaver):
                def __init__(self):
                    super().__init__()
                    self.kept = {}

                def get_tuple(self, config):
                    if get_checkpoint_id(config):
                        return super().get_tuple(config)
                    given = config["configurable"]
                    kept = self.kept.setdefault(given["thread_id"], {})
                    place = given.get("checkpoint_ns", "")
                    if place not in kept:
                        kept[place] = super().get_tuple(config)
                    return kept[place]

                def put(self, config, *rest):
                    self.kept.pop(config["configurable"]["thread_id"], None)
                    return super().put(config, *rest)

                def put_writes(self, config, *rest):
                    self.kept.pop(config["configurable"]["thread_id"], None)
                    super().put_writes(config, *rest)

                def delete_thread(self, thread_id):
                    self.kept.pop(thread_id, None)
                    super().delete_thread(thread_id)
            """,
            """
            class answer(CachingSaver):  # what is written is read again at once
                def put_writes(self, config, writes, task_id, task_path=""):
                    super().put_writes(config, writes, task_id, task_path)
                    place = config["configurable"]["thread_id"], ""
                    self.newest.pop(place, None)

                def delete_thread(self, thread_id):
                    for place in [each for each in self.newest if each[0] == thread_id]:
                        del self.newest[place]
                    super().delete_thread(thread_id)
            """,
        ),
        wrong=(
            "CachingSaver",
            "CountingSaver",
            """
            class answer(CachingSaver):
                def put_writes(self, config, *rest):
                    self.drop(config["configurable"]["thread_id"])
                    super().put_writes(config, *rest)
            """,
            """
            class answer(CachingSaver):
                def delete_thread(self, thread_id):
                    self.drop(thread_id)
                    super().delete_thread(thread_id)
            """,
            """
            class answer(CachingSaver):
                def put_writes(self, config, *rest):
                    self.newest.clear()
                    super().put_writes(config, *rest)

                def delete_thread(self, thread_id):
                    self.newest.clear()
                    super().delete_thread(thread_id)
            """,
            """
            class answer(CachingSaver):
                def put_writes(self, config, *rest):
                    self.drop(config["configurable"]["thread_id"])

                def delete_thread(self, thread_id):
                    self.drop(thread_id)
            """,
            """
            class answer(CachingSaver):
                def get_tuple(self, config):
                    self.newest.clear()
                    return super().get_tuple(config)
            """,
            "lambda: dict()",
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(hot, cold, key, value):
                hot.delete(key)
                cold.put(key, value)
                hot.put(key, value)
            """,
            """
            def answer(hot, cold, key, value):
                hot.delete(key)
                cold.put(key, value)
                hot.delete(key)
            """,
            """
            async def answer(hot, cold, key, value):
                if hot.get(key) is not None:
                    hot.delete(key)
                cold.put(key, value)
            """,
            """
            def answer(hot, cold, key, value):
                hot.put(key, None)
                cold.put(key, value)
            """,
        ),
        wrong=(
            """
            def answer(hot, cold, key, value):
                cold.put(key, value)
                hot.put(key, value)
            """,
            """
            def answer(hot, cold, key, value):
                hot.put(key, value)
                cold.put(key, value)
            """,
            """
            def answer(hot, cold, key, value):
                cold.put(key, value)
                hot.delete(key)
            """,
            """
            def answer(hot, cold, key, value):
                cold.put(key, value)
            """,
            """
            def answer(hot, cold, key, value):
                hot.put(key, value)
            """,
            """
            def answer(hot, cold, key, value):
                hot.delete(key)
                hot.put(key, value)
                cold.put(key, value)
            """,
            """
            def answer(hot, cold, key, value):
                hot.delete(key)
                cold.delete(key)
                hot.put(key, value)
            """,
        ),
    ),
}
