"""Chapter 05, Map users to threads."""

from answers import Answers

CHAPTER = "05"

SETUP = """
import hashlib
import json
from collections import ChainMap
from functools import cache
from uuid import NAMESPACE_URL, UUID, uuid3, uuid4, uuid5

known = {}


def joined(mark):
    return lambda tenant, user: str(uuid5(NAMESPACE_URL, f"{tenant}{mark}{user}"))


def titles(where="tenant = ? AND user = ?", order="ORDER BY active_at DESC", pasted=False):
    def threads_of(database, tenant, user):
        given = [tenant, user][-where.count("?") :]
        sql = f"SELECT title FROM threads WHERE {where} {order}"
        if pasted:
            for value in given:
                sql = sql.replace("?", f"'{value}'", 1)
            given = []
        return [title for (title,) in database.execute(sql, given)]

    return threads_of
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
            """
            def answer(database, tenant, user):
                rows = database.execute("SELECT tenant, user, title, active_at FROM threads")
                mine = [row for row in rows if row[:2] == (tenant, user)]
                return [row[2] for row in sorted(mine, key=lambda row: -row[3])]
            """,
            """
            def answer(database, tenant, user):
                rows = database.execute(
                    "SELECT title FROM threads WHERE user = :user AND tenant = :tenant "
                    "ORDER BY active_at DESC",
                    {"user": user, "tenant": tenant},
                ).fetchall()
                return [row[0] for row in rows]
            """,
            """
            def answer(database, tenant, user):
                rows = database.execute(
                    "SELECT title FROM threads WHERE (tenant, user) = (?, ?) ORDER BY active_at",
                    (tenant, user),
                )
                found = [title for (title,) in rows]
                found.reverse()
                return found
            """,
        ),
        wrong=(
            "titles(where='user = ?')",
            "titles(order='ORDER BY active_at')",
            "titles(order='')",
            "titles(order='ORDER BY title')",
            "titles(pasted=True)",
            "titles(where='tenant LIKE ? AND user LIKE ?')",
            "titles(where='tenant = ? AND user = ? COLLATE NOCASE')",
            "titles(order='GROUP BY title ORDER BY max(active_at) DESC')",
            "lambda database, tenant, user: database.execute('SELECT title FROM threads')",
            "lambda database, tenant, user: titles()(database, user, tenant)",
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(saver, thread_id):
                for each in saver.list({"configurable": {"thread_id": thread_id}}):
                    return each.metadata.get("user")
            """,
            """
            def answer(saver, thread_id):
                for each in saver.list(None):
                    if each.config["configurable"]["thread_id"] == thread_id:
                        if "user" in each.metadata:
                            return each.metadata["user"]
            """,
            """
            def answer(saver, thread_id):
                users = {each.metadata.get("user") for each in saver.list(None)} - {None}
                for user in users:
                    for each in saver.list(None, filter={"user": user}):
                        if each.config["configurable"]["thread_id"] == thread_id:
                            return user
                return None
            """,
        ),
        wrong=(
            "lambda saver, thread_id: 'ann'",
            "lambda saver, thread_id: thread_id",
            "lambda saver, thread_id: next(saver.list(None)).metadata.get('user')",
            """
            def answer(saver, thread_id):
                found = saver.get_tuple({"configurable": {"thread_id": thread_id}})
                return found.metadata.get("user", "nobody") if found else None
            """,
            """
            def answer(saver, thread_id):
                found = saver.get_tuple({"configurable": {"thread_id": thread_id}})
                return found.metadata if found else None
            """,
            """
            def answer(saver, thread_id):
                found = saver.get_tuple({"configurable": {"thread_id": thread_id}})
                return found.metadata.get("user") if found else "nobody"
            """,
        ),
    ),
}
