"""The quizzes: data by a schema, every claim proved by running it, answers judged and counted."""

import ast
import asyncio
import json
import re
import subprocess
import sys

import jsonschema
import pytest
from playwright._impl._driver import compute_driver_executable

from course_lib.__main__ import main
from course_lib.exercises import ch01, ch02, progress
from course_lib.exercises.quiz import (
    FOLDER,
    Option,
    Question,
    Quiz,
    load_quiz,
    quiz_chapters,
    quiz_standing,
)
from course_lib.exercises.quiz_view import QuizView
from course_lib.exercises.report import report
from course_lib.settings import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import prose

SCHEMA = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
CHAPTERS = quiz_chapters()
QUESTIONS = [each for chapter in CHAPTERS for each in load_quiz(chapter).questions]
LONG = ("ch10.q5", "ch15.q1", "ch17.q3", "ch19.q2")
"""Questions whose claim takes seconds to run."""
CODE = re.compile(r"`([^`]+)`")


def raw(chapter):
    return json.loads((FOLDER / f"{chapter}.json").read_text(encoding="utf-8"))


def sample(**changes):
    options = [
        {"text": "`1`", "right": True, "why": "One and nothing else."},
        {"text": "`2`", "right": False, "why": "Two is one too many."},
    ]
    return {"question": "How many?", "options": options, "run": "1", **changes}


def proves(question: Question) -> bool:
    """Whether the last expression of a question's source is True, or the right option's value."""
    tree = ast.parse(question.proof)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr), "the last line is no expression"
    names: dict = {"__name__": "quiz"}
    exec(compile(tree, question.id, "exec"), names)
    value = eval(compile(ast.Expression(last.value), question.id, "eval"), names)
    if value is True:
        return True
    shown = [
        option for option in question.options if CODE.findall(option.text)[:1] == [repr(value)]
    ]
    return len(shown) == 1 and shown[0].right and shown[0].text == f"`{value!r}`"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_quiz_is_written_by_the_schema_and_named_after_its_chapter(chapter):
    jsonschema.Draft202012Validator(SCHEMA).validate(raw(chapter))
    assert raw(chapter)["chapter"] == chapter
    assert list((ROOT / "notebooks").glob(f"{chapter}_*.ipynb"))


def test_the_schema_is_one_and_refuses_what_is_no_quiz():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid
    assert valid({"chapter": "02", "questions": [sample()] * 3})
    assert not valid({"chapter": "2", "questions": [sample()] * 3})
    for number in (0, 2, 6):
        assert not valid({"chapter": "02", "questions": [sample()] * number}), number
    right, wrong = sample()["options"]
    silent = {"text": "`3`", "right": False}
    for options in ([right], [wrong, {**wrong, "text": "`3`"}], [right, {**right, "text": "`3`"}]):
        assert not valid({"chapter": "02", "questions": [sample(options=options)] * 3}), options
    assert not valid({"chapter": "02", "questions": [sample(options=[right, wrong, silent])] * 3})


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.id)
def test_each_question_has_one_right_option_and_explains_all(question):
    assert sum(option.right for option in question.options) == 1
    assert len({option.text for option in question.options}) == len(question.options) >= 3
    assert len({option.why for option in question.options}) == len(question.options)
    for text in (question.text, *(o.text + o.why for o in question.options)):
        assert text.count("`") % 2 == 0, text


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "question",
    [
        pytest.param(each, id=each.id, marks=[pytest.mark.soak] if each.id in LONG else [])
        for each in QUESTIONS
    ],
)
def test_what_a_question_claims_is_true_of_this_langgraph(question):
    assert question.proof, "every claim so far can be run"
    assert proves(question)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.id)
def test_a_question_is_written_by_the_language_rules(question):
    for text in (question.text, *(text for o in question.options for text in (o.text, o.why))):
        assert not [what for _, what, _ in prose.findings_in(text, "", {})], text


def test_a_claim_that_is_not_true_is_noticed():
    options = (Option("`1`", True, "yes"), Option("`2`", False, "no"))
    for proof, holds in (("1", True), ("True", True), ("2", False), ("False", False), ("3", False)):
        assert proves(Question("ch99.q1", "How many?", options, proof)) is holds, proof
    with pytest.raises(AssertionError):
        proves(Question("ch99.q1", "How many?", options, "assert 1 == 2\nTrue"))
    with pytest.raises(AssertionError, match="no expression"):
        proves(Question("ch99.q1", "How many?", options, "x = 1"))


def test_the_right_option_is_not_always_at_the_same_place():
    for chapter in CHAPTERS:
        places = {
            next(n for n, option in enumerate(each.options) if option.right)
            for each in load_quiz(chapter).questions
        }
        assert len(places) > 1, chapter


def right_letter(question):
    return next(
        letter
        for letter, option in zip(question.letters, question.options, strict=True)
        if option.right
    )


def wrong_letter(question):
    return next(letter for letter in question.letters if letter != right_letter(question))


