"""The recipe of a training: every number that decides what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out of a training.

    Args:
        seed: of the dialogues and of the first weights.
        steps: how many batches.
        batch: dialogues a batch.
        vocabulary: tokens, the bytes and markers among them.
        hidden: width of the model.
        layers: how many blocks.
        heads: attention heads; the width of one is `hidden / heads`.
        kv_heads: heads of keys and values, shared by several attention heads.
        intermediate: width of the feed-forward part.
        context: longest sequence, in tokens.
        rates: where the learning rate goes up, and to what: pairs of a step and the highest rate.
            From there it falls as a cosine, until the next one or the last step.
        warm_up: steps until a highest rate is reached.
        prompt_weight: weight in the loss of a token that the model is given, beside 1 for one
            that it has to say; from the second of `rates` on it is 0.
    """

    seed: int = 14
    steps: int = 58_000
    batch: int = 24
    vocabulary: int = 3072
    hidden: int = 192
    layers: int = 4
    heads: int = 6
    kv_heads: int = 3
    intermediate: int = 512
    context: int = 2048
    rates: tuple[tuple[int, float], ...] = (
        (0, 5e-3),
        (15_800, 3e-3),
        (28_500, 1.2e-3),
        (31_800, 3e-3),
        (54_000, 1.5e-3),
    )
    warm_up: int = 150
    prompt_weight: float = 0.05

    def stretch(self, step: int) -> tuple[int, int, float]:
        """The stretch between two of `rates` that a step lies in.

        Args:
            step: counted from 0.

        Returns:
            Its first step, the step behind its last, and its highest rate.
        """
        begin, peak = max(pair for pair in self.rates if pair[0] <= step)
        later = [other for other, _ in self.rates if other > begin]
        return begin, min([*later, self.steps]), peak
