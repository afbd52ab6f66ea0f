"""Answers with sources that are checked: no source, no claim.

A model is told to put the mark of a passage, such as [1], after each sentence. It may forget a
mark, make one up, or put one behind something that the passage does not say. So every sentence is
held against the passage it cites, and a sentence that is not in there is taken out.

What this check cannot see: a sentence with the right words in the wrong order of meaning. It
compares words, numbers and negation; it does not understand. That would need a second model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from course_lib.models.language.message_parser import language_of
from course_lib.models.language.place_words import phrases
from course_lib.namu.retrieval.passages import sentences
from course_lib.retrieval import tokens

MIN_SHARE = 0.6
"""Share of a sentence's words that the cited passage must have."""

MARK = re.compile(r"\[(\d+)\]")
LATE_MARKS = re.compile(r"([.!?])((?:\s*\[\d+\])+)")
EARLY_MARKS = re.compile(r"((?:\s*\[\d+\])+)([.!?])")
SOURCE_LINE = re.compile(r"^\s*((?:\[\d+\]\s*)+)(\S.*)$")
URL = re.compile(r"https?://[^\s)\]>]+")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
NEGATION = re.compile(
    r"\b(?:no|not|never|nobody|nothing|without|cannot|neither|nor)\b|n't\b"
    r"|않|못|없|아니|말고|금지|안 ",
    re.I,
)


@dataclass(frozen=True)
class CheckedAnswer:
    """An answer after the check.

    Args:
        text: the answer without what was taken out; a sentence that says that there is no source
            where nothing is left.
        removed: each sentence that was taken out, with the reason.
        cited: the marks of the passages that are cited.
    """

    text: str
    removed: tuple[tuple[str, str], ...]
    cited: tuple[int, ...]


def check_answer(
    text: str,
    passages: Sequence[Mapping[str, Any]],
    *,
    language: str = "en",
    strict: bool = True,
) -> CheckedAnswer:
    """Take every sentence out of an answer that its source does not support.

    Args:
        text: the answer, with marks such as [1].
        passages: what the search returned, each with `mark`, `title`, `text` and `sources`.
        language: `ko` or `en`, of the sentence that is said where nothing is left.
        strict: whether a sentence without a mark is a claim without a source. Not so in an answer
            that also tells of places, which come from another search.
    """
    known = {int(passage["mark"]): passage for passage in passages}
    removed: list[tuple[str, str]] = []
    cited: dict[int, None] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if _is_source_line(line, known):
            reason = _wrong_source_line(line, known)
            lines.append("" if reason else line)
            removed += [(line.strip(), reason)] if reason else []
            continue
        kept = []
        for sentence in sentences(LATE_MARKS.sub(r"\2\1", line)):
            reason = _unsupported(sentence, known, strict=strict)
            if reason:
                removed.append((sentence, reason))
            else:
                kept.append(sentence)
                cited.update((int(mark), None) for mark in MARK.findall(sentence))
        joined = " ".join(kept)
        lines.append(EARLY_MARKS.sub(r"\2\1", joined) if LATE_MARKS.search(line) else joined)
    if strict and not cited:
        return CheckedAnswer(phrases()[language]["no_source"], tuple(removed), ())
    if not removed:
        return CheckedAnswer(text, (), tuple(cited))
    shown = [line for line in lines if not _is_of_no_use(line, cited)]
    return CheckedAnswer(
        re.sub(r"\n{3,}", "\n\n", "\n".join(shown)).strip(), tuple(removed), tuple(cited)
    )


def check_sources(state: Mapping[str, Any]) -> dict[str, Any]:
    """Check the last answer of a graph; a node for the end of a turn.

    An answer in a turn without a search of the guides is left as it is.

    Args:
        state: with `messages`.

    Returns:
        Nothing, or the corrected message under the id of the old one.
    """
    messages: Sequence[BaseMessage] = state["messages"]
    turn = _this_turn(messages)
    searched = [m for m in turn if isinstance(m, ToolMessage) and m.name == "search_guides"]
    answer = messages[-1]
    if not searched or not isinstance(answer, AIMessage):
        return {}
    other = any(isinstance(m, ToolMessage) and m.name != "search_guides" for m in turn)
    asked = next((m for m in reversed(messages) if isinstance(m, HumanMessage)), None)
    language = language_of(str(asked.text)) if asked else None
    found = _passages(searched)
    checked = check_answer(str(answer.text), found, language=language or "en", strict=not other)
    if checked.text == str(answer.text):
        return {}
    return {"messages": [answer.model_copy(update={"content": checked.text})]}


