"""Small chats, some of which lose a turn, for the exercise that looks for such a loss."""

from __future__ import annotations

from collections.abc import Callable


class ListChat:
    """A chat that keeps what the person said in a list."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def say(self, text: str) -> None:
        """Add a turn.

        Args:
            text: what the person says.
        """
        self._said.append(text)

    def stop(self, text: str) -> None:
        """Add a turn whose answer is stopped.

        Args:
            text: what the person says.
        """
        self._said.append(text)

    def edit(self, text: str, turn: int) -> None:
        """Put another text in the place of a turn, and drop the turns after it.

        Args:
            text: what the person says instead.
            turn: its number, from 0; a number that does not exist changes nothing.
        """
        if 0 <= turn < len(self._said):
            self._said = [*self._said[:turn], text]

    def turns(self) -> list[str]:
        """Return what the person said, turn by turn."""
        return list(self._said)


class LinkedChat(ListChat):
    """The same with another memory: each turn knows the one before it."""

    def __init__(self) -> None:
        super().__init__()
        self._last: tuple | None = None

    def say(self, text: str) -> None:
        """Add a turn that points to the last one."""
        self._last = (text, self._last)

    stop = say

    def edit(self, text: str, turn: int) -> None:
        """Go back to the turn before, and add one."""
        if 0 <= turn < len(self.turns()):
            while len(self.turns()) > turn:
                assert self._last is not None
                self._last = self._last[1]
            self.say(text)

    def turns(self) -> list[str]:
        """Return the turns, the first one first."""
        found, at = [], self._last
        while at is not None:
            found.insert(0, at[0])
            at = at[1]
        return found


class _SameTextOnce(ListChat):
    def say(self, text: str) -> None:
        if self._said[-1:] != [text]:
            self._said.append(text)


class _ForgetsEmpty(ListChat):
    def say(self, text: str) -> None:
        if text:
            self._said.append(text)


class _EditsByText(ListChat):
    def edit(self, text: str, turn: int) -> None:
        if 0 <= turn < len(self._said):
            super().edit(text, self._said.index(self._said[turn]))


class _EditKeepsTheRest(ListChat):
    def edit(self, text: str, turn: int) -> None:
        if 0 <= turn < len(self._said):
            self._said[turn] = text


class _StoppedIsOverwritten(ListChat):
    _was_stopped = False

    def say(self, text: str) -> None:
        if self._was_stopped:
            self._said.pop()
        self._was_stopped = False
        self._said.append(text)

    def stop(self, text: str) -> None:
        self.say(text)
        self._was_stopped = True


class _EditAfterStop(ListChat):
    _stops = 0

    def stop(self, text: str) -> None:
        super().stop(text)
        self._stops += 1

    def edit(self, text: str, turn: int) -> None:
        shift = 1 if self._stops and 0 < turn < len(self._said) else 0
        super().edit(text, turn - shift)


Cases = dict[str, tuple[Callable[[], ListChat], str]]

GOOD_CHATS: Cases = {
    "a chat that loses nothing": (ListChat, "A turn is only lost if `turns()` lacks it."),
    "another chat that loses nothing": (
        LinkedChat,
        "Make a new chat for each sequence, and drop the turns after an edited one.",
    ),
}
LOSING_CHATS: Cases = {
    "a chat that drops a text said twice in a row": (_SameTextOnce, "Say the same text twice."),
    "a chat that drops an empty text": (_ForgetsEmpty, "Say an empty text too."),
    "a chat in which an edit finds the turn by its text": (
        _EditsByText,
        "Edit the second of two turns with the same text, and compare all texts.",
    ),
    "a chat in which an edit keeps the turns behind it": (
        _EditKeepsTheRest,
        "A turn that should be gone is wrong too: compare with the whole list.",
    ),
    "a chat in which the next turn replaces a stopped one": (
        _StoppedIsOverwritten,
        "Say something after a stop.",
    ),
    "a chat in which an edit after a stop takes the turn before": (
        _EditAfterStop,
        "Edit a turn other than the first after a stop.",
    ),
}
"""What each chat does, how to make it, and where to look."""
