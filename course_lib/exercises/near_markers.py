"""Lines and tags that look like the marks of a solution and are none, so they would publish it."""

from __future__ import annotations

import re
import unicodedata

from course_lib.exercises.marker_words import (
    ANY,
    AUDIENCE,
    ENGLISH,
    OTHERS,
    Language,
    is_one_of,
    words_of,
)

TITLE = re.compile(r"\s*(?:#{1,6}\s+|\*\*|__)(.*?)(?:\*\*|__)?:?\s*$")
"""A line of Markdown that is a heading, or bold and nothing else."""

LEAD = re.compile(
    r"[\s#>+-]*(?:\d+[.)]\s*)?(?P<bold>\*{1,3}|_{1,3})?(?P<title>\w[^:.*_]*?)"
    r"(?:\s*[:.]\s*(?:\*+|_+)|(?:\*+|_+)?\s*:)\s*\S"
)
"""The beginning of a line of Markdown that names what follows it: `**Solution:** add one`."""

SUMMARY = re.compile(r"<summary[^>]*>(.*?)</summary>", re.I | re.S)
"""What is shown of a part of Markdown that is folded."""

DIRECTIVE = re.compile(r"\s*(?::{3,}|`{3,}|~{3,})\s*\{([^}]*)\}(.*)")
"""A line that begins a box or a fold of MyST or Quarto, whose kind or title is told."""

UNFOLD = frozenset({"show", "see", "click", "reveal", "view", "open", "expand", "press", "to"})
"""What may stand beside the word for a solution where a fold names what is in it."""

COMMENT = re.compile(r"#|//|--|<!--|%%|/\*")
OTHER_COMMENT = re.compile(r"\s*(?:%+|;+|(?:\*+|\(\*|\{-|!+)\s|rem\s)", re.I)
"""How a line that is a comment begins in languages other than Python, and in Python hardly one."""

SPACED = re.compile(r"\b\w(?: \w){3,}\b")
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
GLUED = re.compile(
    r"\b(begin|end|start|stop)(?=(?:solution|answer|hidden|test)s?)|"
    r"\b(solution|answer|tests?)(?=(?:begin|end|start|stop)s?\b)",
    re.I,
)
"""Words of a mark that stand together without a space: `BEGINSOLUTION`."""

LABELS = frozenset(
    {"sample", "model", "reference", "official", "code", "cell", "here", "below", "key"}
    | {"instructor", "teacher", "part", "region", "expected", "correct"}
)
"""What may stand beside `solution` in a line that is a label: it says what the code below it is."""

ALONE = frozenset({"only", "version", "code", "notes", "note", "cell", "test", "tests"})
"""What may stand beside the word for a teacher in a line that is a label."""


def looks_like_marker(line: str, *, is_code: bool) -> bool:
    """Return whether a line looks like the begin or the end of something to be hidden.

    Args:
        line: of a cell.
        is_code: whether the cell holds code. Only comments are looked at there.
    """
    line = _words_apart(unicodedata.normalize("NFKC", line))
    if not any(is_one_of(word, ANY) for word in words_of(line)):
        return False
    if not is_code:
        return any(kind(line) for kind in (_is_mark_alone, _is_heading, _is_title, _is_lead))
    if OTHER_COMMENT.match(line) and _is_mark(words_of(OTHER_COMMENT.sub("", line, count=1))):
        return True
    parts = COMMENT.split(line)
    if len(parts) == 1:
        return False
    whole = line.strip()
    starts = bool(COMMENT.match(whole))
    comments = [whole, *parts[1:]] if starts else parts[1:]
    if any(_is_mark(words_of(part)) for part in comments) or _is_heading(line):
        return True
    # A line that is a comment, or the comment behind code. `//` divides and `--` subtracts twice.
    own = whole if starts else (line.partition("#")[2] if "#" in line else "")
    if not own:
        return False
    loud = "##" in line or _is_in_capitals(own) or words_of(own)[:1] == ["region"]
    return _is_label(own, loud=loud) or ((starts or not set(own) & set("'\"")) and _tells(own))


