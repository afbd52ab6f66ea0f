"""One exercise and its three verbs: `check`, `hint`, `solution`."""

from __future__ import annotations

import html
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from course_lib.exercises import progress
from course_lib.exercises.learner_lines import crash_text
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

Status = Literal["right", "wrong", "not attempted", "crashed", "stopped"]
"""What a check can find; `stopped` is code that did not end."""

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
"""The markers around what the learner writes, in the notebooks of `solutions/`."""

HOLE = "...  # your code here"
"""What stands in their place in `exercises/`."""


class IncorrectAnswer(Exception):
    """An answer is not right yet; the text says what was expected, what came and where to look."""


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Args:
        status: one of the five.
        text: what the learner reads.
    """

    status: Status
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        first, _, rest = self.text.partition("\n")
        shown = f"<p><b>{html.escape(first)}</b></p>"
        if rest:
            shown += f"<p>{html.escape(rest).replace(chr(10), '<br>')}</p>"
        return {"text/html": shown, "text/plain": self.text}


@dataclass
class Exercise:
    """One exercise of one chapter.

    Args:
        chapter: two digits, as in `02`.
        number: counted from 1 within the chapter.
        title: what is asked for, in a few words.
        checker: takes the learner's answer and raises `IncorrectAnswer` unless it is right.
        hints: from the gentlest to the plainest.
        success_text: one sentence for a right answer.
        answer_kind: what `check` must be handed, `function` or `value`.
    """

    chapter: str
    number: int
    title: str
    checker: Callable[[Any], None]
    hints: tuple[str, ...]
    success_text: str
    answer_kind: Literal["function", "value"] = "function"
    _hints_given: int = field(default=0, repr=False)
    _asked: bool = field(default=False, repr=False)

    @property
    def id(self) -> str:
        """The exercise's name in the progress file, as in `ch02.e1`."""
        return f"ch{self.chapter}.e{self.number}"

    def outcome(self, answer: Any) -> CheckResult:
        """Judge an answer without showing or recording anything."""
        if is_untouched(answer):
            return CheckResult(
                "not attempted",
                f"Not attempted yet: exercise {self.number}, {self.title}.\n"
                f"Put your code in place of the ... and run the cell. {self.id}.hint() helps.",
            )
        if self.answer_kind == "function" and not callable(answer):
            got = "None" if answer is None else f"a {type(answer).__name__}"
            return CheckResult(
                "wrong",
                f"Not yet: check got {got}. Hand over the function itself, as in "
                f"{self.id}.check(my_function), without calling it.",
            )
        try:
            run_within(read_check_seconds(), lambda: self.checker(answer))
        except DidNotEnd as running:
            return CheckResult("stopped", _stopped_text(running))
        except IncorrectAnswer as wrong:
            return CheckResult("wrong", f"Not yet: {wrong}")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises is the finding
            return CheckResult("crashed", crash_text(error))
        return CheckResult("right", f"Right. {self.success_text}")

    def check(self, answer: Any) -> None:
        """Judge an answer, show what was found, and note it in the progress file.

        Args:
            answer: the learner's function, class, graph or value.
        """
        found = self.outcome(answer)
        if found.status != "not attempted":
            trouble = progress.record(self.id, found.status)
            if trouble:
                found = CheckResult(found.status, f"{found.text}\n({trouble})")
        _display(found)

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
    if got != expected:
        raise IncorrectAnswer(f"{shown} should be {expected!r}, got {got!r}. {look}")


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


def _display(outcome: CheckResult) -> None:
    from IPython.display import display

    display(outcome)
