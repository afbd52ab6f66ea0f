"""The quiz of a chapter in the notebook: questions with radio buttons, or the same as text.

The browser gets the texts of the questions. The right option and the explanations follow when an
option was chosen. `quiz.js` draws them, as text and never as HTML.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from course_lib.exercises import progress
from course_lib.exercises.quiz import Judgement, Quiz, load_quiz

HERE = Path(__file__).parent


class QuizView(anywidget.AnyWidget):
    """A quiz on display.

    Args:
        quiz: what is asked.
    """

    _esm = HERE / "quiz.js"
    _css = HERE / "quiz.css"

    questions = traitlets.List().tag(sync=True)
    judgements = traitlets.Dict().tag(sync=True)
    solved = traitlets.List().tag(sync=True)
    trouble = traitlets.Unicode("").tag(sync=True)

    def __init__(self, quiz: Quiz) -> None:
        self.quiz = quiz
        self._answers = 0
        super().__init__(
            questions=[
                {"text": each.text, "options": [option.text for option in each.options]}
                for each in quiz.questions
            ]
        )
        self._count()
        self.on_msg(self._on_message)

    def answer(self, number: int, letter: str) -> None:
        """Answer a question, print why each option is right or wrong, and note the result.

        Args:
            number: of the question, counted from 1.
            letter: of the chosen option, as in `b`.

        Raises:
            ValueError: there is no such question, or it has no such option.
        """
        print(self._judge(number, letter))  # noqa: T201

    def __repr__(self) -> str:
        return str(self.quiz)

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        number, chosen = content["question"], content["option"]
        self._judge(number, self.quiz.questions[number - 1].letters[chosen])

    def _judge(self, number: int, letter: str) -> Judgement:
        judgement = self.quiz.judge(number, letter)
        options = [
            {"right": option.right, "why": option.why} for option in judgement.question.options
        ]
        self._answers += 1  # the same answer again is news for the browser, too
        shown = {
            "count": self._answers,
            "chosen": judgement.chosen,
            "right": judgement.right,
            "options": options,
        }
        with self.hold_sync():
            self.judgements = {**self.judgements, str(number): shown}
            self.trouble = judgement.trouble
            self._count(number if judgement.right else None)
        return judgement

    def _count(self, number: int | None = None) -> None:
        """Say which questions are answered right, now or on an earlier day."""
        done = progress.load()
        earlier = {
            n for n, each in enumerate(self.quiz.questions, 1) if done.get(each.id) == "right"
        }
        self.solved = sorted({*earlier, *self.solved, *([number] if number else [])})


def quiz_of(chapter: str) -> Callable[[], QuizView]:
    """Return the function that shows the quiz of a chapter.

    Args:
        chapter: as in `02`.
    """

    def quiz() -> QuizView:
        """Show the quiz of this chapter; answer it by mouse, by keyboard or with `answer`."""
        return QuizView(load_quiz(chapter))

    return quiz
