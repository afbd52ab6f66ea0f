"""A chat service that cannot always be reached, for exercise 3 of chapter 18."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from course_lib.exercises.exercise import require

REFUSED = ValueError("the text is too long")
"""What the service raises for a request that is wrong in itself."""


class BrokenService:
    """Keeps one thread, and breaks connections as it is told.

    Args:
        fates: of each request, in order: `ok`, `before` (the connection breaks before the message
            arrives), `after` (it breaks when the turn is stored) or `refused`. Behind the last
            one, each request is `ok`.
    """

    def __init__(self, fates: Iterable[str]) -> None:
        self._fates = list(fates)
        self.turns: dict[str, str] = {}
        self.requests = 0

    @property
    def texts(self) -> list[str]:
        """The texts of the turns that are stored, the oldest first."""
        return list(self.turns.values())

    def post(self, message_id: str, text: str) -> str:
        """Take a message, and return its answer.

        Args:
            message_id: a UUID as text. The same one stands for the same message.
            text: of the message.

        Raises:
            ConnectionError: the connection broke.
            ValueError: the request is refused.
            IncorrectAnswer: the id is no UUID as text, or stands for another message already.
        """
        require(_is_uuid(message_id), f"post got the id {message_id!r}. Pass a UUID as text.")
        fate = self._fates[self.requests] if self.requests < len(self._fates) else "ok"
        self.requests += 1
        if fate == "before":
            raise ConnectionError("the connection broke")
        if fate == "refused":
            raise REFUSED
        known = self.turns.setdefault(message_id, text)
        require(
            known == text,
            f"The id of the message {known!r} was used for {text!r} as well. Make an id for each "
            "message.",
        )
        if fate == "after":
            raise ConnectionError("the connection broke")
        return f"answer to {text}, turn {list(self.turns).index(message_id) + 1}"


def _is_uuid(message_id: object) -> bool:
    if not isinstance(message_id, str):
        return False
    try:
        UUID(message_id)
    except ValueError:
        return False
    return True
