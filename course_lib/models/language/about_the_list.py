"""Messages that as a whole are about the list on the screen, or about one that was shown before.

Each kind has a small grammar that a message must follow from its first word to its last. So a
negation, thanks, a question for the reason, the past tense or one more wish leaves a message to the
other rules: `you choose` is of a kind, `you choose well` and `why did you choose these?` are not.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from course_lib.models.language.lexicon import lexicon

MAX_LENGTH = 120
"""A longer message is of none of these kinds."""

OPEN = (
    r"(?:(?:h+m+|well|ok(?:ay)?|oh|so|then|and|but|just|please|pls|hey|namu|whatever|"
    r"i don'?t know|idk|not sure|i can'?t (?:decide|choose|pick))[ ,.!-]+)*"
)
CLOSE = r"(?:[ ,]*\b(?:please|pls|then|ok(?:ay)?|namu|now))*[\s.!?~]*"
OPEN_KO = (
    r"(?:(?:음++|흠++|그럼|그러면|그냥|좀|나무야|아무거나|"
    r"(?:잘 |난 |나는 |나 |못 ?)?(?:모르겠|고르겠|정하겠)(?:어요?|다|네요?|는데))[\s,.!~]*)*"
)
"""Words before a message proper. `++` takes all equal syllables at once: no way to divide them."""

CLOSE_KO = r"[\s.!?~ㅋㅎㅠㅜ]*"
THESE_KO = r"(?:(?:이|그|요|저|위|여기|목록|리스트|얘네)\s?(?:중에서?는?|중|에서|서)\s*)"
GIVE_KO = r"(?:줘요?|주세요|주라|줄래요?|주실래요?|줄 수 있어요?)"

VERB = r"(?:pick|choose|select|decide)"
ANY = r"(?: (?:just )?(?:any ?one|any|anything|one))"
OF = r"(?: (?:of|from|out of|among) (?:them|these|those|the list))"
FOR_ME = r"(?: for (?:me|us))"
CHOOSE = re.compile(
    rf"{OPEN}(?:"
    rf"(?:(?:can|could|would|will) )?(?:you|u)(?: can| could| may| should)?(?: just| please)* "
    rf"{VERB}{ANY}?{OF}?{FOR_ME}?"
    rf"|i'?ll let you {VERB}{ANY}?{OF}?{FOR_ME}?"
    rf"|{VERB}(?:{ANY}{OF}?{FOR_ME}?|{FOR_ME})"
    r"|(?:(?:it'?s|that'?s|i'?ll leave (?:it|that)|leave (?:it|that)) )?(?:all |entirely )?"
    rf"(?:up to you|your (?:call|pick|choice|decision))){CLOSE}"
)
CHOOSE_KO = re.compile(
    rf"{OPEN_KO}{THESE_KO}?(?:(?:[니네너]가|나무가|알아서|대신|그냥|좀)\s*)*"
    r"(?:(?:아무거나|아무 ?(?:데|곳)이?나|아무나|하나만?|한 ?(?:곳|군데|개)만?)\s*)?(?:좀\s*)?"
    rf"(?:골라|정해|뽑아|선택해)\s?(?:{GIVE_KO}|봐요?|보세요){CLOSE_KO}"
    rf"|{OPEN_KO}{THESE_KO}?(?:[니네너]가|나무가|알아서)\s*(?:골라|정해|선택해|결정해){CLOSE_KO}"
)

END = (
    r"(?:cheapest|priciest|(?:most|least) (?:expensive|pricey|costly|affordable)|"
    r"lowest[- ]priced)"
)
ONE = r"(?: (?:ones?|places?|options?))"
HERE = rf"(?:{OF}| here| on (?:the|this) list)"
ASKS = (
    rf"(?:which|what)(?: ones?| places?)?{OF}?(?:'s| is| are)?|"
    r"(?:tell me|do you know) which(?: one)? is"
)
PRICE_END = re.compile(
    rf"{OPEN}(?:(?:(?:{ASKS}) )(?:the )?|the ){END}{ONE}?{HERE}?{CLOSE}"
    rf"|{OPEN}(?:show me |tell me |give me )?(?:the )?{END}{ONE}?{HERE}{CLOSE}"
)
MOST_KO = r"(?:제일|가장|젤)\s?"
PLACE_KO = r"(?:데|곳|거|것|집|게|건|걸)"
IS_KO = r"(?:야|예요|에요|이에요|인가요?|이야|죠|지|니|임)"
PRICE_END_KO = re.compile(
    rf"{OPEN_KO}(?:"
    rf"{THESE_KO}?{MOST_KO}(?:싼|저렴한|값싼|비싼)\s?{PLACE_KO}(?:[이가은는]|들)?\s*"
    rf"(?:(?:어디|뭐|어느 ?{PLACE_KO})\s?{IS_KO}?)?"
    rf"|{THESE_KO}{MOST_KO}(?:싼|저렴한|값싼|비싼)\s?{PLACE_KO}[을를]?\s*"
    rf"(?:하나만?\s?|좀\s?)?(?:알려|보여|말해|골라)\s?{GIVE_KO}"
    rf"|{THESE_KO}?(?:어디|뭐|어느 ?{PLACE_KO})가?\s*{MOST_KO}"
    r"(?:싸|비싸|저렴해|싼가|비싼가|저렴한가|쌀까|비쌀까)(?:요|지|죠|니|냐)?"
    rf"){CLOSE_KO}"
)

LEAD = (
    r"(?:(?:show me|give me|back to|go back to|let'?s go back to|what about|what were|"
    r"bring back|(?:can|could) (?:you show me|i see|we see))(?: again)? )?"
)
SHOWED = r"(?: (?:that )?(?:you|u) (?:showed|gave|listed|recommended|suggested|found)(?: me| us)?)"
AT_FIRST = r"(?: (?:(?:at )?first|at the (?:start|beginning)|initially|originally))"
LIST = r"(?:ones|places|list|results|options|suggestions|recommendations)"
EARLIER = r"(?: (?:before|earlier|again|from (?:before|earlier)))"
SHOWN_KO = (
    r"(?:(?:보여|추천해|알려|말해|소개해|골라|찾아)\s?(?:준|줬던|주신|주셨던)|"
    r"(?:추천|말|말씀|소개)\s?(?:한|했던|하신|하셨던)|나온|나왔던|봤던)"
)
BEHIND_KO = (
    r"(?:들)?(?:을|를|로|으로|은|는|이|가)?\s*(?:(?:다시|또|한 ?번 ?더|좀)\s*)*"
    rf"(?:(?:보여|알려|말해|추천해)\s?{GIVE_KO}|보자|볼래요?|볼게요?|뭐였(?:지|어|죠|나요)|"
    rf"어디였(?:지|어|죠|나요)|뭐\s?{IS_KO}|부탁해요?)?{CLOSE_KO}"
)

SIZE = r"(?:bigger|larger|smaller|more spacious|roomier)"
AWAY = r"(?:closer|nearer|farther|further away|further)"
NO = r"(?:no\.? ?|number ?|#)?(\d{1,2})"
PAIR = rf"{NO},? (?:or|and|vs\.?|versus) {NO}"
SIZE_KO = r"(?:커|큰가|크|클까|넓어|넓은가|넓|작아|작은가|작)"
AWAY_KO = r"(?:가까워|가까운가|가깝|가까울까|멀어|먼가|멀|멀까)"


class Compared(NamedTuple):
    """Two places of the list that are compared by what nothing is known of.

    Args:
        by: their size, or how far they are from the person.
        numbers: their places on the list, from 1.
    """

    by: Literal["size", "away"]
    numbers: tuple[int, int]


def signals_about_the_list(text: str) -> set[str]:
    """Return the signal of a message that as a whole is about a list, none of any other.

    Args:
        text: a text from `normalise`.
    """
    if len(text) > MAX_LENGTH:
        return set()
    found = {
        "choose": CHOOSE.fullmatch(text) or CHOOSE_KO.fullmatch(text),
        "price_end": price_end(text),
        "shown_first": any(p.fullmatch(text) for p in _again_patterns()[0]),
        "shown_before": any(p.fullmatch(text) for p in _again_patterns()[1]),
        "compared": compared(text),
    }
    return {name for name, holds in found.items() if holds}


def price_end(text: str) -> Literal["low", "high"] | None:
    """Return which end of the prices on the list a message asks for, None if it asks for neither.

    Who asks for more than one place asks for a list, which is no message of this kind.

    Args:
        text: a text from `normalise`.
    """
    if not (PRICE_END.fullmatch(text) or PRICE_END_KO.fullmatch(text)):
        return None
    is_high = re.search(r"priciest|most (?:expensive|pricey|costly)|비[싼싸쌀]", text)
    return "high" if is_high else "low"


def compared(text: str) -> Compared | None:
    """Return the two places that a message compares by number, None if it compares none.

    Args:
        text: a text from `normalise`.
    """
    if len(text) > MAX_LENGTH:
        return None
    for by, pattern in _compared_patterns():
        if match := pattern.fullmatch(text):
            one, other = (int(number) for number in match.groups() if number)
            return Compared(by, (one, other)) if one != other and one and other else None
    return None


@lru_cache(maxsize=1)
def _compared_patterns() -> tuple[tuple[Literal["size", "away"], re.Pattern[str]], ...]:
    found: list[tuple[Literal["size", "away"], re.Pattern[str]]] = []
    pair_ko = (
        r"(\d{1,2})\s?(?:번\s?(?:이랑|랑|하고|과|와|이나|아니면)?|(?:이랑|랑|하고|과|와|이나|아니면))"
        r"\s*(\d{1,2})\s?번?\s?(?:중에서?|중)?"
    )
    for by, word, word_ko in (("size", SIZE, SIZE_KO), ("away", AWAY, AWAY_KO)):
        which = rf"(?:which|what)(?: one)?(?:'s| is) (?:the )?{word}"
        koreans = (
            rf"{pair_ko}\s*(?:어디|어느\s?{PLACE_KO}|뭐|어떤\s?{PLACE_KO})[이가]?\s*(?:더\s*)?{word_ko}",
            rf"(\d{{1,2}})\s?번[이은]?\s*(\d{{1,2}})\s?번보다\s*(?:더\s*)?{word_ko}",
        )
        found += [
            (by, re.compile(rf"{OPEN}is {PAIR} {word}{CLOSE}")),
            (by, re.compile(rf"{OPEN}{which}[,:]? {PAIR}{CLOSE}")),
            (by, re.compile(rf"{OPEN}{PAIR}[,:]? {which}{CLOSE}")),
            *(
                (by, re.compile(rf"{OPEN_KO}{each}(?:요|나요?|니|냐|지|죠|가요)?{CLOSE_KO}"))
                for each in koreans
            ),
        ]
    return tuple(found)


@lru_cache(maxsize=1)
def _again_patterns() -> tuple[tuple[re.Pattern[str], ...], tuple[re.Pattern[str], ...]]:
    """Return how the first list is asked for, and how a kind of place that was shown before."""
    kinds = lexicon()["category"].values()
    english = "|".join(sorted((re.escape(w) for each in kinds for w in each["en"]), reverse=True))
    korean = "|".join(sorted((re.escape(w) for each in kinds for w in each["ko"]), reverse=True))
    first = r"(?:the )?(?:very )?(?:first|initial|original)"
    again = rf"(?:{EARLIER})*{CLOSE}"
    many = rf"(?:{LIST}|(?:{english})s)"
    at_first = rf"(?:맨 |제일 |젤 )?(?:처음|첨|최초)(?:에|엔|으로)?\s?{SHOWN_KO}\s?"
    before = r"(?:아까|방금|이전|좀 전|조금 전)에?\s*"
    is_again = r"(?=.*(?:다시|또|한 ?번 ?더))"
    return (
        (
            re.compile(rf"{OPEN}{LEAD}{first} (?:{LIST}{SHOWED}?|{many}{SHOWED}){again}"),
            re.compile(rf"{OPEN}{LEAD}(?:what|(?:the |those )?{many}){SHOWED}{AT_FIRST}{again}"),
            re.compile(
                rf"{OPEN}(?:what|which (?:ones|places)) did (?:you|u) "
                rf"(?:show|give|recommend|suggest)(?: me| us)?{AT_FIRST}{CLOSE}"
            ),
            re.compile(
                rf"{OPEN_KO}{at_first}(?:거|것|데|곳|목록|리스트|장소|(?:{korean})){BEHIND_KO}"
            ),
        ),
        (
            re.compile(
                rf"{OPEN}{LEAD}(?:the|those|that) (?:{english})s?"
                rf"(?:{SHOWED}(?:{EARLIER})*|(?:{EARLIER})+){CLOSE}"
            ),
            re.compile(rf"{OPEN_KO}{before}(?:그\s?|{SHOWN_KO}\s?)(?:{korean}){BEHIND_KO}"),
            re.compile(rf"{OPEN_KO}{is_again}{before}(?:{korean}){BEHIND_KO}"),
        ),
    )
