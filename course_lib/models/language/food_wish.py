"""Wishes for something to eat: which kind of place has it, and what it goes together with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from course_lib.models.language.lexicon import Hit, lexicon
from course_lib.models.language.negation import is_refused
from course_lib.places import load_places

EATING = (None, "restaurant", "cafe")
"""The kinds of places that a wish for something to eat may change."""

TASTES = re.compile("맛있는|맛난")
"""How a place is called by what tastes good there: `디저트 맛있는 데`."""

GAP = re.compile(r"(?:이|가|은|는)?\s*")
ON_TO = re.compile(r"으?로\s*[.!?~]*$")

MOST = 0.8
"""From this share on nearly all places that have something to eat are of one kind."""

BEHIND_SOUP = re.compile(
    r"(?:들|으?로|에서|을|를|만|도|이|가|요)*[\s.,!?~ㅋㅎㅠㅜ]*"
    r"((?:좀|또|더|하나|다른)?\s*(?:추천|부탁|[줘주]|먹고 ?싶|먹을|먹자|먹재|땡|당[기겨]|찾|원해|"
    r"보여|알려|파는|어디|어때|없|있|좋겠|말고|말구|빼|싫|제외|안 먹|못 먹))?"
)
"""What stands behind `국물 있는 거` in a wish for it, or in its refusal."""

TOLD = re.compile(r"[었았했왔갔먹]음|[었았했왔갔봤](?!으면)|고마|고맙|감사|텐데")
"""Signs that a message tells of something, or thanks for it."""

RARE, MANY_MORE = 3, 5
"""Fewer places of a kind, and that many times more of another one, make it the other one."""


@lru_cache(maxsize=1)
def foods() -> frozenset[str]:
    """Return the tags and dishes that are something to eat."""
    return frozenset((*lexicon()["foods"], *lexicon()["dishes"]))


def where_it_tastes(hits: Sequence[Hit], text: str) -> list[Hit]:
    """Return the words of a message, with the kind of place where something to eat is usual.

    `디저트 맛있는 데` names no kind of place, so those are cafes; `디저트 맛있는 식당` names one.
    Behind it, `로` goes on with the wish.

    Args:
        hits: what was found in the message.
        text: the message, from `normalise`.
    """
    tags = [hit for hit in hits if hit.kind == "tags" and hit.value in foods()]
    found = []
    for hit in hits:
        eaten = [t for t in tags if t.end <= hit.start and GAP.fullmatch(text[t.end : hit.start])]
        tastes = hit.kind == "category" and TASTES.match(hit.phrase) and eaten
        usual = _usual_kind(eaten[0].value) if tastes else None
        if usual is not None and not is_refused(hit, text, hits):
            hit = hit._replace(value=usual)
            if ON_TO.match(text[hit.end :]):
                found.append(Hit("signals", "narrow", hit.start, hit.end, hit.phrase))
        found.append(hit)
    return found


def wished_soup(text: str, hits: Sequence[Hit]) -> list[Hit]:
    """Return the words of a message, without a `국물 있는 거` that is neither wished nor refused.

    Args:
        text: the message, from `normalise`.
        hits: what was found in it.
    """
    starts = {hit.start for hit in hits if hit.kind != "signals"}

    def stays(hit: Hit) -> bool:
        if not hit.phrase.startswith("국물 "):
            return True
        rest = BEHIND_SOUP.match(text, hit.end)
        goes_on = rest is not None and (bool(rest[1]) or rest.end() in {len(text), *starts})
        return goes_on and not TOLD.search(text)

    return [hit for hit in hits if stays(hit)]


def is_food_alone(hits: Sequence[Hit]) -> bool:
    """Whether the kind of place is only a guess from something to eat: `떡볶이 먹고 싶어`.

    Args:
        hits: what was found in a message.
    """
    kinds = [h for h in hits if h.kind == "category"]
    eaten = [h for h in hits if h.kind == "tags" and h.value in foods()]
    inside = [k for k in kinds if any(t.start <= k.start and k.end <= t.end for t in eaten)]
    weak = set(lexicon()["weak"])
    return bool(inside) and all(k in inside or k.phrase in weak for k in kinds)


def joined_tags(before: Sequence[str], added: Sequence[str]) -> list[str]:
    """Return the tags of a wish that goes on.

    Something to eat takes the place of what was wished before, where no place has both: who asked
    for `떡볶이` and now wants soup is looking for soup.

    Args:
        before: the tags that were wished for.
        added: those of the message.
    """
    both = [tag for tag in (*before, *added) if tag in foods()]
    is_another = any(tag in foods() for tag in added)
    if is_another and not any(all(map(place.has, both)) for place in load_places()):
        before = [tag for tag in before if tag not in foods()]
    return list(dict.fromkeys([*before, *added]))


def kind_that_has_it(wish: Mapping[str, Any], added: Collection[str]) -> str | None:
    """Return the kind of place that has what is to be eaten, where the wished kind has none.

    Args:
        wish: the arguments of a search.
        added: the tags of the message.
    """
    wanted = [tag for tag in added if tag in foods()]
    if not wanted or wish.get("category") not in EATING or "name" in wish:
        return None
    kinds = _kinds_with(*wanted)
    own = str(wish.get("category"))
    if not kinds or kinds[own]:
        return None
    usual, often = kinds.most_common(1)[0]
    if usual in wish.get("without", ()):
        return None
    return usual if "category" in wish or often >= MOST * kinds.total() else None


def is_rare_in(kind: str | None, tags: Collection[str]) -> bool:
    """Whether hardly a place of a kind has what is to be eaten, and many others have it.

    Markets are no place to go on with another food either.

    Args:
        kind: the kind of place that an earlier wish for something to eat was for.
        tags: of the message.
    """
    wanted = [tag for tag in tags if tag in foods()]
    kinds = _kinds_with(*wanted)
    own = kinds[str(kind)]
    return kind == "market" or (own < RARE and own * MANY_MORE <= kinds.total() - own)


@lru_cache(maxsize=128)
def _kinds_with(*foods: str) -> Counter[str]:
    """Return how many places of each kind have all of some foods; none where none is named."""
    return Counter(p.category for p in load_places() if foods and all(map(p.has, foods)))


def _usual_kind(food: str) -> str | None:
    """Return the kind of place that has something to eat most often, None for restaurants."""
    kinds = _kinds_with(food)
    if not kinds:
        return None
    usual, often = kinds.most_common(1)[0]
    rare = kinds["restaurant"]
    return usual if rare < RARE and rare * MANY_MORE <= often else None