def hides_solution(text: str) -> bool:
    """Return whether a Markdown text folds a solution: a reader opens it with a click.

    Args:
        text: of a cell.
    """
    folds = [re.sub(r"<[^>]*>", " ", found) for found in SUMMARY.findall(text)]
    for line in text.splitlines():
        if found := DIRECTIVE.match(line):
            folds += [found[1].rpartition(" ")[2], found[2]]
    return any(_is_fold(words_of(fold)) for fold in folds)


def looks_like_tag(tag: str, wanted: str) -> bool:
    """Return whether a tag is one that somebody wrote for another.

    Args:
        tag: of a cell.
        wanted: the tag it may have been meant to be.
    """
    if tag == wanted:
        return False
    hides = AUDIENCE | ENGLISH.solutions | ENGLISH.answers | ENGLISH.hidden - {"private"}
    for other in OTHERS:
        hides |= other.solutions | other.answers
    return any(is_one_of(word, hides) for word in words_of(tag))


def _words_apart(line: str) -> str:
    """Put spaces between the words of a mark, and none between the letters of one."""
    line = SPACED.sub(lambda found: found[0].replace(" ", ""), line)
    return GLUED.sub(lambda found: f"{found[0]} ", HUMP.sub(" ", line))


def _is_fold(words: list[str]) -> bool:
    """Whether words name a solution that a click shows: `Click to see the answer`."""
    for language in (ENGLISH, *OTHERS):
        hides = language.solutions | language.answers
        named = [word for word in words if is_one_of(word, hides)]
        allowed = LABELS | UNFOLD | ENGLISH.fillers | language.fillers | {"for"}
        if named and all(word in named or word in allowed for word in words):
            return True
    return False


def _is_mark_alone(line: str) -> bool:
    return _is_mark(words_of(line))


def _is_lead(line: str) -> bool:
    """Whether a line of Markdown begins with a label, and the solution follows: `**Answer:** 3`."""
    line = re.sub(r"</?(?:b|strong)>", "**", line)
    line = re.sub(r"\s*<h[1-6][^>]*>(.*?)(</h[1-6]>)?\s*$", r"## \1", line)
    if _is_title(line):
        return True
    lead = LEAD.match(line)
    if lead is None or any(is_one_of(word, ENGLISH.tests) for word in words_of(lead["title"])):
        return False
    return _is_label(lead["title"], loud=bool(lead["bold"]))


def _tells(comment: str) -> bool:
    """Whether a comment names the solution and holds it: `ANS: 3`. `answer: a dict` does not."""
    label, colon, rest = comment.lstrip("#/-<!*% \t").partition(":")
    if not colon or not rest.strip() or any(is_one_of(w, ENGLISH.tests) for w in words_of(label)):
        return False
    return _is_label(label + ":" * label[:1].isupper(), loud=False)


def _is_mark(words: list[str]) -> bool:
    """Whether words say where a solution begins or ends, and nothing else."""
    if _is_mark_in(words, ENGLISH, ENGLISH):
        return True
    for language in OTHERS:
        mixed = any(not word.isascii() for word in words) and language in OTHERS[:2]
        if _is_mark_in(words, language, language) or _is_mark_in(words, ENGLISH, language):
            return True
        if mixed and _is_mark_in(words, language, ENGLISH):
            return True
    return False


def _is_mark_in(words: list[str], edges: Language, hides: Language) -> bool:
    hidden = hides.solutions | hides.answers | hides.hidden - {"private", "hashed"} | AUDIENCE
    if "mark" in words or "marking" in words:
        hidden |= {"scheme"}
    beginning = [word for word in words if is_one_of(word, edges.edges)]
    hiding = [word for word in words if is_one_of(word, hidden)]
    others = edges.fillers | hides.fillers | hides.tests | hides.hidden
    rest = [word for word in words if word not in beginning and word not in hiding]
    known = all(word in others for word in rest)
    return bool(beginning) and any(word not in beginning for word in hiding) and known


