"""How far the learner is: every chapter's exercises held against the progress file."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import Path

from course_lib.display.output import DisplayOutput, display_output
from course_lib.exercises.exercise import Exercise, exercises_of
from course_lib.exercises.progress import load
from course_lib.exercises.quiz import quiz_standing
from course_lib.settings import ROOT

BAR = 10
"""Length of a bar in the plain text, in characters."""


@dataclass(frozen=True)
class ChapterProgress:
    """How far the learner is in one chapter.

    Args:
        chapter: two digits, as in `02`, or an appendix, as in `A3`.
        title: of the chapter.
        notebook: file name of its exercise notebook.
        right: how many exercises are right.
        total: how many there are.
        next_open: the first exercise that is not right yet; None where all are.
        quiz: how many questions of the quiz are answered right, and how many there are; None where
            the chapter has no quiz.
    """

    chapter: str
    title: str
    notebook: str
    right: int
    total: int
    next_open: Exercise | None
    quiz: tuple[int, int] | None = None


def chapters() -> dict[str, list[str]]:
    """Return the ids of all exercises, by chapter, from the check modules there are."""
    found = sorted(Path(__file__).parent.glob("ch[0-9A][0-9].py"))
    names = [path.stem.removeprefix("ch") for path in found]
    return {name: [each.id for each in exercises_of(name)] for name in names}


def report() -> list[list[str]]:
    """Return a row for each chapter: its number, how many are right, and what is open."""
    done = load()
    rows = []
    for chapter in chapters():
        exercises = exercises_of(chapter)
        status = {each.id: done.get(each.progress_id) for each in exercises}
        right = [name for name, found in status.items() if found == "right"]
        rest = [
            f"{name} ({found})" if found else name
            for name, found in status.items()
            if found != "right"
        ]
        quiz = quiz_standing(chapter)
        if quiz and quiz[0] < quiz[1]:
            rest.append(f"quiz ({quiz[0]} of {quiz[1]})")
        rows.append([chapter, f"{len(right)} of {len(exercises)}", ", ".join(rest) or "all done"])
    return rows


def show_progress() -> None:
    """Show a bar for each chapter, with links to its exercises, as seen from `notebooks/`."""
    found = chapter_progress()
    display_output(DisplayOutput(_as_text(found), "text/html", _as_html(found)))


def chapter_progress() -> list[ChapterProgress]:
    """Return how far the learner is in each chapter that has exercises."""
    done, found = load(), []
    for chapter in chapters():
        exercises = exercises_of(chapter)
        left = [each for each in exercises if done.get(each.progress_id) != "right"]
        notebook, title = _notebook_of(chapter)
        right = len(exercises) - len(left)
        first = left[0] if left else None
        quiz = quiz_standing(chapter)
        found.append(ChapterProgress(chapter, title, notebook, right, len(exercises), first, quiz))
    return found


def _notebook_of(chapter: str) -> tuple[str, str]:
    """The file name of a chapter's exercises, and the chapter's title; empty where it is gone."""
    for path in (ROOT / "solutions").glob(f"{chapter}_*.ipynb"):
        heading = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        return path.name, heading.splitlines()[0].partition(": ")[2]
    return "", ""


def _as_text(found: list[ChapterProgress]) -> str:
    width = max((len(each.title) for each in found), default=0)
    lines = []
    for each in found:
        full = BAR * each.right // each.total
        bar = "#" * full + "-" * (BAR - full)
        rest = f"next: {each.next_open.id}" if each.next_open else "all done"
        counted = f"{each.right} of {each.total}"
        name = f"{each.chapter} {each.title:<{width}}"
        lines.append(f"{name}  {_quiz(each):<11}  [{bar}] {counted}  {rest}")
    return "\n".join(lines)


def _quiz(each: ChapterProgress) -> str:
    return f"quiz {each.quiz[0]} of {each.quiz[1]}" if each.quiz else ""


def _as_html(found: list[ChapterProgress]) -> str:
    rows = "".join(f"<tr>{''.join(map(_cell, _cells(each)))}</tr>" for each in found)
    return f'<table class="course-report"><tbody>{rows}</tbody></table>'


def _cells(each: ChapterProgress) -> list[str]:
    share = 100 * each.right // each.total
    bar = (
        '<div aria-hidden="true" style="width:160px;height:10px;border-radius:5px;'
        f'border:1px solid var(--jp-border-color0,#777)"><div style="width:{share}%;height:100%;'
        'border-radius:5px;background:#1a7f37"></div></div>'
    )
    following = each.next_open
    link = _link(following.link, f"Next: {following.title}") if following else "All done"
    name = _link(each.notebook, f"{each.chapter} {each.title}")
    return [name, _quiz(each), bar, f"{each.right} of {each.total}", link]


def _cell(source: str) -> str:
    return f'<td style="text-align:left">{source}</td>'


def _link(target: str, text: str) -> str:
    return f'<a href="../exercises/{html.escape(target)}">{html.escape(text)}</a>'
