"""One exercise and its three verbs: `check`, `hint`, `solution`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from course_lib.exercises import progress
from course_lib.exercises.learner_lines import crash_text
from course_lib.exercises.outcome import CheckResult, IncorrectAnswer, Standing, shown_value
from course_lib.exercises.time_limit import DidNotEnd, run_coroutine, run_within
from course_lib.exercises.untouched import is_untouched
from course_lib.settings import ROOT, read_check_seconds

__all__ = [
    "BEGIN",
    "END",
    "HOLE",
    "CheckResult",
    "Exercise",
    "IncorrectAnswer",
    "code_of",
    "expect",
    "is_untouched",
    "require",
    "run_coroutine",
]

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
"""The markers around what the learner writes, in the notebooks of `solutions/`."""

HOLE = "...  # your code here"
"""What stands in their place in `exercises/`."""


@dataclass
class Exercise:
    """One exercise of one chapter.

    Args:
        chapter: two digits, as in `02`, or an appendix, as in `A3`.
        number: counted from 1 within the chapter.
        title: what is asked for, in a few words.
        checker: takes the learner's answer and raises `IncorrectAnswer` unless it is right.
        hints: from the gentlest to the plainest.
        success_text: one sentence for a right answer.
        answer_kind: what `check` must be handed: a function, a function or the tool made of it, or
            any value.
        edition: raised where another task takes the place of this one, so that what a learner has
            done of the old task does not count for the new one.
    """

    chapter: str
    number: int
    title: str
    checker: Callable[[Any], None]
    hints: tuple[str, ...]
    success_text: str
    answer_kind: Literal["function", "tool", "value"] = "function"
    edition: int = 1
    _hints_given: int = field(default=0, repr=False)
    _asked: bool = field(default=False, repr=False)

    @property
    def id(self) -> str:
        """What the learner calls the exercise, as in `ch02.e1`."""
        return f"ch{self.chapter}.e{self.number}"

    @property
    def progress_id(self) -> str:
        """The exercise's name in the progress file: its id, from a second edition on with that."""
        return self.id if self.edition == 1 else f"{self.id}, edition {self.edition}"

    def outcome(self, answer: Any) -> CheckResult:
        """Judge an answer without showing or recording anything."""
        if is_untouched(answer):
            return CheckResult(
                "not attempted",
                f"exercise {self.number}, {self.title}.",
                look="Put your code in place of the ... and run the cell.",
            )
        is_tool = self.answer_kind == "tool" and hasattr(answer, "args_schema")
        if self.answer_kind != "value" and not callable(answer) and not is_tool:
            got = "None" if answer is None else f"a {type(answer).__name__}"
            return CheckResult(
                "wrong",
                f"check got {got}. Hand over the function itself, as in "
                f"{self.id}.check(my_function), without calling it.",
            )
        try:
            run_within(read_check_seconds(), lambda: self.checker(answer))
        except DidNotEnd as running:
            return CheckResult("stopped", _stopped_text(running))
        except IncorrectAnswer as wrong:
            return CheckResult("wrong", str(wrong), wrong.comparison, wrong.look)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises is the finding
            return CheckResult("crashed", crash_text(error))
        return CheckResult("right", self.success_text)

    def check(self, answer: Any) -> None:
        """Judge an answer, show what was found, and note it in the progress file.

        Args:
            answer: the learner's function, class, graph or value.
        """
        from IPython.display import display

        found = self.outcome(answer)
        if found.status != "not attempted":
            trouble = progress.record(self.progress_id, found.status)
            if trouble:
                found = replace(found, look=f"{found.look}\n({trouble})".strip())
        display(replace(found, standing=self._standing()))

    def _standing(self) -> Standing:
        """How far the learner is in this chapter, and what comes next."""
        done = progress.load()
        exercises = exercises_of(self.chapter)
        open_ones = [each for each in exercises if done.get(each.progress_id) != "right"]
        after = [each for each in open_ones if each.number > self.number] or open_ones
        try:
            solution = self.solution_text()
        except LookupError:
            solution = ""  # solution() says what is missing
        if after:
            title, link = f"exercise {after[0].number}, {after[0].title}", after[0].link
        else:
            title, link = _next_chapter(self.chapter)
        return Standing(
            self.id,
            len(exercises) - len(open_ones),
            len(exercises),
            title,
            link,
            self.hints,
            solution,
        )

    @property
    def link(self) -> str:
        """Where the exercise stands, seen from the folder of the exercise notebooks."""
        heading = f"Exercise {self.number} - {self.title}".replace(" ", "-")
        return f"{_notebook_of(self.chapter)}#{quote(heading)}"

    def hint(self) -> None:
        """Show the next hint; after the last one, start again from the first."""
        n = self._hints_given % len(self.hints)
        self._hints_given += 1
        print(f"Hint {n + 1} of {len(self.hints)}: {self.hints[n]}")  # noqa: T201

    def solution(self) -> None:
        """Show the solution when asked for the second time."""
        if not self._asked:
            self._asked = True
            print(  # noqa: T201
                f"Sure? Trying a little longer teaches more than reading. Run {self.id}.solution() "
                "once more to see it."
            )
            return
        print(self.solution_text())  # noqa: T201

    def solution_text(self) -> str:
        """Return the cell of `solutions/` that solves this exercise, without its markers.

        Raises:
            LookupError: the solutions notebook has no such cell.
        """
        for path in sorted((ROOT / "solutions").glob(f"{self.chapter}_*.ipynb")):
            for source in code_of(path):
                if f"{self.id}.check(" in source:
                    kept = [
                        line for line in source.splitlines() if line.strip() not in (BEGIN, END)
                    ]
                    return "\n".join(kept)
        raise LookupError(
            f"solutions/ has no cell that calls {self.id}.check(...). Run `git status`: a file of "
            "the course may be missing."
        )


