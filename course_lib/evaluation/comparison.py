"""Comparing two versions on the same dialogues: the difference, and how far chance may move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 10_000
"""How many times the dialogues are drawn again."""


@dataclass(frozen=True)
class Comparison:
    """The mean difference between two versions, with an interval.

    Args:
        difference: mean of (new - old) over the dialogues, in the unit of the scores.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    difference: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0, so that chance alone is an unlikely reason."""
        return not self.low <= 0 <= self.high


def compare_paired(
    old: Sequence[float], new: Sequence[float], *, level: float = 0.95, seed: int = 0
) -> Comparison:
    """Compare two versions that held the same dialogues, by the percentile bootstrap.

    A dialogue is drawn as a whole and with both its scores: the turns of one dialogue depend on
    each other, and a hard dialogue is hard for both versions. Source: B. Efron and R. Tibshirani,
    "An Introduction to the Bootstrap", 1993.

    Args:
        old: a score for each dialogue, such as its right turns, with the old version.
        new: the scores with the new version, in the same order.
        level: share of the drawn differences that lie inside the interval, between 0 and 1.
        seed: the same seed draws the same dialogues.

    Raises:
        ValueError: fewer than two dialogues, not as many scores from both, or a level that is no
            share.
    """
    if len(old) != len(new) or len(old) < 2:
        raise ValueError(
            f"There are {len(old)} old scores and {len(new)} new ones. Give both for every "
            "dialogue, and at least two dialogues."
        )
    if not 0 < level < 1:
        raise ValueError(f"level is {level}. Give a share between 0 and 1, such as 0.95.")
    differences = np.asarray(new, float) - np.asarray(old, float)
    draw = np.random.default_rng(seed)
    chosen = draw.integers(0, len(differences), size=(DRAWS, len(differences)))
    means = differences[chosen].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Comparison(float(differences.mean()), float(low), float(high))
