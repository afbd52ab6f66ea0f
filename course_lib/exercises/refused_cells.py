"""The cells that a generator refuses, since it cannot be sure that it would publish no answer."""

from __future__ import annotations

from course_lib.exercises.exercise import BEGIN, END
from course_lib.exercises.near_markers import hides_solution, looks_like_marker, looks_like_tag
from course_lib.exercises.solution_cells import SolutionCell

SOLUTION_TAG = "solution"


def refuse_what_publishes(cell: SolutionCell, *, marked: bool) -> None:
    """Refuse a cell whose answer would be in the exercise.

    Args:
        cell: of a solution notebook.
        marked: whether a part of it is between the markers.

    Raises:
        ValueError: the text names the cell and says what to do.
    """
    for tag in cell.tags:
        if looks_like_tag(tag, SOLUTION_TAG):
            raise ValueError(
                f"{cell.named} has the tag {tag!r}. Write {SOLUTION_TAG!r} if learners must not "
                "see the cell, and another word if they may."
            )
    if SOLUTION_TAG not in cell.tags:
        _refuse_what_is_graded(cell, marked=marked)
    if cell.kind == "code":
        _refuse_near_markers(cell)
    elif SOLUTION_TAG not in cell.tags and (
        hides_solution(cell.source)
        or any(looks_like_marker(line, is_code=False) for line in cell.source.splitlines())
    ):
        raise ValueError(
            f"{cell.named} is no code cell and holds a solution marker:\n{cell.source}\nGive the "
            f"cell the tag {SOLUTION_TAG!r}, or take the marker out."
        )


def _refuse_what_is_graded(cell: SolutionCell, *, marked: bool) -> None:
    """Refuse what nbgrader calls a solution or a task, unless the whole of it is known to go.

    nbgrader keeps what is outside of the markers. In a cell that a test grades that is the code
    which learners are given. Where a person grades, the answer may be any line, and the text of a
    Markdown cell as well, so the markers prove nothing there.
    """
    solution, graded = cell.grading.get("solution"), cell.grading.get("grade")
    if solution and graded:
        raise ValueError(
            f"{cell.named} is a solution for nbgrader which a person grades, so any line of it may "
            f"be the answer. Give it the tag {SOLUTION_TAG!r}, and put what learners are to see "
            "into a cell of its own."
        )
    if solution and not marked:
        raise ValueError(
            f"{cell.named} is a solution for nbgrader and has no marker. Give it the tag "
            f"{SOLUTION_TAG!r}, or put {BEGIN} and {END} around the answer."
        )
    if cell.grading.get("task"):
        raise ValueError(
            f"{cell.named} is a task for nbgrader, which a person grades by a mark scheme. Keep "
            f"the scheme in a file of its own, or give the cell the tag {SOLUTION_TAG!r}."
        )


def _refuse_near_markers(cell: SolutionCell) -> None:
    for line in cell.source.splitlines():
        if line.strip() not in (BEGIN, END) and looks_like_marker(line, is_code=True):
            raise ValueError(
                f"{cell.named} has the line {line.strip()!r}. It looks like a marker and is none, "
                f"so what is behind it would be published. Write {BEGIN} and {END}, and keep "
                "hidden tests in a file of their own. If the line hides nothing, say it in other "
                "words."
            )
