"""Signals that the shape of a message gives, where no single word of it does."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from course_lib.models.language.about_the_list import signals_about_the_list
from course_lib.models.language.lexicon import Hit
from course_lib.models.language.praise import PRAISE

QUESTION = re.compile(r"\?|(?:나요|가요|까요|니까|예요|이에요|야|니|냐|어때)[\s.!]*$")
AND_THAT = re.compile(r"[가-힣](?:은|는)\s*\?+$|^(?:and|or) (?!then).{1,30}\?$")
"""A question such as `식당은?`, which asks for the same with one thing changed."""

LIKES = re.compile(
    r"\bi (?:really |do )?(?:like|love|prefer)\b|\bi'?ll (?:take|have)\b|"
    r"\b(?:looks?|sounds?|seems?|is) (?:very |really )?(?:good|nice|great|perfect|lovely)\b|"
    r"(?<![뭐디]가 )(?<!뭐 )\b좋(?:아|네|다|겠)|(?:마음|맘)에 [들드]|로 (?:할게|할래|정할|갈게)"
)
"""Words of somebody who likes a place; `likes.agreed_on` finds out which."""

COPULA = re.compile(r"(?:야|예요|이에요|인가요?|입니까)\s*\?+$")

SHAPES = (
    ("question", QUESTION),
    ("copula", COPULA),
    ("likes", LIKES),
    ("praise", PRAISE),
    ("narrow", AND_THAT),
    ("more", re.compile(r"^(?:조금 |좀 )?(?:더|more)(?:요|줘|줘요)?[\s.!~]*$")),
)
"""Signals that the shape of a whole message gives."""

LIKE_THAT = re.compile(
    r"(?<!\bi )(?<!\bwe )(?<!you )(?<!they )(?<!really )(?<!\bdo )(?<!n't )(?<!not )"
    r"(?<!would )(?<!'d )\b(?:like|same as) (?:it|that|this|these|those|"
    r"the (?:1st|2nd|3rd|\d+th|first|second|third|fourth|"
    r"fifth|last)|#\d|(?:no|number)\.? ?\d)\b"
    r"|\bof (?:that|this|the same) (?:kind|sort|type)\b|"
    r"\b(?:the )?same (?:but|only|in|near|around|for)\b"
)
"""Words that ask for places like one that was shown; `I like it` is praise."""

ANOTHER = re.compile(r"\b(?:another|others?|else|different|alternatives?)\b|다른|딴 |또")
REFUSES = re.compile(r"\b(?:not|no|never|hate|dislike)\b|n't|말고|싫|빼|별로")

SAME_AS = re.compile(r"(?:이?랑|하고|와|과)?\s*(?:똑?같은|닮은)\s*$")
"""What stands between a place and a kind of place in `두 번째 같은 카페`."""


AS_IT = re.compile(r"\s*(?:거|것|곳|집|데)?처럼")
"""What stands behind a place that others should be like."""


def signals_of_shape(text: str, hits: Sequence[Hit]) -> set[str]:
    """Return the signals that the shape of a whole message gives.

    Args:
        text: a text from `normalise`.
        hits: what was found in it.
    """
    found = {name for name, pattern in SHAPES if pattern.search(text)}
    found |= signals_about_the_list(text)
    if LIKE_THAT.search(text) or _asks_for_the_same(text, hits):
        found.add("like_it")
    return found


def asks_for_another_like_it(signals: Collection[str], text: str) -> bool:
    """Whether a message with a word such as "another" turns nothing down: `another one like it`.

    Args:
        signals: of the message.
        text: the message, from `normalise`.
    """
    return "like_it" in signals and bool(ANOTHER.search(text)) and not REFUSES.search(text)


def _asks_for_the_same(text: str, hits: Sequence[Hit]) -> bool:
    """Whether a message asks in Korean for a kind of place like one that it points at."""
    pointed = [h for h in hits if h.kind in ("ordinals", "name") or h.value == "deictic"]
    if any(AS_IT.match(text[one.end :]) for one in pointed):
        return True
    return any(
        kind.start >= one.end and SAME_AS.fullmatch(text[one.end : kind.start])
        for kind in hits
        if kind.kind == "category"
        for one in pointed
    )
