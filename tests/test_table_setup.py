"""A set-up that was interrupted while it made an index is completed by the next one."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from course_lib.persistence import open_checkpointer, open_store, postgres

INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
BUILDING = """
SELECT pid FROM pg_stat_activity
WHERE query LIKE '%CREATE INDEX CONCURRENTLY%' AND state = 'active' AND pid <> pg_backend_pid()
    AND datname = current_database()
"""


@pytest.mark.parametrize("open_one", [open_checkpointer, open_store])
def test_an_index_that_was_not_completed_is_made_again(open_one):
    with postgres("setup", scratch=True) as database:
        errors = []

        def set_up():
            try:
                with open_one(database.url):
                    pass
            except Exception as error:  # noqa: BLE001  # whatever the library raises
                errors.append(error)

        with psycopg.connect(database.url, autocommit=True) as connection:

            def ask(question):
                return connection.execute(question).fetchone()

            connection.execute("CREATE TABLE other (number int)")
            with psycopg.connect(database.url) as old:  # the making of an index waits for its end
                old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                old.execute("INSERT INTO other VALUES (1)")
                making = threading.Thread(target=set_up)
                making.start()
                deadline = time.monotonic() + 30
                while (row := ask(BUILDING)) is None and time.monotonic() < deadline:
                    time.sleep(0.05)
                if row is None:
                    making.join(60)
                    assert not errors
                    pytest.skip("This version makes no index concurrently.")
                connection.execute("SELECT pg_terminate_backend(%s)", [row[0]])
                making.join(60)
            assert errors and ask(INVALID)[0] == 1  # else nothing was interrupted
            errors.clear()
            set_up()
            assert not errors and ask(INVALID)[0] == 0
