"""How good a ranking is, against what people said is right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def ndcg(ranking: Sequence[str], relevant: Mapping[str, int], k: int = 10) -> float:
    """Return the normalised discounted cumulative gain of a ranking, from 0 to 1.

    A right answer counts `2 ** grade - 1`, divided by the logarithm of its rank, so an answer
    further down counts less. The sum is divided by that of the best order there is.

    Args:
        ranking: ids, the best first; an id that comes again is not counted again.
        relevant: the grade of each right answer, from 1 on; at least one.
        k: how many of the first ids are looked at.

    Raises:
        ValueError: nothing is relevant.

    See Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002).
    """
    if not any(relevant.values()):
        raise ValueError("No answer is relevant, so a ranking cannot be right or wrong.")
    found = list(dict.fromkeys(ranking))[:k]
    best = sorted(relevant.values(), reverse=True)[:k]
    return _gain([relevant.get(each, 0) for each in found]) / _gain(best)


def recall_at(ranking: Sequence[str], relevant: Mapping[str, int], k: int = 10) -> float:
    """Return the share of the right answers that are among the first ids, from 0 to 1.

    Args:
        ranking: ids, the best first.
        relevant: the grade of each right answer.
        k: how many of the first ids are looked at. With more right answers than `k`, `k` of them
            are all that can be found.
    """
    right = {each for each, grade in relevant.items() if grade > 0}
    if not right:
        raise ValueError("No answer is relevant, so a ranking cannot be right or wrong.")
    found = set(list(dict.fromkeys(ranking))[:k])
    return len(found & right) / min(k, len(right))


def _gain(grades: Sequence[int]) -> float:
    return sum((2**grade - 1) / math.log2(n + 2) for n, grade in enumerate(grades))
