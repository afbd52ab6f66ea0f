"""The card below a check: a word, an icon, the two values, the help, and what comes next."""

import re

import pytest

from course_lib.exercises import ch01, ch02, progress
from course_lib.exercises.exercise import Exercise, code_of, exercises_of, expect, require
from course_lib.exercises.outcome import LOOKS, shown_value
from course_lib.settings import ROOT


@pytest.fixture
def capture(monkeypatch):
    caught = []
    monkeypatch.setattr("IPython.display.display", caught.append)
    return caught


def shown(capture, exercise, answer):
    """The bundle that a check displays."""
    exercise.check(answer)
    return capture.pop()._repr_mimebundle_()


def made(checker, hints=("one <b>", "two")):
    return Exercise("02", 2, "a union that keeps order", checker, hints, "Good.")


def contrast(one, other):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_status_has_a_word_an_icon_and_a_colour_that_can_be_read():
    for look in LOOKS.values():
        assert look.word and look.icon
        assert contrast(look.colour, "#ffffff") >= 4.5  # the word
        assert contrast(look.colour, "#111111") >= 3  # the edge, in the dark theme


def test_two_values_stand_below_each_other(capture):
    exercise = made(lambda answer: expect("f()", [1, "<i>"], [1, 2], "Look there."))
    bundle = shown(capture, exercise, lambda: 0)
    lines = bundle["text/plain"].splitlines()
    assert lines[:4] == [
        "Not yet: f()",
        "  expected  [1, '<i>']",
        "  got       [1, 2]",
        "Look there.",
    ]
    assert "&lt;i&gt;" in bundle["text/html"] and "<i>" not in bundle["text/html"]
    assert "Not yet" in bundle["text/html"] and "&#x27;" in bundle["text/html"]


def test_what_a_learner_wrote_is_shown_as_text(capture):
    def raises(answer):
        raise ValueError("<script>alert(1)</script>\n<b>")

    html = shown(capture, made(raises), lambda: 0)["text/html"]
    assert "<script" not in html and "&lt;script&gt;" in html
    html = shown(capture, made(lambda a: require(False, "<img src=x>")), lambda: 0)["text/html"]
    assert "<img" not in html and "one &lt;b&gt;" in html


def test_an_answer_that_is_not_right_comes_with_its_hints_and_its_solution(capture):
    bundle = shown(capture, ch02.e2, lambda a, b: [])
    html = bundle["text/html"]
    summaries = re.findall(r"<summary[^>]*>([^<]*)</summary>", html)
    assert summaries == ["Hint 1/2", "Hint 2/2", "Solution", "Show it"]
    assert "dict.fromkeys([*left, *right])" in html
    assert "Progress: 0 of 5" in html
    assert bundle["text/plain"].splitlines()[-1] == (
        "Progress: 0 of 5. ch02.e2.hint() gives a hint, ch02.e2.solution() the solution."
    )


def test_a_right_answer_leads_to_the_next_open_exercise(capture):
    right = lambda a, b: list(dict.fromkeys([*a, *b]))  # noqa: E731
    bundle = shown(capture, ch02.e2, right)
    assert bundle["text/plain"].splitlines() == [
        "Right. Order is kept, and repeats are gone.",
        "Progress: 1 of 5. Next: exercise 3, a log that does not grow.",
    ]
    assert 'href="02_choose_a_reducer.ipynb#Exercise-3---a-log' in bundle["text/html"]
    assert "<details" not in bundle["text/html"]
    for number in (3, 4, 5):
        progress.record(f"ch02.e{number}", "right")
    assert ch02.e2._standing().next_title.startswith("exercise 1, ")
    progress.record("ch02.e1", "right")
    assert ch02.e2._standing().next_link.startswith("03_")


def test_the_last_exercise_of_the_course_leads_nowhere():
    last = sorted((ROOT / "solutions").glob("*.ipynb"))[-1].name[:2]
    for each in exercises_of(last):
        progress.record(each.id, "right")
    assert exercises_of(last)[-1]._standing().next_title == ""


@pytest.mark.parametrize("path", sorted((ROOT / "solutions").glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_link_leads_to_a_heading(path):
    text = path.read_text("utf-8")
    for each in exercises_of(path.name[:2]):
        assert f'"## Exercise {each.number} - {each.title}\\n"' in text
        assert each.link.startswith(f"{path.name}#Exercise-{each.number}---")
    assert code_of(path)


def test_any_value_can_be_shown():
    class Broken:
        def __repr__(self):
            raise RuntimeError

    assert "Broken" in shown_value(Broken())
    assert shown_value(object()) == "<object object>"
    assert len(shown_value("x" * 5000)) < 700


def test_without_a_solution_the_check_still_answers(capture, monkeypatch):
    def missing(self):
        raise LookupError

    monkeypatch.setattr(Exercise, "solution_text", missing)
    assert "Solution" not in shown(capture, ch01.e2, lambda s: "chat")["text/html"]


def test_a_value_that_cannot_be_compared_is_another_value():
    class Array:
        def __eq__(self, other):
            raise ValueError("ambiguous")

    found = made(lambda answer: expect("f()", [1], answer(), "Return a list.")).outcome(
        lambda: Array()
    )
    assert found.status == "wrong" and found.comparison[0] == "[1]"
