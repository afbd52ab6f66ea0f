"""The exercises of chapter 03 take every right answer and reject every wrong one."""

from __future__ import annotations

import pytest
from answers import answer_of, build_the_agent

from course_lib.exercises import build_the_agent as checks
from course_lib.exercises.exercise import Exercise, code_of
from course_lib.settings import ROOT

SOLUTIONS = ROOT / "solutions" / "03_build_the_agent.ipynb"
EXERCISES = [each for each in vars(checks).values() if isinstance(each, Exercise)]


def each(kind):
    return [
        pytest.param(exercise, source, id=f"{exercise.id}-{number}")
        for exercise in EXERCISES
        for number, source in enumerate(
            getattr(build_the_agent.ANSWERS[exercise.number], kind), start=1
        )
    ]


def outcome(exercise, source):
    return exercise.outcome(answer_of(source, build_the_agent.SETUP))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_the_reference_is_right_and_an_untouched_answer_is_not_attempted(exercise):
    caught, scope = {}, {"caught": lambda number, answer: caught.update({number: answer})}
    for source in code_of(SOLUTIONS):
        for other in EXERCISES:
            source = source.replace(f"{other.id}.check(", f"caught({other.number}, ")
        exec(compile(source, SOLUTIONS.name, "exec", dont_inherit=True), scope)
    found = exercise.outcome(caught[exercise.number])
    assert found.status == "right", found.text

    def untouched(state): ...

    for answer in (..., untouched):
        assert exercise.outcome(answer).status == "not attempted"


@pytest.mark.parametrize(("exercise", "source"), each("right"))
def test_every_other_right_answer_is_right(exercise, source):
    found = outcome(exercise, source)
    assert found.status == "right", f"{source}\n{found.text}"


@pytest.mark.parametrize(("exercise", "source"), each("wrong"))
def test_every_plausible_wrong_answer_is_rejected_and_told_why(exercise, source):
    found = outcome(exercise, source)
    assert found.status == "wrong", f"{source}\n{found.text}"


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_every_exercise_has_enough_answers(exercise):
    given = build_the_agent.ANSWERS[exercise.number]
    assert len(set(given.right)) >= 3 and len(set(given.wrong)) >= 4
