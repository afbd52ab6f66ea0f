"""Cases whose point is a warning of LangGraph need not show it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_log() -> Iterator[None]:
    """Let LangGraph log nothing below an error that ends the program."""
    logger = logging.getLogger("langgraph")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
