"""Whether a message only says that something is good: "그거 좋다", "sounds good", "perfect".

It holds for the whole message. "The second one looks good" and "좋은 카페" say more than that.
"""

from __future__ import annotations

import re

from course_lib.models.language.lexicon import LETTERS

OPENING_KO = (
    "오+|와+|우와|아+|음+|흠|헐|넵|넹|네|응|어|ㅇㅇ|ㅇㅋ|그래|그렇다면|그러면|그럼|진짜|정말|너무|넘|매우|"
    "아주|완전|딱|둘 ?다|다|모두|전부|역시|그냥|참|꽤|제법|생각보다|(?:그|이) ?정도면|"
    "(?:그|이|저)(?: ?(?:집|곳|카페|식당))(?:도|은|는|이|가)?|"
    "(?:그|이|저)(?:거|것|건|게)(?:도|는|가)?|"
    "(?:여기|거기|저기)(?:도|가|는)?"
)
GOOD_KO = (
    r"(?:좋|괜찮|나쁘지 ?않)"
    r"(?:아 ?보(?:여|이네)|네|은데|은 ?걸|군|구나|습니다|겠다|겠네|겠어|다|음)[요여]?|"
    r"(?:좋|나쁘지 ?않)아[요여]?|조(?:아|으다|타|네|은데)[요여]?|완벽(?:해|하네|하다|합니다)?요?|"
    r"(?:굳굳|굿굿|굿|굳|최고|짱|딱)(?:이야|예요|이에요|이네|네|다)?요?|"
    r"(?:마음|맘)에 ?(?:쏙 ?)?(?:들어|드네|든다|듭니다)[요여]?"
)
OPENING_EN = (
    "o+h+|ah+|wow|ok|okay|yes|yeah|yep|yup|hm+|well|then|that|it|this|those|these|they|all|both|"
    "everything|so|really|very|super|just|pretty|quite|actually|looks?|sounds?|seems?|like|is|are|"
    "that's|thats|it's|its|they're|would be|will be|an?|the|i think|thanks|thank you"
)
GOOD_EN = (
    "good|great|nice|fine|perfect|lovely|awesome|amazing|wonderful|excellent|fantastic|cool|ideal|"
    "not bad|(?:i )?(?:really )?(?:love|like) (?:it|them|that|this|these|those|all)|works?|"
    "(?:that|it|this)(?: will|'ll| would) (?:do|work)"
)
BEHIND_EN = (
    "(?:one|ones|idea|choices?|list|picks?|all|thanks|thank you|(?:to|for) (?:me|us)|then|too)"
)

END_KO = rf"(?:[\s,.!~^{LETTERS}]|\?\Z)*+\Z"
END_EN = rf"(?:,? {BEHIND_EN}\b)*+[\s,.!~:)]*+\Z"
ASKS_KO = r"(?:아|아요|들어|들어요|음|겠어|겠어요|다) ?\?\Z"
"""With a question mark these ask; "좋은데?" does not."""

PRAISE = re.compile(
    rf"\A(?!.*{ASKS_KO})(?:(?:(?!(?:{GOOD_KO}){END_KO})(?:{OPENING_KO}|{GOOD_KO})[\s,.!~]*+)*+(?:{GOOD_KO}){END_KO}"
    rf"|(?:(?!(?:{GOOD_EN}){END_EN})(?:{OPENING_EN}|{GOOD_EN})[\s,.!]++)*+(?:{GOOD_EN}){END_EN})"
)
"""The whole message, after `normalise`. Nothing is tried twice, so the time is that of one look."""


def is_praise(text: str) -> bool:
    """Whether a message says that something is good, and nothing else.

    Args:
        text: from `normalise`.
    """
    return PRAISE.search(text) is not None