def _this_turn(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the messages behind the last one of the person."""
    people = [n for n, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return list(messages[people[-1] + 1 if people else 0 :])


def _passages(searched: Sequence[ToolMessage]) -> list[dict[str, Any]]:
    """Return the passages of the last search that returned any; each search counts from 1."""
    for message in reversed(searched):
        try:
            found = json.loads(str(message.text)).get("passages")
        except (ValueError, AttributeError):
            continue
        if found:
            return list(found)
    return []


def _unsupported(
    sentence: str, known: Mapping[int, Mapping[str, Any]], *, strict: bool
) -> str | None:
    """Return why a sentence may not stay, None if it may."""
    marks = [int(mark) for mark in MARK.findall(sentence)]
    claim = MARK.sub("", sentence).strip()
    if not marks:
        return "no source" if strict and not _is_no_claim(claim) else None
    unknown = [mark for mark in marks if mark not in known]
    if unknown:
        return f"no passage has the mark [{unknown[0]}]"
    texts = [f"{known[mark]['title']}. {known[mark]['text']}" for mark in marks]
    return _not_said(claim, " ".join(texts))


def _not_said(claim: str, source: str) -> str | None:
    """Return why a source does not say a claim, None if it does as far as words can tell."""
    plain = re.sub(r"\s+([.!?])", r"\1", " ".join(claim.split()))
    if plain.rstrip(".!? ") in " ".join(source.split()):
        return None
    missing = set(NUMBER.findall(claim)) - set(NUMBER.findall(source))
    if missing:
        return f"the source has no number {min(missing)}"
    said = set(tokens(claim))
    share = len(said & set(tokens(source))) / len(said) if said else 0.0
    if share < MIN_SHARE:
        return f"only {share:.0%} of its words are in the source"
    nearest = max(sentences(source), key=lambda each: len(said & set(tokens(each))))
    if bool(NEGATION.search(claim)) != bool(NEGATION.search(nearest)):
        return "the source says the opposite, or does not say it"
    return None


def _is_no_claim(sentence: str) -> bool:
    """Whether a sentence without a mark says nothing about the city: a question, or our own."""
    own = [phrases()[language][key] for language in ("ko", "en") for key in _OWN]
    return not tokens(sentence) or sentence.endswith("?") or any(sentence in text for text in own)


_OWN = ("guide_lead", "guide_other", "no_source")
"""Names of the offline model's sentences that are said around quotations."""


def _is_source_line(line: str, known: Mapping[int, Mapping[str, Any]]) -> bool:
    """Whether a line that begins with marks only names sources; otherwise it makes a claim."""
    found = SOURCE_LINE.match(line)
    if not found:
        return False
    rest = URL.sub("", found[2])
    for mark in _marks(line):
        passage = known.get(mark, {})
        titles = [passage.get("title", ""), *(s["title"] for s in passage.get("sources", ()))]
        for title in sorted(titles, key=len, reverse=True):
            rest = rest.replace(title, "")
    return not re.search(r"\w", rest)


def _marks(line: str) -> list[int]:
    """Return the marks at the beginning of a line."""
    found = SOURCE_LINE.match(line)
    return [int(mark) for mark in MARK.findall(found[1])] if found else []


def _wrong_source_line(line: str, known: Mapping[int, Mapping[str, Any]]) -> str | None:
    """Return why a line of the list of sources may not stay, None if it may."""
    for mark in _marks(line):
        if mark not in known:
            return f"no passage has the mark [{mark}]"
        own = {source["url"] for source in known[mark].get("sources", ())}
        wrong = [url for url in map(_bare, URL.findall(line)) if url not in own]
        if wrong:
            return f"the passage [{mark}] does not come from {wrong[0]}"
    return None


def _bare(url: str) -> str:
    """Return an address without the punctuation that follows it in a sentence."""
    return url.rstrip(".,;")


def _is_of_no_use(line: str, cited: Mapping[int, None]) -> bool:
    """Whether a line of the list of sources belongs to passages that are no longer cited."""
    marks = _marks(line)
    return bool(marks) and not set(marks) & set(cited)
