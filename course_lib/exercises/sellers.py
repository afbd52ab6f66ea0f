"""Those who are paid in the exercises of chapter 09: a shop that loses answers, and sellers."""

from __future__ import annotations

from course_lib.exercises.exercise import require


class Shop:
    """A payment service that loses the answers it is told to lose."""

    def __init__(self, lose: set[int]) -> None:
        self.requests = 0
        self.charged: dict[str, str] = {}
        self._lose = lose

    def charge(self, item: str, key: str) -> None:
        """Charge once for each key, and raise `ConnectionError` if the answer is lost."""
        require(
            isinstance(key, str) and bool(key),
            f"charge got the key {key!r}. Give every charge a text as its key.",
        )
        self.requests += 1
        known = self.charged.setdefault(key, item)
        require(
            known == item,
            f"The key of {known!r} was used for {item!r} too. Each charge needs a key of its own.",
        )
        if self.requests in self._lose:
            raise ConnectionError("the answer is lost")


class Sellers:
    """Sellers to pay; one payment fails, and chance gives another order every time."""

    def __init__(self, fails_at: int | None) -> None:
        self.paid: list[str] = []
        self.shuffles = 0
        self._fails_at = fails_at
        self._tries = 0

    def shuffle(self, names: list[str]) -> list[str]:
        """Return the names in another order than last time."""
        self.shuffles += 1
        turn = self.shuffles % len(names)
        return [*names[turn:], *names[:turn]]

    def pay(self, name: str) -> str:
        """Pay a seller, or raise `ConnectionError` if this is the attempt that fails."""
        self._tries += 1
        if self._tries == self._fails_at:
            raise ConnectionError("no answer")
        self.paid.append(name)
        return f"{name} paid"
