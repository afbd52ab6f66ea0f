"""The terms of the course, each with its meaning and the chapter that defines it."""

from __future__ import annotations

import json

from course_lib.settings import DATA


def glossary() -> list[list[str]]:
    """Return a row for each term: the term, its meaning in one sentence, and the chapter.

    The rows are in the order of the chapters. The name of a part of LangGraph stands between
    backticks. The data is `data/glossary.json`.
    """
    entries = json.loads((DATA / "glossary.json").read_text(encoding="utf-8"))
    return [[each["term"], each["definition"], each["chapter"]] for each in entries]
