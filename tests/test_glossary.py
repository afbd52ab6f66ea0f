"""The glossary: one plain sentence for each term, and the chapter that defines it."""

import json
import re
import sys

from course_lib.glossary import glossary
from course_lib.settings import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import prose

CHAPTERS = [f"{number:02}" for number in range(1, 21)] + ["A1", "A2", "A3"]


def test_it_has_at_least_sixty_terms_each_once_in_the_order_of_the_chapters():
    rows = glossary()
    terms = [term for term, _, _ in rows]
    assert len(set(terms)) == len(terms) >= 60
    chapters = [chapter for _, _, chapter in rows]
    assert chapters == sorted(chapters) and set(chapters) <= set(CHAPTERS)


def test_each_meaning_is_one_plain_sentence():
    for term, meaning, _ in glossary():
        assert re.fullmatch(r"[A-Z].*\.", meaning), term
        found = [(what, sentence) for _, what, sentence in prose.findings_in(meaning, "", {})]
        assert not found, (term, found)
        assert len(list(prose.sentences_of(meaning))) == 1, term
        assert term.count("`") in (0, 2)


def test_the_words_that_a_reader_needs_first_are_defined():
    chapter = {term: where for term, _, where in glossary()}
    first = {
        "state": "01",
        "node": "01",
        "edge": "01",
        "super-step": "01",
        "`Command`": "01",
        "channel": "02",
        "reducer": "02",
        "`add_messages`": "02",
        "`Overwrite`": "02",
        "tool": "03",
        "`ToolNode`": "03",
        "`Send`": "03",
        "subgraph": "03",
        "checkpoint": "04",
        "thread": "04",
        "`get_state`": "04",
        "pending write": "04",
        "context": "05",
        "store": "05",
        "tenant": "05",
        "namespace": "05",
        "stream mode": "06",
        "`interrupt`": "07",
        "resume": "07",
        "replay": "08",
        "fork": "08",
        "`update_state`": "08",
        "`as_node`": "08",
        "durability": "09",
        "`@task`": "09",
        "`@entrypoint`": "09",
        "`DeltaChannel`": "11",
        "assistant": "12",
        "double texting": "12",
        "`RemoteGraph`": "12",
        "allow-list": "A3",
    }
    assert {term: chapter.get(term) for term in first} == first


def test_the_first_chapter_shows_it_at_its_end():
    cells = json.loads((ROOT / "notebooks/00_start_here.ipynb").read_text("utf-8"))["cells"]
    shown = "".join(cells[-2]["outputs"][0]["data"]["text/plain"])
    assert all(term in shown and meaning in shown for term, meaning, _ in glossary())
