"""How far two people, or a person and a model, agree on the labels of the same items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def confusion_table(first: Sequence[str], second: Sequence[str]) -> dict[tuple[str, str], int]:
    """Count how often each pair of labels was given to one item.

    Args:
        first: the labels of one judge, one for each item.
        second: the labels of the other, in the same order.

    Returns:
        The number of items for each pair (label of the first, label of the second), also 0.

    Raises:
        ValueError: no item, or not as many labels from both.
    """
    _check(first, second)
    counts = Counter(zip(first, second, strict=True))
    labels = sorted({*first, *second})
    return {(one, other): counts[one, other] for one in labels for other in labels}


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the agreement of two judges beyond what chance would give them.

    It is (observed - expected) / (1 - expected): the share of items with the same label, and the
    share that two judges with these frequencies of labels would reach by chance. 1 is full
    agreement, 0 is what chance gives, and below 0 is less than that. Source: J. Cohen, "A
    coefficient of agreement for nominal scales", 1960.

    Args:
        first: the labels of one judge, one for each item.
        second: the labels of the other, in the same order.

    Returns:
        Kappa; 1.0 where both give every item one and the same label, for which it is not defined.

    Raises:
        ValueError: no item, or not as many labels from both.
    """
    _check(first, second)
    count = len(first)
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / count
    one, other = Counter(first), Counter(second)
    expected = sum(one[label] * other[label] for label in one) / count**2
    return 1.0 if expected == 1 else (observed - expected) / (1 - expected)


def _check(first: Sequence[str], second: Sequence[str]) -> None:
    if len(first) != len(second) or not first:
        raise ValueError(
            f"There are {len(first)} labels and {len(second)} labels. Give one of each judge for "
            "every item, and at least one item."
        )
