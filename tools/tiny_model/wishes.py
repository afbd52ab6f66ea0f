"""What people wish for, drawn at random, and what of it the training must never see."""

from __future__ import annotations

import hashlib
import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tools.tiny_model.frames import Language, parts, summary_words, words_of
from tools.tiny_model.places import CATEGORIES, Place, load_districts, load_places


@dataclass(frozen=True)
class Odds:
    """How often a wish has each of its parts.

    Args:
        district: the chance that it names one.
        indoor: the chance that it says where it rains in or not.
        price: the chance that it bounds the price.
        moods: the weights of no mood, one, two and three.
    """

    district: float
    indoor: float
    price: float
    moods: tuple[int, int, int, int]


Pieces = Mapping[bool, Sequence[str]]
"""Parts of words to make names of: of Latin letters (True), and of others."""

USUAL = Odds(district=0.68, indoor=0.1, price=0.18, moods=(45, 45, 10, 0))
DRILL = Odds(district=0.8, indoor=0.2, price=0.35, moods=(15, 35, 35, 15))


def is_held_out(wish: Mapping[str, Any]) -> bool:
    """Whether training never sees this combination of category and district in a call."""
    where = wish.get("district") or wish.get("near")
    if not wish.get("category") or not where:
        return False
    return _hash(f"{wish['category']} {where}") % 10 == 0


def is_unseen(place: Place) -> bool:
    """Whether training never sees this place's name; one in ten is kept for measuring."""
    return _hash(place.id) % 10 == 0


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


class Wishes:
    """Draws searches and names, within what may be shown.

    Args:
        rng: where the choices come from.
        unseen_combinations: True: every search is a held-out combination of category and
            district; False: none is; None: as it comes.
        unseen_names: True: places carry names that training never showed; False: names it may
            show, some of them made up; None: the real ones.
        drill: whether more is asked for at once than people do.
        pieces: parts of words for made-up names; none when left out.
    """

    def __init__(
        self,
        rng: random.Random,
        unseen_combinations: bool | None,
        unseen_names: bool | None,
        *,
        drill: bool = False,
        pieces: Pieces | None = None,
    ) -> None:
        self.rng, self.odds = rng, DRILL if drill else USUAL
        self.pieces: Pieces = pieces or {True: (), False: ()}
        self.unseen_combinations, self.unseen_names = unseen_combinations, unseen_names

    def may_use(self, wish: Mapping[str, Any]) -> bool:
        """Whether a search may be shown that came about by a change."""
        return self.unseen_combinations is not False or not is_held_out(wish)

    def wish(self, *, category: bool | None = None) -> dict[str, Any]:
        """Draw the arguments of a search, within what this maker may use."""
        while True:
            wish = self._draw(category)
            if self.unseen_combinations is None:
                return wish
            if is_held_out(wish) is self.unseen_combinations:
                return wish

    def _draw(self, category: bool | None) -> dict[str, Any]:
        rng, wish = self.rng, {}
        if category or (category is None and rng.random() < 0.9):
            wish["category"] = rng.choice(CATEGORIES)
        if rng.random() < self.odds.district:
            wish["district"] = rng.choice(sorted(load_districts()))
        tags = self.moods(wish.get("category"), rng.choices(range(4), self.odds.moods)[0])
        if tags:
            wish["tags"] = tags
        if rng.random() < self.odds.indoor:
            wish["indoor"] = rng.random() < 0.6
        if rng.random() < self.odds.price and "free-entry" not in tags:
            wish.update(rng.choice(({"max_price": 0}, {"max_price": 1}, {"min_price": 2})))
        if not wish:
            return self._draw(category)
        return wish

    def moods(self, category: str | None, count: int, besides: Sequence[str] = ()) -> list[str]:
        """Draw moods that go with a category, now and then others."""
        book = parts()
        usual = book["moods_of"].get(category, ())
        tags: list[str] = list(besides)
        while len(tags) < count + len(besides):
            pool = usual if usual and self.rng.random() < 0.8 else list(book["moods"])
            tag = self.rng.choice(list(pool))
            if tag not in tags:
                tags.append(tag)
        return tags[len(besides) :]

    def renamed(self, place: Place) -> Place:
        """Return the place, under a name that may be shown."""
        mode = self.unseen_names
        if mode is None or (mode is True and is_unseen(place)):
            return place
        if mode is True:
            return replace(place, **_names_of(self.rng.choice(_places(unseen=True))))
        if not is_unseen(place) and self.rng.random() < 0.4:
            return place
        while True:
            first, second = self.rng.sample(_places(unseen=False), 2)
            made = self.rng.choice((_mixed, _reworded, _invented))
            names = {
                field: made(getattr(first, field), getattr(second, field), self.rng, self.pieces)
                for field in ("name_ko", "name_en")
            }
            if not _kept_back().intersection(names.values()):  # two halves may make up one
                return replace(place, **names)