def test_as_text_it_shows_every_option_and_how_to_answer():
    shown = repr(ch02.quiz())
    for question in load_quiz("02").questions:
        assert question.text in shown
        for letter, option in zip(question.letters, question.options, strict=True):
            assert f"   {letter}) {option.text}\n" in f"{shown}\n"
            assert option.why not in shown
    assert 'ch02.quiz().answer(1, "a")' in shown
    assert shown == repr(ch02.quiz())


def test_a_front_end_without_widgets_gets_the_whole_text():
    data = ch02.quiz()._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    assert data["text/plain"] == repr(ch02.quiz())


def test_an_answer_explains_every_option_and_counts(capsys):
    question = load_quiz("02").questions[0]
    ch02.quiz().answer(1, wrong_letter(question))
    shown = capsys.readouterr().out
    assert shown.startswith("Not yet. You can choose again.")
    assert all(option.why in shown for option in question.options)
    assert progress.load() == {"ch02.q1": "wrong"}
    assert quiz_standing("02") == (0, len(load_quiz("02").questions))
    ch02.quiz().answer(1, f" {right_letter(question).upper()} ")
    assert capsys.readouterr().out.startswith("Right.")
    ch02.quiz().answer(1, wrong_letter(question))
    assert progress.load() == {"ch02.q1": "right"}
    assert quiz_standing("02") == (1, len(load_quiz("02").questions))


@pytest.mark.parametrize(
    ("number", "letter", "said"),
    [
        (0, "a", "from 1 to 4"),
        (5, "a", "from 1 to 4"),
        ("1", "a", "from 1 to 4"),
        (True, "a", "from 1 to 4"),
        (1, "z", "Its options are a, b, c"),
        (1, "", "Its options are"),
        (1, "ab", "Its options are"),
        (1, 1, "Its options are"),
    ],
)
def test_an_answer_that_is_none_is_refused_with_what_to_write(number, letter, said):
    with pytest.raises(ValueError, match=said):
        ch02.quiz().answer(number, letter)
    assert progress.load() == {}


def test_a_chapter_without_a_quiz_names_those_that_have_one():
    with pytest.raises(LookupError, match="01, 02"):
        load_quiz("99")
    assert quiz_standing("99") is None


def test_the_browser_learns_the_right_option_only_after_a_choice():
    view = QuizView(load_quiz("02"))
    sent = json.dumps(view.get_state(["questions", "judgements", "solved"]))
    assert "why" not in sent and "right" not in json.dumps(list(view.questions[0]))
    question = view.quiz.questions[1]
    chosen = question.letters.index(wrong_letter(question))
    view._on_message(view, {"question": 2, "option": chosen}, [])
    judged = view.judgements["2"]
    assert (judged["chosen"], judged["right"]) == (chosen, False)
    assert [each["why"] for each in judged["options"]] == [o.why for o in question.options]
    assert list(view.judgements) == ["2"] and view.solved == []
    view._on_message(view, {"question": 2, "option": chosen}, [])
    assert view.judgements["2"]["count"] == judged["count"] + 1
    view.answer(2, right_letter(question))
    assert view.solved == [2] and QuizView(load_quiz("02")).solved == [2]


def test_progress_that_cannot_be_noted_is_said_and_blocks_nothing(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("COURSE_HOME", str(blocked))
    view = QuizView(load_quiz("01"))
    view.answer(1, right_letter(view.quiz.questions[0]))
    assert "could not be noted" in view.trouble and view.solved == [1]


def test_progress_and_report_count_the_quiz(capsys):
    def row():
        return next(each for each in report() if each[0] == "01")

    assert row()[2].endswith("quiz (0 of 4)")
    for number, question in enumerate(load_quiz("01").questions, 1):
        ch01.quiz().answer(number, right_letter(question))
    capsys.readouterr()
    assert "quiz" not in row()[2]
    assert main(["progress"]) == 0
    shown = capsys.readouterr().out
    assert "quiz (0 of 4)" in shown
    assert not any("quiz" in line for line in shown.splitlines() if line.startswith("chapter 01"))


def test_a_browser_can_read_the_script(tmp_path):
    node, _ = compute_driver_executable()
    script = tmp_path / "quiz.mjs"
    script.write_text(str(QuizView._esm), encoding="utf-8")
    run = subprocess.run([node, "--check", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "innerHTML" not in str(QuizView._esm)


def test_a_quiz_can_be_shown_where_an_event_loop_is_running():
    async def show():
        return repr(QuizView(Quiz("01", load_quiz("01").questions)))

    assert "Quiz of chapter 01" in asyncio.run(show())


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_chapter_shows_its_quiz_as_text_in_the_stored_notebook(chapter):
    books = [
        json.loads(path.read_text(encoding="utf-8"))["cells"]
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]
    call = f"ch{chapter}.quiz()"
    ((cells, at),) = [
        (book, n) for book in books for n, c in enumerate(book) if "".join(c["source"]) == call
    ]
    assert "".join(cells[at - 1]["source"]).startswith("## Quiz\n")
    assert "".join(cells[at + 1]["source"]).startswith("**Exercises**")
    (output,) = cells[at]["outputs"]
    assert list(output["data"]) == ["text/plain"]
    assert "".join(output["data"]["text/plain"]) == str(load_quiz(chapter))
