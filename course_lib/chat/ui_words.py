"""The words of a card in the language of the conversation: English, and Korean for Korean text."""

from __future__ import annotations

import re

from course_lib.models.language.lexicon import HANGUL, normalise
from course_lib.models.language.praise import is_praise

WORDS = {
    "en": {
        "asks": "The graph asks",
        "Approve": "Approve",
        "Reject": "Reject",
        "Yes": "Yes",
        "No": "No",
        "Send": "Send",
        "yes": "Approved",
        "no": "Rejected",
        "sent": "Answered",
        "dropped": "Not answered: you went on.",
    },
    "ko": {
        "asks": "확인이 필요해요",
        "Approve": "승인",
        "Reject": "거절",
        "Yes": "예",
        "No": "아니요",
        "Send": "보내기",
        "yes": "승인함",
        "no": "거절함",
        "sent": "답함",
        "dropped": "답하지 않고 넘어갔어요.",
    },
}

YES = re.compile(
    r"(yes|yep|yeah|y|ok|okay|sure|approve|approved|go ahead|please do|do it"
    r"|네|넵|넹|예|응|ㅇㅇ|ㅇㅋ|어|좋아|좋아요|그래|그래요|그렇게 해줘|승인|오케이|오키)",
    re.IGNORECASE,
)
NO = re.compile(
    r"(no|nope|nah|n|reject|rejected|don'?t|no,? thanks?|no thank you"
    r"|아니|아니요|아니오|아뇨|ㄴㄴ|노노|싫어|싫어요|됐어|됐어요|거절|하지 ?마|하지 ?마세요)",
    re.IGNORECASE,
)
"""What people type in place of pressing a button."""


def words_for(text: str) -> dict[str, str]:
    """Return the words of a card, in the language of a text.

    Args:
        text: the question on the card, or what a person said last.
    """
    return WORDS["ko" if HANGUL.search(text) else "en"]


def yes_or_no(text: str) -> bool | None:
    """Return whether a text is a yes or a no and nothing else; None where it is neither.

    Who only says that something is good ("좋네요", "sounds good") agrees to it.

    Args:
        text: as it was typed.
    """
    said = " ".join(text.split()).strip(" .!~?,")
    if YES.fullmatch(said) or is_praise(normalise(text)):
        return True
    return False if NO.fullmatch(said) else None
