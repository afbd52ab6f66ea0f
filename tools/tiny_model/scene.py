"""One scene with Namu: what was searched before, what is said now, and what should follow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tools.tiny_model.frames import frames_of, parts
from tools.tiny_model.kinds import EXPLICIT, HOW, KINDS, Task
from tools.tiny_model.messages import as_json, called, ordered, says, written
from tools.tiny_model.phrasing import Speaker
from tools.tiny_model.places import (
    CATEGORIES,
    FROZEN,
    Place,
    load_districts,
    load_places,
    nearest_first,
)
from tools.tiny_model.places import search_places as search
from tools.tiny_model.vocabulary import as_said
from tools.tiny_model.wishes import Wishes


class Scene:
    """One dialogue while it is made: the last search, the recommended places, and the message.

    Args:
        wishes: makes the searches, and the places that are shown.
        speaker: words the message.
        kind: one of `KINDS`.
    """

    def __init__(self, wishes: Wishes, speaker: Speaker, kind: str) -> None:
        self.wishes, self.rng, self.speaker, self.kind = wishes, wishes.rng, speaker, kind
        self.language = speaker.language
        self.say = parts()["say"][self.language]
        self.before: list[dict[str, Any]] = []
        self.wish: dict[str, Any] = {}
        self.table: list[Place] = []
        self.refused: list[Place] = []

    def play(self, task: Task) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """Make the scene's messages, and name the tools that are offered in it.

        Args:
            task: what is asked of the model.
        """
        _, setting = KINDS[self.kind]
        if setting == "table" or (setting == "either" and self.rng.random() < 0.3):
            self._search_before()
        said, intent, act = getattr(self, f"_{HOW.get(self.kind, self.kind)}")()
        messages = [*self.before, {"role": "user", "content": said}]
        tools: tuple[str, ...] = ()
        if task == "agent":
            extra = ("book_place",) if self.kind == "book" or self.rng.random() < 0.2 else ()
            if self.kind == "book" and self.rng.random() < 0.25:
                extra = ()
            tools = ("search_places", *extra)
        return [*messages, *self._answer(task, intent, act, tools)], tools

    def _answer(
        self, task: Task, intent: str, act: Mapping[str, Any], tools: Sequence[str]
    ) -> list[dict[str, Any]]:
        if task == "route":
            return [as_json({"intent": intent})]
        if task == "reject":
            return [as_json({"positions": act.get("positions", [])})]
        if task == "wish":
            return [as_json(ordered(act["wish"]))]
        if "say" in act:
            return [says(act["say"])]
        if "wish" in act:
            if task == "words":
                return [says(self.say["no_tools"])]
            return self._search_now(ordered(act["wish"]))
        if "book_place" not in tools:
            return [says(self.say["no_booking"])]
        result = self._booked(act["book"])
        return [*called("book_place", act["book"], result, "b"), says(result)]

    # What was there before

    def _search_before(self) -> None:
        for _ in range(4):
            self.wish = self.wishes.wish(category=True if self.rng.random() < 0.95 else None)
            self.table = self._found(self.wish)
            if len(self.table) > 1:
                break
        if self.kind != "search" and not self.table:
            return self._search_before()
        if self.kind == "widen" and "district" not in self.wish:
            return self._search_before()
        self.before = [
            {"role": "user", "content": "?"},  # the template leaves it out: the call says it all
            *called("search_places", ordered(self.wish), written(self.table), "s"),
            says("."),
        ]
        return None

    def _found(self, wish: Mapping[str, Any]) -> list[Place]:
        near = wish.get("near")
        rest = {key: value for key, value in wish.items() if key != "near"}
        refused = [place.id for place in self.refused]
        found = search(**rest, exclude_ids=refused, limit=1000 if near else 3)
        if near:
            found = nearest_first(found, near)
        while True:
            shown = [self.wishes.renamed(place) for place in found[:3]]
            names = {place.name_en for place in shown}, {place.name_ko for place in shown}
            if {len(shown)} == set(map(len, names)):  # of two with one name, which would be meant?
                return shown

    # What is said now: each returns the sentence, its intent, and what to do

    def _search(self) -> tuple[str, str, dict[str, Any]]:
        wish = self.wishes.wish()
        among = None
        if self.before:  # beside a table, a wish is new only where it is said in full
            pool = frames_of("search", self.language, self.speaker.frames)
            among = [frame for frame in pool if any(word in frame for word in EXPLICIT)]
            if not among:
                self.before, self.table, self.wish = [], [], {}
        said = self.speaker.search(wish, among)
        if "tags" in wish:
            wish = {**wish, "tags": as_said(wish["tags"], said, self.language)}
        return said, "NEW_SEARCH", {"wish": wish}

    def _name(self) -> tuple[str, str, dict[str, Any]]:
        place = self.wishes.renamed(self.rng.choice(load_places()))
        name = place.name_en if self.language == "en" else place.name_ko
        self.table = [place]
        said = self.speaker.point("name", name=name)
        return said, "NEW_SEARCH", {"wish": {"name": name}}

    def _change(self) -> tuple[str, str, dict[str, Any]]:
        old = dict(self.wish)
        if "near" in old:
            old["district"] = old.pop("near")
        new, says = self._changed(old)
        if not self.wishes.may_use(new):
            return self._change()
        return self.speaker.change(self.kind, says), "REFINEMENT", {"wish": new}

    def _changed(self, old: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The wish after one change, and the change itself."""
        rng, category = self.rng, old.get("category")
        says: dict[str, Any]
        if self.kind == "district":
            others = [name for name in sorted(load_districts()) if name != old.get("district")]
            says = {"district": rng.choice(others)}
            return {**old, **says}, says
        if self.kind == "category":
            says = {"category": rng.choice([c for c in CATEGORIES if c != category])}
            kept = {key: old[key] for key in ("district", "indoor") if key in old}
            return {**kept, **says}, says
        if self.kind == "mood":
            if rng.random() < 0.15:
                says = {"indoor": rng.random() < 0.6}
                return {**old, **says}, says
            tags = self.wishes.moods(category, 1, old.get("tags", ()))
            return {**old, "tags": [*old.get("tags", ()), *tags]}, {"tags": tags}
        old = {key: value for key, value in old.items() if not key.endswith("_price")}
        if self.kind == "price":
            says = rng.choice(({"max_price": 0}, {"max_price": 1}, {"min_price": 2}))
            return {**old, **says}, says
        if self.kind == "cheaper":
            lowest = min((place.price_level for place in self.table), default=2)
            return {**old, "max_price": max(0, lowest - 1)}, {}
        return {k: v for k, v in self.wish.items() if k not in ("district", "near")}, {}

    def _exclude(self) -> tuple[str, str, dict[str, Any]]:
        size, positions, name = len(self.table), [], ""
        if self.kind == "exclude":
            said = self.speaker.small_talk("exclude")
        elif self.kind == "exclude_name":
            positions = [self.rng.randint(1, size)]
            place = self.table[positions[0] - 1]
            name = place.name_en if self.language == "en" else place.name_ko
            said = self.speaker.point("exclude_name", name=name)
        elif self.kind == "exclude_two" and size > 1:
            positions = sorted(self.rng.sample(range(1, size + 1), 2))
            said = self.speaker.point("exclude_two", positions)
        else:
            positions = [self.rng.randint(1, size)]
            last = positions[0] == size and self.rng.random() < 0.3
            said = self.speaker.point("exclude_one", [-1] if last else positions)
        self.refused = [p for n, p in enumerate(self.table, 1) if not positions or n in positions]
        return said, "REFINE_EXCLUDE", {"wish": self.wish, "positions": positions}

    def _follow(self) -> tuple[str, str, dict[str, Any]]:
        at, name, positions = self._meant(one_in=4)
        if self.kind == "follow_it":
            at, said = 0, self.speaker.small_talk("follow_it")
        elif name:
            said = self.speaker.point("follow_name", name=name)
        else:
            said = self.speaker.point("follow", positions)
        return said, "FOLLOW_UP", {"say": self._about(self.table[at])}

    def _book(self) -> tuple[str, str, dict[str, Any]]:
        at, name, positions = self._meant(one_in=4)
        call: dict[str, Any] = {}
        words = {"people": "", "day": ""}
        if self.rng.random() < 0.6:
            people, ways = self.rng.choice(list(parts()["people"][self.language].items()))
            call["people"], words["people"] = int(people), self.rng.choice(ways)
        if self.rng.random() < 0.4:
            day, ways = self.rng.choice(list(parts()["days"][self.language].items()))
            call["day"], words["day"] = day, self.rng.choice(ways)
        if not name and self.rng.random() < 0.15:
            at, positions = 0, []  # "book it": the first
        said = self.speaker.point("book", positions, name=name, **words)
        place = self.table[at]
        chosen = place.name_en if self.language == "en" else place.name_ko
        return said, "FOLLOW_UP", {"book": {"place": chosen, **call}}

    def _elsewhere(self) -> tuple[str, str, dict[str, Any]]:
        wish = self.wishes.wish(category=True)
        return self.speaker.far(wish), "CONVERSATION", {"say": self.say["elsewhere"]}

    def _talk(self) -> tuple[str, str, dict[str, Any]]:
        return self.speaker.small_talk(self.kind), "CONVERSATION", {"say": self.say[self.kind]}

    def _no_table(self) -> tuple[str, str, dict[str, Any]]:
        kind = self.rng.choice(("exclude", "exclude_one", "follow", "follow_it", "cheaper", "book"))
        if kind in ("exclude", "follow_it", "cheaper"):
            said = self.speaker.small_talk(kind)
        else:
            said = self.speaker.point(kind, [self.rng.randint(1, 3)], people="", day="")
        return said, "CONVERSATION", {"say": self.say["no_table"]}

    # What follows

    def _meant(self, one_in: int) -> tuple[int, str, list[int]]:
        """Return the index of the meant place, and its name if it is named, else its position."""
        at = self.rng.randrange(len(self.table))
        place = self.table[at]
        if self.rng.random() < 1 / one_in and self.kind != "follow_it":
            return at, place.name_en if self.language == "en" else place.name_ko, []
        last = at == len(self.table) - 1 and self.rng.random() < 0.3
        return at, "", [-1] if last else [at + 1]

    def _search_now(self, wish: dict[str, Any]) -> list[dict[str, Any]]:
        if self.rng.random() < 0.015:
            failure = self.rng.choice(parts()["failures"])
            return [*called("search_places", wish, failure, "n"), says(self.say["failed"])]
        found = self.table if self.kind == "name" else self._found(wish)
        messages = called("search_places", wish, written(found), "n")
        head = "others" if self.kind.startswith("exclude") else "found"
        if not found and "district" in wish:
            wish = ordered({**wish, "near": wish["district"]}, without=("district",))
            found, head = self._found(wish), "near"
            messages += called("search_places", wish, written(found), "r")
        if not found:
            return [*messages, says(self.say["nothing"])]
        if self.kind == "name" and len(found) == 1:
            return [*messages, says(self._about(found[0]))]
        lines = [f"{n}. {self._in_district(place)}" for n, place in enumerate(found, 1)]
        return [*messages, says("\n".join([self.say[head], *lines]))]

    def _in_district(self, place: Place) -> str:
        if self.language == "en":
            return f"{place.name_en} ({place.district})"
        return f"{place.name_ko} ({load_districts()[place.district]['name_ko']})"

    def _about(self, place: Place) -> str:
        english = self.language == "en"
        return self.say["about"].format(
            name=place.name_en if english else place.name_ko,
            what=self.say["what"][place.category],
            district=place.district if english else load_districts()[place.district]["name_ko"],
            price=self.say["prices"][place.price_level],
        )

    def _booked(self, call: Mapping[str, Any]) -> str:
        sentence = self.rng.choice(("booked", "booked", "agreed", "refused", "unknown"))
        words = {"people": 2, "day": "Saturday", **call}
        return _booking_sentences()[self.language][sentence].format(**words)


@lru_cache(maxsize=1)
def _booking_sentences() -> dict[str, dict[str, str]]:
    return json.loads((FROZEN / "bookings.json").read_text(encoding="utf-8"))
