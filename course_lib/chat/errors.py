"""The error that the chat raises for the person who uses it."""

from __future__ import annotations


class ChatError(Exception):
    """What was asked for cannot be done here; the text says why, and is meant for the person."""
