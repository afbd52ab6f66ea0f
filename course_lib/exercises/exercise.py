"""One exercise and its three verbs: `check`, `hint`, `solution`."""

from __future__ import annotations

import asyncio
import dis
import html
import inspect
import json
import linecache
import re
import sysconfig
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Literal, TypeVar

from course_lib.exercises import progress
from course_lib.settings import ROOT

T = TypeVar("T")

Status = Literal["right", "wrong", "not attempted", "crashed"]
"""What a check can find."""

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
        status: right, wrong, not attempted or crashed.
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
            self.checker(answer)
        except IncorrectAnswer as wrong:
            return CheckResult("wrong", f"Not yet: {wrong}")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises is the finding
            return CheckResult("crashed", _crash_text(error))
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


def run_coroutine(job: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result, also where an event loop is running.

    It gets a loop of its own in a thread of its own: a notebook's loop is busy with the cell.

    Args:
        job: what an `async def` returned.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, job).result()


def is_untouched(answer: Any) -> bool:
    """Whether an answer is still what the exercise notebook came with: `...` and nothing else."""
    if answer is Ellipsis:
        return True
    if isinstance(answer, tuple):
        return bool(answer) and all(map(is_untouched, answer))
    if isinstance(answer, FunctionType):
        return _is_empty(answer.__code__)
    if isinstance(answer, type):
        return _adds_nothing(answer)
    return False


def _adds_nothing(answer: type) -> bool:
    """Whether a class has no field and no method beyond those of its bases."""
    inherited = [getattr(base, "__annotations__", {}) for base in _bases(answer)]
    fields = set(getattr(answer, "__annotations__", {})) - set().union(*inherited)
    functions = [v for v in vars(answer).values() if isinstance(v, FunctionType)]
    return not fields and not functions


def _bases(answer: type) -> list[Any]:
    return [*getattr(answer, "__orig_bases__", ()), *answer.__mro__[1:]]


def _is_empty(code: CodeType) -> bool:
    """Whether a function's body is only `...` (and perhaps a docstring)."""
    allowed = {"RESUME", "NOP", "LOAD_CONST", "POP_TOP", "RETURN_VALUE", "RETURN_CONST"}
    if code.co_flags & inspect.CO_COROUTINE:  # what Python puts around every `async def`
        allowed |= {"RETURN_GENERATOR", "CALL_INTRINSIC_1", "RERAISE", "STOPITERATION_ERROR"}
    returned = [c for c in code.co_consts if c is not None and c is not Ellipsis]
    docstring = len(returned) == 0 or (len(returned) == 1 and isinstance(returned[0], str))
    last = [i for i in dis.get_instructions(code) if i.opname not in ("RESUME", "NOP")]
    returns_none = any(i.argval is None for i in last if i.opname in ("LOAD_CONST", "RETURN_CONST"))
    return {i.opname for i in last} <= allowed and docstring and returns_none


def _crash_text(error: BaseException) -> str:
    try:
        said = str(error) or "(no message)"
    except Exception:  # noqa: BLE001 - a learner's exception class may be broken itself
        said = "(its message cannot be shown)"
    text = f"Your code stopped with {type(error).__name__}: {said}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_learners(frame)]
    if own:
        frame = own[-1]
        line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
        return f"{text}\nIn {frame.name}, line {frame.lineno} of your cell: {line}"
    # LangGraph notes on an error which node was running.
    notes = " ".join(getattr(error, "__notes__", ()))
    node = re.search(r"task with name '([^']+)'", notes)
    where = f"in the node {node[1]!r}" if node else "while your answer was in use"
    return f"{text}\nIt was raised {where}, not on a line of yours."


def _is_learners(frame: traceback.FrameSummary) -> bool:
    name = Path(frame.filename)
    library = [Path(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib", "purelib")]
    package = Path(__file__).resolve().parent.parent
    if frame.filename.startswith("<frozen") or "site-packages" in name.parts:
        return False
    return not any(name.is_relative_to(folder) for folder in (*library, package))


def _display(outcome: CheckResult) -> None:
    from IPython.display import display

    display(outcome)