def code_of(path: Path) -> list[str]:
    """Return the sources of a notebook's code cells."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def expect(shown: str, expected: Any, got: Any, look: str) -> None:
    """Raise `IncorrectAnswer` unless two values are equal.

    Args:
        shown: what was computed, as the learner would write it.
        expected: the right value.
        got: the learner's value.
        look: where to look, one sentence.
    """
    if inspect.iscoroutine(got):
        got.close()
        raise IncorrectAnswer(
            f"{shown} gave a coroutine. Write `def`, not `async def`: nothing awaits it here."
        )
    try:
        equal = bool(got == expected)
    except Exception:  # noqa: BLE001 - an array, for one, is neither equal nor unequal to a list
        equal = False
    if not equal:
        raise IncorrectAnswer(shown, (shown_value(expected), shown_value(got)), look)


def require(holds: bool, message: str) -> None:
    """Raise `IncorrectAnswer` with a message unless a condition holds."""
    if not holds:
        raise IncorrectAnswer(message)


def _stopped_text(running: DidNotEnd) -> str:
    text = f"Your code did not end: it was stopped after {running.seconds:g} s."
    if running.line:
        text += f"\nIt was in {running.line}"
    if running.busy:
        return f"{text}\nIt catches every error and still runs: restart the kernel (Kernel menu)."
    return f"{text}\nMake sure that every loop and every wait in it ends, then run the cell again."


def exercises_of(chapter: str) -> list[Exercise]:
    """Return the exercises of one chapter, in order.

    Args:
        chapter: two digits, as in `02`, or an appendix, as in `A3`.
    """
    module = import_module(f"course_lib.exercises.ch{chapter}")
    found = [item for item in vars(module).values() if isinstance(item, Exercise)]
    return sorted(found, key=lambda each: each.number)


def _notebook_of(chapter: str) -> str:
    """The file name of a chapter's exercise notebook; empty where there is none."""
    return next((path.name for path in (ROOT / "solutions").glob(f"{chapter}_*.ipynb")), "")


def _next_chapter(chapter: str) -> tuple[str, str]:
    """The exercises that come after those of a chapter: what they are called, and their file."""
    names = sorted(path.name for path in (ROOT / "solutions").glob("*.ipynb"))
    later = [name for name in names if name.partition("_")[0] > chapter]
    if not later:
        return "", ""
    following = later[0].partition("_")[0]
    kind = "chapter" if following.isdigit() else "appendix"
    return f"the exercises of {kind} {following}", later[0]
