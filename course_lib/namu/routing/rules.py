"""A router by rules: the first rule that a message fits decides.

A smaller model is chosen only where a rule says why it is enough. Everything else goes to the
largest one, so a message that nobody thought of costs money and not an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from course_lib.models.language.lexicon import HANGUL
from course_lib.namu.routing.choice import RouteChoice

REFERS_BACK = re.compile(
    r"\b(?:it|its|this|those|these|that one|them|there|same|other|others|another|else|more|instead|"
    r"rather|better|cheaper|cheapest|nearer|closer|only|just|change|again|first|second|third|last|"
    r"which|what about|how about|not|without)\b"
    r"|거기|그거|그곳|이거|저거|그 중|그중|말고|빼고|다른|또|더|번째|마지막|남은|별로|바꿔|좁혀"
    r"|싼|저렴|비싼|만$|(?:구|동|역)는|는요|도 (?:보여|찾|알)|에서 찾|이번에|같은",
    re.I,
)
"""Words with which a message means an earlier one: what was found, or how it was asked for."""

KIND = re.compile(
    r"\b(?:caf[eé]s?|coffee|restaurants?|dinner|lunch|museums?|galler(?:y|ies)|parks?|markets?|"
    r"palaces?|temples?|trails?|viewpoints?|bookstores?|shops?|shopping)\b"
    r"|카페|커피|맛집|음식점|식당|박물관|미술관|갤러리|공원|시장|고궁|궁|절|사찰|둘레길|산책|전망대|서점"
    r"|책방|쇼핑",
    re.I,
)
"""Words for a kind of place: the message can be searched for as it stands."""

TALK = re.compile(
    r"^\W*(?:hi|hello|hey|thanks?|thank you|great|bye|goodbye|who are you|good morning)\b"
    r"|^\W*(?:안녕|반가|고마|감사|잘 있|잘 가|너는? 누구|누구)",
    re.I,
)
"""How small talk begins."""

LONG = 120
"""Letters above which a message may hold several wishes."""


@dataclass(frozen=True)
class Rule:
    """A rule of the router.

    Args:
        size: what is chosen when the rule fits.
        reason: is kept with the choice.
        pattern: must be found in the message.
        korean: whether the message must be in Korean, or must not be; None for either.
    """

    size: str
    reason: str
    pattern: re.Pattern[str]
    korean: bool | None = None

    def fits(self, text: str) -> bool:
        """Whether a message fits the rule.

        Args:
            text: the message.
        """
        is_korean = HANGUL.search(text) is not None
        return (self.korean is None or self.korean is is_korean) and bool(self.pattern.search(text))


RULES = (
    Rule("large", "a long message may hold several wishes", re.compile(rf".{{{LONG}}}", re.S)),
    Rule("large", "refers to an earlier turn", REFERS_BACK),
    Rule("small", "small talk in English", TALK, korean=False),
    Rule("medium", "small talk in Korean", TALK, korean=True),
    Rule("small", "a whole wish in English", KIND, korean=False),
    Rule("medium", "a whole wish in Korean", KIND, korean=True),
)
"""The rules, the first one that fits decides."""


def route_by_rules(text: str) -> RouteChoice:
    """Choose the model for a message by `RULES`.

    Args:
        text: the person's message.
    """
    for rule in RULES:
        if rule.fits(text):
            return RouteChoice(rule.size, rule.reason)
    return RouteChoice("large", "no rule says that a smaller model is enough")
