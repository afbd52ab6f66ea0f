"""The questions of a chapter's quiz, and the judging of an answer.

The questions are data: `data/quizzes/NN.json`, written as `data/quizzes/schema.json` says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from string import ascii_lowercase

from course_lib.exercises import progress
from course_lib.settings import DATA

FOLDER = DATA / "quizzes"


@dataclass(frozen=True)
class Option:
    """One possible answer.

    Args:
        text: what it says; code stands between backticks.
        right: whether it is the right one.
        why: one or two sentences on why it is right or wrong.
    """

    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class Question:
    """One question with its options.

    Args:
        id: its name in the progress file, as in `ch02.q1`.
        text: what is asked.
        options: two to five, exactly one of them right.
        proof: Python source whose last expression proves the right option; empty where the claim
            cannot be run.
    """

    id: str
    text: str
    options: tuple[Option, ...]
    proof: str = ""

    @property
    def letters(self) -> str:
        """The letters of the options, as in `abc`."""
        return ascii_lowercase[: len(self.options)]


@dataclass(frozen=True)
class Judgement:
    """What came of an answer.

    Args:
        question: the question that was answered.
        chosen: position of the chosen option, counted from 0.
        trouble: why the answer could not be noted in the progress file; empty where it was.
    """

    question: Question
    chosen: int
    trouble: str = ""

    @property
    def right(self) -> bool:
        """Whether the chosen option is the right one."""
        return self.question.options[self.chosen].right

    def __str__(self) -> str:
        lines = ["Right." if self.right else "Not yet. You can choose again."]
        for letter, option in zip(self.question.letters, self.question.options, strict=True):
            verdict = "right" if option.right else "wrong"
            lines.append(f"  {letter}) {option.text} - {verdict}: {option.why}")
        return "\n".join([*lines, *([f"({self.trouble})"] if self.trouble else [])])


@dataclass(frozen=True)
class Quiz:
    """The quiz of one chapter.

    Args:
        chapter: as in `02`.
        questions: three to five.
    """

    chapter: str
    questions: tuple[Question, ...]

    def judge(self, number: int, letter: str) -> Judgement:
        """Judge an answer and note it in the progress file.

        Args:
            number: of the question, counted from 1.
            letter: of the chosen option, as in `b`.

        Raises:
            ValueError: there is no such question, or it has no such option.
        """
        if type(number) is not int or not 1 <= number <= len(self.questions):
            raise ValueError(
                f"There is no question {number!r}. Give a number from 1 to "
                f"{len(self.questions)} first, then a letter: answer(1, 'a')."
            )
        question = self.questions[number - 1]
        wanted = letter.strip().lower() if isinstance(letter, str) else ""
        if len(wanted) != 1 or wanted not in question.letters:
            raise ValueError(
                f"Question {number} has no option {letter!r}. Its options are "
                f"{', '.join(question.letters)}: answer({number}, 'a')."
            )
        chosen = question.letters.index(wanted)
        status = "right" if question.options[chosen].right else "wrong"
        return Judgement(question, chosen, progress.record(question.id, status) or "")

    def __str__(self) -> str:
        lines = [
            f"Quiz of chapter {self.chapter}. Answer with the number of a question and a letter, "
            f'for example ch{self.chapter}.quiz().answer(1, "a").'
        ]
        for number, question in enumerate(self.questions, 1):
            lines += ["", f"{number}. {question.text}"]
            pairs = zip(question.letters, question.options, strict=True)
            lines += [f"   {letter}) {option.text}" for letter, option in pairs]
        return "\n".join(lines)


def load_quiz(chapter: str) -> Quiz:
    """Read the quiz of a chapter.

    Args:
        chapter: as in `02`.

    Raises:
        LookupError: the chapter has no quiz.
    """
    path = FOLDER / f"{chapter}.json"
    if not path.exists():
        raise LookupError(
            f"Chapter {chapter} has no quiz. These chapters have one: {', '.join(quiz_chapters())}."
        )
    data = json.loads(path.read_text(encoding="utf-8"))
    questions = tuple(
        Question(
            f"ch{chapter}.q{number}",
            each["question"],
            tuple(Option(**option) for option in each["options"]),
            each.get("run", ""),
        )
        for number, each in enumerate(data["questions"], 1)
    )
    return Quiz(chapter, questions)


def quiz_chapters() -> list[str]:
    """Return the chapters that have a quiz, as in `02`, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.json") if path.stem != "schema")


def quiz_standing(chapter: str) -> tuple[int, int] | None:
    """Return how many questions of a chapter are answered right, and how many there are.

    Args:
        chapter: as in `02`.

    Returns:
        None where the chapter has no quiz.
    """
    if chapter not in quiz_chapters():
        return None
    done, questions = progress.load(), load_quiz(chapter).questions
    return sum(done.get(each.id) == "right" for each in questions), len(questions)
