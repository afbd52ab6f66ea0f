"""Questions about how things work and what a neighbourhood is like, and answers from passages.

A graph whose system prompt names the tool `search_guides` gives the model texts to answer from. The
offline model then calls that tool for such a question, and quotes what the tool returned, sentence
by sentence, with the mark of each passage and a list of the sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from langchain_core.messages import ToolMessage

from course_lib.models.language.message_parser import ParsedMessage
from course_lib.models.language.place_words import phrases
from course_lib.retrieval import tokens
from course_lib.settings import DATA

TOOL = "search_guides"
"""Name of the tool that searches the guides."""

MAX_QUOTES = 3
"""How many sentences are quoted in one answer."""

SENTENCE = re.compile(r"\S.*?[.!?](?=\s|$)|\S.+$", re.S)
ANSWERS = tuple(
    (re.compile(asks, re.I), re.compile(has, re.I))
    for asks, has in (
        (
            r"몇 ?시|언제|시간|요일|what time|when\b|how late|how early|hours|day\b",
            r"\d ?시|요일|o'clock|noon|midnight|\bfrom .+ (?:to|until)|days?\b",
        ),
        (r"얼마|무료|요금|how much|\bfee\b|free|cost", r"\d[\d,만천 ]*원|\bwon\b|무료|\bfree\b"),
        (r"몇|며칠|how (?:long|many|high|far|steep)", r"\d"),
        (r"어디|where", r"역|센터|에서 파|station|counter|office|desk|store"),
    )
)
"""What kind of fact a question asks for, and what a sentence with such a fact has."""


def has_guides(system: str) -> bool:
    """Whether a system prompt tells of guides.

    Args:
        system: text of the first message.
    """
    return TOOL in system


def asks_guides(parsed: ParsedMessage) -> bool:
    """Whether a message asks how something works, or what a neighbourhood is like.

    It does if it asks something and names a subject of the guides, such as taxis or tips, or a
    sight that they tell of; and if it asks about a neighbourhood as a whole. A wish for a place, a
    booking, or something about the list on the table does not.

    Args:
        parsed: the message.
    """
    if parsed.positions or parsed.signals & {"book", "recommend", "reject"}:
        return False
    text = parsed.text
    asks = bool(_pattern("asks").search(text))
    if asks and _pattern("subjects").search(text):
        return True
    if parsed.category or (parsed.names and "directions" in parsed.topics):
        return False  # a wish for a place near a sight, or the way to it, which no guide tells
    if _pattern("about").search(text) and (parsed.area or _pattern("areas").search(text)):
        return True
    return asks and bool(_pattern("sights").search(text))


def passages_of(results: Sequence[ToolMessage]) -> list[Mapping[str, Any]] | None:
    """Return the passages that the tool returned last, None if it was not called.

    Args:
        results: answers of tools.
    """
    for message in reversed(results):
        if message.name == TOOL:
            try:
                return list(json.loads(str(message.text))["passages"])
            except (ValueError, KeyError, TypeError):
                return []
    return None


def quoted(passages: Sequence[Mapping[str, Any]], question: str, language: str) -> str:
    """Return an answer that quotes passages, with a list of the sources.

    Args:
        passages: as the tool returned them, the best first.
        question: the message.
        language: `ko` or `en`, of the words around the quotations.
    """
    say = phrases()[language]
    if not passages:
        return say["no_source"]
    used = [each for each in passages if each["title"] == passages[0]["title"]]
    if used[0]["language"] == language and not _is_about(used, question):
        return say["no_source"]
    lead = say["guide_lead" if used[0]["language"] == language else "guide_other"]
    told = _best_sentences(used, question)
    # All of them belong to one document, so one line with its sources is enough.
    marks = " ".join(f"[{mark}]" for mark in sorted({mark for _, mark in told}))
    line = f"{marks} {used[0]['title']}{_origin(used[0].get('sources', ()))}"
    return "\n".join([lead, *(f"{text} [{mark}]" for text, mark in told), "", line])


def _is_about(passages: Sequence[Mapping[str, Any]], question: str) -> bool:
    """Whether passages in the language of a question have the subject that it names, if any."""
    subjects = [
        set(tokens(each))
        for kind in ("subjects", "sights")
        for each in _pattern(kind).findall(question.lower())
    ]
    said = {token for each in passages for token in tokens(f"{each['title']} {each['text']}")}
    return not subjects or any(subject <= said for subject in subjects)


def _best_sentences(passages: Sequence[Mapping[str, Any]], question: str) -> list[tuple[str, int]]:
    """Return the sentences that answer a question best, in their order, each with its mark.

    A sentence is good if the tool has highlighted it, if it shares words with the question, and if
    it has the kind of fact that is asked for, such as a time of day.
    """
    asked = set(tokens(question))
    wanted = next((has for asks, has in ANSWERS if asks.search(question)), None)
    rated = []
    for rank, passage in enumerate(passages):
        for text in SENTENCE.findall(passage["text"]):
            score = len(asked & set(tokens(text))) / max(len(asked), 1) - 0.1 * rank
            score += 0.3 * (text.strip() in passage["highlights"])
            score += 0.4 * bool(wanted and wanted.search(text))
            rated.append((score, len(rated), text.strip(), int(passage["mark"])))
    best = sorted(sorted(rated, reverse=True)[:MAX_QUOTES], key=lambda each: each[1])
    return [(text, mark) for _, _, text, mark in best]


def _origin(sources: Sequence[Mapping[str, str]]) -> str:
    named = "; ".join(f"{source['title']}, {source['url']}" for source in sources)
    return f" - {named}" if named else ""


@lru_cache(maxsize=8)
def _pattern(kind: str) -> re.Pattern[str]:
    """Return a pattern for the phrases of one kind, in both languages.

    An English phrase begins at the beginning of a word; a Korean one may stand anywhere.
    """
    words = json.loads((DATA / "guide_words.json").read_text(encoding="utf-8"))[kind]
    english = "|".join(map(re.escape, words["en"]))
    korean = "|".join(map(re.escape, words["ko"]))
    return re.compile(rf"\b(?:{english})|{korean}")
