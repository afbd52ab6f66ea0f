"""Notebook cells that need a Redis server are skipped where there is none, with the remedy."""

from __future__ import annotations

import pytest

from course_lib.serving import ServerError, redis_program
from course_lib.settings import read_settings

TAG = "needs-redis"
"""The tag of such a cell, and of every cell that uses what such a cell makes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tagged cells as skipped, unless a server can be had or is required."""
    cells = [item for item in items if TAG in _tags(item)]
    settings = read_settings()
    if not cells or settings.redis_url or settings.require_redis:
        return
    try:
        redis_program()
    except ServerError as error:
        for cell in cells:
            cell.add_marker(pytest.mark.skip(reason=str(error)))


def _tags(item: pytest.Item) -> list[str]:
    """The tags of a notebook cell as nbval collects it; none of any other test."""
    return getattr(getattr(item, "cell", None), "metadata", {}).get("tags", [])
