"""The error of the search: what was wrong, and the one thing to do next."""

from __future__ import annotations


class RetrievalError(RuntimeError):
    """A search index cannot be made, opened or asked; the text says why, and the remedy."""


def checked_question(question: str) -> str:
    """Return a question without the blanks around it.

    Args:
        question: as a person typed it.

    Raises:
        RetrievalError: it is empty.
    """
    if not question.strip():
        raise RetrievalError(
            "The question is empty, so there is nothing to search for. Pass a few words, such as "
            "'night bus after midnight'."
        )
    if not is_text(question):
        raise RetrievalError(
            f"The question {question[:60]!r} has half of a pair of surrogates, which is no text. "
            "Read it again from where it came, as UTF-8."
        )
    return question.strip()


def checked_limit(limit: int) -> int:
    """Return how many passages are wanted.

    Args:
        limit: as it was given.

    Raises:
        RetrievalError: it is below 1.
    """
    if limit < 1:
        raise RetrievalError(f"limit is {limit}. Ask for at least 1 passage; 5 is a good start.")
    return limit


def is_text(text: str) -> bool:
    """Whether a text can be written as UTF-8: lone surrogates, as JSON may hold them, cannot.

    Args:
        text: any.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
