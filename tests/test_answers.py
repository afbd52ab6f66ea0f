"""Each exercise takes every right answer, and tells every plausible wrong one why it is wrong."""

from __future__ import annotations

import functools

import pytest
from answers import answer_of, chapters

from course_lib.exercises.exercise import Exercise, code_of, exercises_of
from course_lib.exercises.report import chapters as checked_chapters
from course_lib.settings import ROOT

CHAPTERS = chapters()
EXERCISES = [each for chapter in CHAPTERS for each in exercises_of(chapter)]


UNION = next(each for each in EXERCISES if each.title == "a union that keeps order")


START_SERVERS = ("ch13.e3", "ch13.e4", "ch14.e1", "ch15.e1", "ch19.e5")
"""Exercises whose check starts servers or a test run: their many answers are for `make soak`."""


def each(kind):
    """A case for every answer of a kind, named after its exercise."""
    return [
        pytest.param(
            exercise,
            source,
            id=f"{exercise.id}-{number}",
            marks=[pytest.mark.soak] if exercise.id in START_SERVERS else [],
        )
        for exercise in EXERCISES
        for number, source in enumerate(getattr(answers_to(exercise), kind), 1)
    ]


def answers_to(exercise):
    return CHAPTERS[exercise.chapter][exercise.number][0]


def judged(exercise: Exercise, source: str):
    _, setup = CHAPTERS[exercise.chapter][exercise.number]
    return exercise.outcome(answer_of(source, setup))


@functools.cache
def references(chapter):
    """What the solutions notebook of a chapter hands to each check, by exercise."""
    path = next((ROOT / "solutions").glob(f"{chapter}_*.ipynb"))
    caught, scope = {}, {"caught": lambda name, answer: caught.update({name: answer})}
    for source in code_of(path):
        for exercise in exercises_of(chapter):
            source = source.replace(f"{exercise.id}.check(", f"caught('{exercise.id}', ")
        exec(compile(source, path.name, "exec", dont_inherit=True), scope)
    return caught


@pytest.mark.soak  # in `make test` the cells of the solutions show it
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_the_reference_is_right(exercise):
    found = exercise.outcome(references(exercise.chapter)[exercise.id])
    assert found.status == "right", found.text


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_an_untouched_answer_is_not_attempted(exercise):
    def untouched(state): ...

    async def untouched_async(state): ...

    for answer in (..., untouched, untouched_async):
        assert exercise.outcome(answer).status == "not attempted"


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("exercise", "source"), each("right"))
def test_every_other_right_answer_is_right(exercise, source):
    found = judged(exercise, source)
    assert found.status == "right", f"{source}\n{found.text}"


@pytest.mark.one_in(7)
@pytest.mark.parametrize(("exercise", "source"), each("wrong"))
def test_every_plausible_wrong_answer_is_rejected_and_told_why(exercise, source):
    found = judged(exercise, source)
    assert found.status == "wrong", f"{source}\n{found.text}"
    assert len(found.text) > len("Not yet: ") + 20


def test_no_order_that_comes_by_chance_is_taken_for_the_right_one():
    for seed in range(500):
        by_chance = (
            f"lambda a, b: sorted({{*a, *b}}, key=lambda x: Random({seed} + ord(x)).random())"
        )
        assert UNION.outcome(answer_of(by_chance, "from random import Random")).status == "wrong"


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_every_exercise_has_enough_answers(exercise):
    given = answers_to(exercise)
    assert len(set(given.right)) >= 3 and len(set(given.wrong)) >= 4


def test_every_chapter_with_exercises_has_its_answers():
    assert set(CHAPTERS) == set(checked_chapters())
    for chapter, answers in CHAPTERS.items():
        assert set(answers) == {each.number for each in exercises_of(chapter)}
