"""A pair of databases for a whole test file, or a skip where PostgreSQL's programs are missing."""

from __future__ import annotations

import pytest

from course_lib.operations import database_pair
from course_lib.persistence import PostgresError


def pair_or_skip():
    """Start a pair; a machine without the programs skips the test, any other fault fails it."""
    try:
        return database_pair()
    except PostgresError as error:
        if "not installed" in str(error):
            pytest.skip(str(error))
        raise