@lru_cache(maxsize=2)
def _places(*, unseen: bool) -> list[Place]:
    return [place for place in load_places() if is_unseen(place) is unseen]


@lru_cache(maxsize=1)
def _kept_back() -> set[str]:
    """The names that training never shows."""
    return {name for place in _places(unseen=True) for name in _names_of(place).values()}


def _names_of(place: Place) -> dict[str, str]:
    return {"name_ko": place.name_ko, "name_en": place.name_en}


def _mixed(first: str, second: str, rng: random.Random, pieces: Pieces) -> str:
    """A name that no place has: the beginning of one and the end of another."""
    head, tail = first.split(), second.split()
    if len(head) > 1 or len(tail) > 1:
        return " ".join([*head[: max(1, len(head) // 2)], *tail[len(tail) // 2 :]])
    cut, other = rng.randint(1, max(1, len(first) - 1)), rng.randint(0, max(0, len(second) - 1))
    return first[:cut] + second[other:]


def _reworded(first: str, second: str, rng: random.Random, pieces: Pieces) -> str:
    """A name with one of its words put out for another that may stand in no name."""
    words = first.split()
    words[rng.randrange(len(words))] = _strange(rng, pieces, latin=first.isascii())
    return " ".join(words)


def _invented(first: str, second: str, rng: random.Random, pieces: Pieces) -> str:
    """A name nobody could know by heart, made from pieces of the letters of two names.

    Now and then with letters that stand in neither, a number or an addition in brackets.
    """
    letters = first + " " + second
    step = 3 if first.isascii() else 1
    parts = [letters[n : n + step] for n in range(0, len(letters), step)]
    rng.shuffle(parts)
    parts = parts[: rng.randint(2, 6)]
    if rng.random() < 0.4:
        strange = _strange(rng, pieces, latin=step > 1)
        parts.insert(rng.randint(0, len(parts)), strange)
    if rng.random() < 0.1:
        parts.append(f" {rng.randint(1, 2000)}")
    words = " ".join("".join(parts).split()) or first
    if rng.random() < 0.12:
        words = f"{words} ({_strange(rng, pieces, latin=step > 1)})"
    return words[:1].upper() + words[1:]


def _strange(rng: random.Random, pieces: Pieces, *, latin: bool) -> str:
    """Letters or words as they come: what stands in no name could else never be copied."""
    if pieces[latin] and rng.random() < 0.8:
        return "".join(rng.choices(pieces[latin], k=rng.randint(1, 4)))
    if rng.random() < 0.6:
        word = rng.choice(_other_words("en" if latin else "ko"))
        return word.capitalize() if latin else word
    if latin:
        return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 6)))
    return "".join(chr(rng.randint(ord("가"), ord("힣"))) for _ in range(rng.randint(1, 2)))


@lru_cache(maxsize=2)
def _other_words(language: Language) -> list[str]:
    """Words of the summaries and of wishes, less those that hold a whole name kept back."""
    kept_back = {name.lower() for name in _kept_back()}
    nouns = [form for entry in parts()["nouns"].values() for form in entry[language]]
    words = summary_words(language).union(*map(words_of, nouns))
    return sorted(
        word for word in words if 1 < len(word) < 12 and not any(n in word for n in kept_back)
    )