def _is_heading(line: str) -> bool:
    """Whether a line of its own begins as a mark does, whatever follows: `# BEGIN SOLUTION 2`."""
    signs = re.match(r"\s*(#+)\s*(.*)", line)
    if not signs:
        return False
    words = words_of(signs[2])
    places = ("begin", "end", "start", "stop") if signs[2][:4].isupper() else ("begin", "end")
    if not words or words[0] not in places:
        return False
    rest = words[1:]
    while rest and rest[0] in ("of", "my", "the"):
        rest = rest[1:]
    hides = ENGLISH.solutions | ENGLISH.answers | {"hidden"}
    return bool(rest) and rest[0].removesuffix("s") in hides


def _is_title(line: str) -> bool:
    """Whether a line of Markdown is a title that says that a solution follows."""
    title = TITLE.match(line)
    if title is None or not _is_label(title[1], loud=True):
        return False
    return not any(is_one_of(word, ENGLISH.tests) for word in words_of(title[1]))


def _is_in_capitals(comment: str) -> bool:
    letters = [ch for ch in comment if ch.isalpha()]
    return bool(letters) and not any(ch.islower() for ch in letters)


def _is_label(comment: str, *, loud: bool) -> bool:
    """Whether a comment says that a solution, hidden tests or a teacher's part follow.

    It is loud if it is written as marks are: in capitals, or behind several signs.
    """
    words = words_of(comment)
    if words[-2:] == ["no", "prompt"]:  # what Otter-Grader is told beside it
        words = words[:-2]
    if not words:
        return False
    for language in (ENGLISH, *OTHERS):
        named = [word for word in words if is_one_of(word, language.solutions)]
        full = any(len(word) > 4 or not word.isascii() for word in named)
        if loud or "key" in words or comment.rstrip().endswith(":"):
            named += [word for word in words if is_one_of(word, language.answers)]
            full = True
        allowed = LABELS | (language.fillers if language is not ENGLISH else frozenset())
        if named and full and all(word in named or word in allowed for word in words):
            return True
        if _is_about_tests(words, language, loud=loud):
            return True
    return _is_place_for_code(words, loud=loud) or _is_for_teachers(words)


def _is_about_tests(words: list[str], language: Language, *, loud: bool) -> bool:
    """Whether words mark tests that are hidden, or the begin or the end of tests."""
    tests = [word for word in words if is_one_of(word, language.tests)]
    if words[0] in ("autotest", "autotests") and loud:
        return True  # an expression follows, of which nbgrader makes tests
    if words[0] == "hidden" and len(words) == 1 and loud:
        return True
    if words[0] in language.hidden and words[1:2] and words[1] in language.tests:
        return words[1].startswith("auto") or all(
            word in tests or word in language.hidden or word in LABELS | language.edges
            for word in words
        )
    edges = [word for word in words if is_one_of(word, language.edges | ENGLISH.edges)]
    allowed = language.hidden | (language.fillers if loud else frozenset())
    known = all(word in tests or word in edges or word in allowed for word in words)
    if not (tests and edges and known):
        return False
    # `start tests` may be an order in a sentence; `begin tests` and a script without capitals not.
    return loud or "begin" in words or "end" in words or not tests[0].isascii()


def _is_place_for_code(words: list[str], *, loud: bool) -> bool:
    """Whether words say where learners' code begins or ends: `START CODE HERE`."""
    if "code" not in words or words.index("code") > 2:
        return False
    edges = [word for word in words if is_one_of(word, ENGLISH.edges)]
    known = all(word in edges or word in ("code", "here", "your", "of", "my") for word in words)
    return bool(edges) and known and (loud or "here" in words)


def _is_for_teachers(words: list[str]) -> bool:
    """Whether a comment says that something is for teachers: `INSTRUCTOR ONLY`."""
    named = [word for word in words if word in AUDIENCE]
    others = [word for word in words if word not in AUDIENCE]
    return bool(named) and bool(others) and all(word in ALONE | {"for"} for word in others)
