"""What a message turns down, and what the refusal belongs to.

In Korean a refusal stands behind what it refuses (`비싼 데 말고`, `A랑 B 빼고`), in English before
it (`not so expensive`, `no cafes or museums`). It reaches over fillers and over what is joined to
it, and no further: in `비싼 데 말고 강남` nobody refuses Gangnam.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise, takewhile

from course_lib.models.language.dislike_words import means_dislike, minds_not
from course_lib.models.language.lexicon import HANGUL, Hit
from course_lib.neighbourhoods import spot_named

BEFORE = re.compile(
    r"(?:\b(?:not|no|never|nothing|instead of|rather than|except(?: for)?|excluding|other than|"
    r"without|than|besides|apart from|aside from|anything but|(?:don'?t|dont|do not|doesn'?t|"
    r"didn'?t) (?:want|like|need|feel like)|"
    r"no more|enough|forget|skip|drop|avoid|"
    r"why (?:did|do|are|would) (?:you|u) (?:give|giving|show|showing|recommend|"
    r"recommending|suggest|suggesting|send|sending)(?: me| us)?|"
    r"isn'?t|aren'?t|(?<!did you )leave out|keep out|exclude|dnt)|n't)"
    r"(?: (?:in|a|an|the|any|at|to|for|from|another|more|of|so|too|very|that|this|really|all|"
    r"particularly|overly|super|such|be|being|go|going|want|it|is|with|those|these|some|as|"
    r"visit|see|something|anything|places?|somewhere))* $"
)
NOT_NEAR = re.compile(r"\bnot (?:anywhere )?(?:near|around|close to) (?:the )?$")
"""What turns a part of Seoul down, and nothing else: `cafes not near Hongdae`."""

OPENING = re.compile(
    r"(?:(?:oh|h+m+|but|so|and|wait|well|ok(?:ay)?|hey|hi|namu|please|actually|sorry|"
    r"(?:no|nah|yes|thanks)(?=[,.!]))[ ,.!]+)*"
    r"(?:(?:(?:i(?:'?m| am) )?(?:just )?(?:looking|searching) for|"
    r"i(?:'d| would) (?:like|love|prefer)|(?:i|we) (?:want|need|prefer)|"
    r"(?:(?:can|could|would) you )?(?:please )?(?:show|find|give|recommend|suggest|get|list)"
    r"(?: me| us)?|is there|are there|"
    r"do you (?:have|know)|(?:what|how) about)\b)?"
)
"""How a wish begins."""

REFUSAL = re.compile(
    r"\b(?:not|(?:do|wo|ca|would)n'?t|no|never|nothing|nowhere|except|other than|rather than|"
    r"instead of|avoid|exclude|skip|without)\b"
)
NO_WISH = re.compile(
    r"\b(?:is|are|was|were|am|be|been|being|seems?|looks?|lies?|does|did|do|has|have|had|says?|"
    r"said|tell|told|think|thought|know|knew|guess|believe|heard?|which|what|who|where|when|how|"
    r"why|if|whether|unless|because|since|those|these|this|that|it|they|he|she|you|the ones?|one|"
    r"my|your|his|her|their|our|first|second|third|last|live|stay|staying)\b|"
    r"'(?:s|re|m|ve)\b|\d $"
)
"""What stands before a "not" that says or asks where something is, and turns nothing down."""

NO_WISH_BEHIND = re.compile(r"(?<!that )\b(?:is|are|was|right|correct|huh|why|how)\b")
"""The same behind it."""

NEVER = re.compile(
    r"\b(?:is|are|was|were|does|did|has|have|ai)n'?t\b|[이가] ?아닌|"
    r"아니(?:야|지|네|잖|에요)|말고[도는]"
)
"""Signs that nothing is turned down, wherever they stand."""


SHOWN = "(?:줘|줬|주|나와|나오|나왔|추천|보여|알려|찾)"
WHY = re.compile(rf"(?:을|를|이|가|만)? ?{SHOWN}")
"""What follows a kind of place behind "왜": who asks why they got it wants another one."""

AFTER = re.compile(
    r"^(?:[가-힣]{0,3}(?:한|은|는|운|인|된|로운)?)?\s*"
    r"(?:(?:데|곳|거|것|건|걸|게|집|쪽|장소|식당|카페|곳들|데들)?"
    r"(?:에서|에|으로|로|쪽|은|는|이|가|을|를|도|만|들|이나|나)*)?\s*"
    r"(?:말고|말구|말곤|빼|뺄|제외|아니고|아니라|아닌(?!가)|아님|아니면 좋|"
    rf"보다는|대신|안 되|안 돼|필요 없|필요없|지 않|지 말|지않|진 않|지는 않|지 못|왜 ?{SHOWN})"
)
FRONT = re.compile(r"(?:^|[^가-힣])안 ?$")
JOINED_KO = re.compile(r"^(?:이랑|랑|이나|나|하고|와|과|도|,|및|그리고|\s)+$")
JOINED_EN = re.compile(r"^(?:,| |\bor\b|\band\b|\bnor\b|&|\ba\b|\ban\b|\bthe\b|\bany\b)+$")
OR = re.compile(r"\bn?or\b")
AND = re.compile(r"\b(?:n?or|and)\b|&")
QUICK = re.compile(r"\s*(?:지|진|지는)\s*(?:않|말|못)")
JOINABLE = ("category", "district", "area", "name", "tags", "ordinals", "price")
"""Kinds of words that stand in a list."""


AREAS = ("area", "district")
"""Kinds of words for a part of Seoul."""


@lru_cache(maxsize=256)
def turns_down_an_area(text: str) -> bool:
    """Whether the part of Seoul that a message negates is turned down by it.

    So it is in a wish, `cafes not near Hongdae`, and in a message that is nothing but the refusal.
    Who says or asks where something is turns nothing down, and who negates twice wants it.

    Args:
        text: the message, from `normalise`.
    """
    if NEVER.search(text) or HANGUL.search(text):
        return not NEVER.search(text)
    rest = text[OPENING.match(text).end() :]  # type: ignore[union-attr]
    refusal = REFUSAL.search(rest)
    if refusal is None:
        return not NO_WISH.search(rest)
    before, behind = rest[: refusal.start()], rest[refusal.end() :]
    is_double = refusal[0] != "not" and re.search(r"\bnot\b", behind)
    return not (NO_WISH.search(before) or NO_WISH_BEHIND.search(behind) or is_double)


def is_a_place(name: str) -> bool:
    """Whether a part of Seoul is known by the name of a place, such as `gyeongbokgung`.

    Args:
        name: what was found in a message.
    """
    spot = spot_named(name)
    return spot is not None and spot.place_id is not None


def is_refused(hit: Hit, text: str, others: Sequence[Hit]) -> bool:
    """Whether a message refuses what a word stands for.

    Args:
        hit: the word.
        text: the message, from `normalise`.
        others: everything else that was found, for what is joined to a refused word.
    """
    if _directly(hit, text):
        return not _changes_its_kind(hit, text, others)
    return _is_joined(hit, text, others, _directly, OR) or is_disliked(hit, text, others)


def is_disliked(hit: Hit, text: str, others: Sequence[Hit]) -> bool:
    """Whether a message says that what a word stands for is disliked; see `dislike_words`.

    Args:
        hit: the word.
        text: the message, from `normalise`.
        others: everything else that was found, for what is joined to a disliked word.
    """
    return means_dislike(hit, text) or _is_joined(hit, text, others, means_dislike, AND)


def _is_joined(
    hit: Hit,
    text: str,
    others: Sequence[Hit],
    holds: Callable[[Hit, str], bool],
    joining: re.Pattern[str],
) -> bool:
    """Whether a word is in a list with another one of which something holds.

    In English that one stands first, and the list needs an "or": `no cafes, parks or museums`.
    """
    for other in others:
        if other.kind not in JOINABLE:
            continue
        korean = bool(HANGUL.search(hit.phrase) or HANGUL.search(other.phrase))
        if korean and other.start > hit.end:
            between = text[hit.end : other.start]
            is_list = other.kind == hit.kind and hit.kind in ("district", "area", "name")
            joins = JOINED_KO.match(between) and (between.strip() or is_list)
            if joins and holds(other, text):
                return True
        elif not korean and other.end < hit.start and holds(other, text):
            between = _between_in_list(other, hit, text, others)
            if between is not None and joining.search(between):
                return True
    return False


def _between_in_list(first: Hit, hit: Hit, text: str, others: Sequence[Hit]) -> str | None:
    """Return what stands between the words of an English list; None if a word is not in it."""
    of_kind = {(o.start, o.end) for o in others if o.kind == hit.kind and o.start > first.end}
    spans = [(first.start, first.end), *sorted(of_kind | {(hit.start, hit.end)})]
    gaps = [(text[one[1] : two[0]], two) for one, two in pairwise(spans)]
    listed = list(takewhile(lambda gap: JOINED_EN.match(gap[0]), gaps))
    if not any(span == (hit.start, hit.end) for _, span in listed):
        return None
    return "".join(between for between, _ in listed)


def _changes_its_kind(part: Hit, text: str, others: Sequence[Hit]) -> bool:
    """Whether a part of Seoul stays, and only the kind of place behind it is refused.

    That is so in `성수 카페 말고 밥집`, where another kind follows. In `성수 카페 말고 연남` the
    part of Seoul is refused too.
    """
    if part.kind not in ("area", "district"):
        return False
    kinds = [each for each in others if each.kind == "category"]
    own = next((k for k in kinds if not text[part.end : max(k.start, part.end)].strip()), None)
    if own is None or own.start < part.end or not _directly(own, text):
        return False
    behind = [each for each in others if each.start >= own.end]
    return any(each.kind == "category" and each.value != own.value for each in behind) and not any(
        each.kind in ("area", "district") for each in behind
    )


@lru_cache(maxsize=1024)
def _directly(hit: Hit, text: str) -> bool:
    before, after = text[: hit.start], text[hit.end :]
    if minds_not(hit, text):
        return False
    if BEFORE.search(before) or means_dislike(hit, text):
        return True
    if hit.kind in AREAS and NOT_NEAR.search(before):
        return turns_down_an_area(text) and not is_a_place(hit.value)
    if not HANGUL.search(text):
        return False
    if before.rstrip().endswith("왜") and WHY.match(after):
        return True
    return bool(FRONT.search(before) or QUICK.match(after) or AFTER.match(after))
