"""The progress of all chapters: bars with links, and a plain text beside them."""

import re

from course_lib.exercises import progress
from course_lib.exercises.report import chapter_progress, chapters, report, show_progress
from course_lib.settings import ROOT


def shown(monkeypatch):
    caught = []
    monkeypatch.setattr("course_lib.exercises.report.display_output", caught.append)
    show_progress()
    return caught[0]._repr_mimebundle_()


def test_a_bar_for_each_chapter_grows_with_what_is_right(monkeypatch):
    first, *_ = chapters()
    ids = chapters()[first]
    progress.record(ids[0], "right")
    progress.record(ids[1], "wrong")
    bundle = shown(monkeypatch)
    lines = bundle["text/plain"].splitlines()
    assert len(lines) == len(chapters()) == bundle["text/html"].count("<tr>")
    assert lines[0].endswith(f"[##--------] 1 of {len(ids)}  next: {ids[1]}")
    assert f"width:{100 // len(ids)}%" in bundle["text/html"]
    assert f"{ids[1]} (wrong)" in report()[0][2]
    for each in ids:
        progress.record(each, "right")
    bundle = shown(monkeypatch)
    assert bundle["text/plain"].splitlines()[0].endswith("all done")
    assert "All done" in bundle["text/html"] and "width:100%" in bundle["text/html"]


def test_the_quiz_of_a_chapter_is_counted_beside_its_exercises(monkeypatch):
    progress.record("ch01.q2", "right")
    progress.record("ch01.q3", "wrong")
    bundle = shown(monkeypatch)
    assert "  quiz 1 of 4  [-" in bundle["text/plain"].splitlines()[0]
    assert ">quiz 1 of 4<" in bundle["text/html"]
    assert report()[0][2].endswith(", quiz (1 of 4)")


def test_every_link_leads_to_an_exercise_notebook(monkeypatch):
    html = shown(monkeypatch)["text/html"]
    targets = re.findall(r'href="([^"#]+)', html)
    assert len(targets) == 2 * len(chapters())
    for target in targets:
        assert (ROOT / "notebooks" / target).resolve().is_file()


def test_every_chapter_has_its_title():
    assert all(each.title and each.notebook for each in chapter_progress())
