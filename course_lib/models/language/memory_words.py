"""What a message asks to be remembered or forgotten, and what is said about it.

The rules count only where the system prompt has a line `Memory: {...}`, as that of a Namu with a
memory has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.models.language.jamo import with_particle
from course_lib.models.language.likes import of_disliked_kind, turns_down_a_kind
from course_lib.models.language.message_parser import ParsedMessage
from course_lib.models.language.place_words import district_word, phrases
from course_lib.models.language.references import mentioned, on_table

MEMORY_LINE = re.compile(r"^Memory: (\{.*\})$", re.M)

LIVES = re.compile(
    r"\b(?:i|we)(?:'ve| have| just| now|'m| am|'re| are)*(?: just| now)? "
    r"(?:live|living|moved?|stay|staying|based)\b|\bmy (?:home|house|place|flat) is\b"
    r"|살아|살고|살거든|산다|사는데|사는 ?사람|삽니다"
    r"|이사했|이사 ?왔|이사 ?갔|(?:우리 ?집|내 ?집|집)[은이] "
)
ASKING = re.compile(r"^(?:where|which|what|how|can|could|do|should|may)\b|\?\s*$")
LEFT = re.compile(
    r"\b(?:don't|do not|no longer|not) (?:live|stay)|\bnot .{0,12}anymore|안 살|살지 않|떠났"
)
NEVER = re.compile(
    r"\bnever\b(?! mind)|\bfor good\b|\bever again\b|\bdon't ever\b"
    r"|다시는|두 ?번 다시|절대|영원히|영영|평생"
)
FORGET = re.compile(
    r"\bforget\b(?! it$)|\b(?:delete|erase) (?:what|everything|all|my|that)\b"
    r"|잊어|잊으|기억하지 ?마|(?:기억|알고 있는 ?(?:걸|것|거)).{0,8}(?:지워|삭제)"
)
ASKS = re.compile(
    r"\b(?:know|remember)\b.{0,12}\babout me\b|\bwhere (?:do i|i) live\b|\bdo you remember me\b"
    r"|나에 ?대해|저에 ?대해|[내제]가 어디 ?[사살]|[나저뭘뭐] 기억"
)
SPEAKS = re.compile(
    r"\b(?:answer|reply|speak|talk|write|respond)\b.{0,20}\b(korean|english)\b"
    r"|(한국어|한국말|영어)로.{0,8}(?:답|말|대답|얘기|이야기|써|해)"
)
HOME = re.compile(
    r"\bmy (?:home|house|place|flat|area)\b|\bhome\b|우리 ?집|내 ?집|우리 ?동네"
    r"|집 ?(?:근처|주변|앞|에서)"
)
FORGETTABLE = (
    ("everything", re.compile(r"\b(?:everything|all)\b|모두|전부|다 ?잊|모든")),
    (
        "home",
        re.compile(r"\b(?:live|home|address|district|moved)\b|집|사는|어디 ?살|주소|동네|이사"),
    ),
    ("language", re.compile(r"\blanguage\b|언어")),
    (
        "never_again",
        re.compile(r"\b(?:turned down|refused|rejected|never)\b|거절|싫다고|뺀|빼 ?달라"),
    ),
)
"""What may be forgotten, and the words for it; anything else means what was noted last."""


FACTS = ("home_district", "answer_in", "never_again")
"""What is known and named; the language that a person happens to write is not."""


def memory_in(system: str) -> Mapping[str, Any] | None:
    """Return what a system prompt says of the memory, None where there is none.

    Args:
        system: with a line such as `Memory: {"known": {}, "kept": []}`.
    """
    found = MEMORY_LINE.search(system)
    try:
        told = json.loads(found[1]) if found else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def memory_wish(
    parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]], focus: str | None
) -> dict[str, Any]:
    """Return what a message asks of the memory, by the field names of Namu's `MemoryWish`.

    Args:
        parsed: the message.
        recommended: the places on the table.
        focus: id of the place that was last spoken of alone.
    """
    text = parsed.text
    wish: dict[str, Any] = {}
    spoken = SPEAKS.search(text)
    of_kind = of_disliked_kind(parsed, recommended)
    only_a_kind = turns_down_a_kind(parsed) and not of_kind  # "never a museum", and none is shown
    if FORGET.search(text):
        wish["forget"] = [what for what, words in FORGETTABLE if words.search(text)][:1] or ["last"]
    elif LEFT.search(text):
        wish["forget"] = ["home"]
    elif LIVES.search(text) and parsed.district and not ASKING.search(text):
        wish["home_district"] = parsed.district
    elif NEVER.search(text) and recommended and not parsed.category and not only_a_kind:
        told = (*parsed.refused_positions, *parsed.positions)
        named = on_table(told, recommended) or mentioned(parsed, recommended)
        named = named or tuple(
            i
            for i, place in enumerate(recommended)
            if place["id"] in {part for name in parsed.refused_names for part in name.split("|")}
        )
        named = named or of_kind or tuple(i for i, p in enumerate(recommended) if p["id"] == focus)
        wish["never_again"] = [i + 1 for i in named or range(len(recommended))]
    elif spoken:
        wish["answer_in"] = "en" if "english" in spoken[0] or "영어" in spoken[0] else "ko"
    return wish


def only_memory(parsed: ParsedMessage, wish: Mapping[str, Any]) -> bool:
    """Whether a message speaks of the memory and wants nothing else.

    Args:
        parsed: the message.
        wish: as from `memory_wish`.
    """
    if parsed.category or parsed.tags or parsed.price:
        return False
    return bool(wish or ASKS.search(parsed.text))


def is_at_home(parsed: ParsedMessage) -> bool:
    """Whether a message speaks of the person's home."""
    return bool(HOME.search(parsed.text))


def about_memory(
    memory: Mapping[str, Any], parsed: ParsedMessage, language: str, *, greets: bool
) -> str | None:
    """Return what is said of the memory: what changed in this turn, or what is known.

    Args:
        memory: as from `memory_in`.
        parsed: the message.
        language: `ko` or `en`.
        greets: whether the message greets, so that a known home is named.

    Returns:
        One or more sentences; None where nothing is to be said.
    """
    say = phrases()[language]["memory"]
    known = memory.get("known") or {}
    lines = [say["kept"].format(fact=_fact(each, language)) for each in memory.get("kept") or ()]
    lines += [
        say["forgotten"].format(fact=_fact(each, language))
        for each in memory.get("forgotten") or ()
    ]
    if memory.get("not_known"):
        lines.append(say["not_known"])
    if not lines and ASKS.search(parsed.text):
        facts = [_fact({key: value}, language) for key, value in known.items() if key in FACTS]
        lines.append(say["known"].format(facts="; ".join(facts)) if facts else say["nothing"])
    if not lines and greets and known.get("home_district"):
        home = district_word(known["home_district"], language)
        lines.append(say["welcome"].format(home=home))
    return " ".join(lines) or None


def _fact(fact: Mapping[str, Any], language: str) -> str:
    """Return one thing that is known, as words."""
    say = phrases()[language]["memory"]
    key, value = next(iter(fact.items()))
    if key == "home_district":
        home = district_word(str(value), language)
        return say["home"].format(home=home)
    if key == "answer_in":
        return say["answer_in"].format(language=say["languages"][str(value)])
    names = ", ".join(value) if isinstance(value, list) else str(value)
    return say["never_again"].format(
        names=with_particle(names, "을/를") if language == "ko" else names
    )
