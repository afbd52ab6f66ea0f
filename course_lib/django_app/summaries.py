"""How older messages are summed up when a conversation is shortened: a function to replace."""

from __future__ import annotations

from collections.abc import Sequence

from .chat.conversation import Message


async def summarise(messages: Sequence[Message], language: str) -> str:
    """Say in a few words what older messages held.

    A served model would write this. The offline model of the course cannot, so a rule lists the
    wishes of the person.

    Args:
        messages: the messages that the summary replaces, oldest first.
        language: `ko` or `en`.
    """
    wishes = "; ".join(each.text.strip() for each in messages if each.role == "person")
    if language == "ko":
        return f"앞서 나눈 대화에서 부탁한 것: {wishes}"
    return f"Earlier in this conversation the person asked for: {wishes}"
