"""A router by a small classifier: logistic regression on the course's embedding of the message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from course_lib.models.language.lexicon import HANGUL
from course_lib.namu.routing.choice import RouteChoice
from course_lib.settings import DATA

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

STEPS, LEARNING_RATE, DECAY = 400, 2.0, 1e-3
"""How the weights are found: steps of gradient descent, their size, and the pull towards zero."""


@lru_cache(maxsize=1)
def load_routing_examples() -> tuple[tuple[str, str], ...]:
    """Return the messages of `data/routing.jsonl`, each with the smallest size that is enough."""
    lines = (DATA / "routing.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return tuple((row["text"], row["size"]) for row in rows)


class ClassifierRouter:
    """A router that learned from examples which size a message needs.

    The features are the embedding's numbers and whether the message has Korean letters. Training
    starts from zero weights and takes all examples in every step, so it always ends in the same
    weights. It takes some milliseconds, after the embedding has been loaded.

    Args:
        examples: messages with their sizes; those of `load_routing_examples()` when left out.
        largest: the size that is chosen where the classifier is not sure.
        sure: how probable a smaller size must be to be chosen, from 0 to 1.
        embedding: turns texts into vectors; the course's when left out.

    Raises:
        ValueError: no examples, only one size, or no example of the largest one.
    """

    def __init__(
        self,
        examples: Sequence[tuple[str, str]] | None = None,
        *,
        largest: str = "large",
        sure: float = 0.6,
        embedding: Embeddings | None = None,
    ) -> None:
        if embedding is None:
            from course_lib.models import BundledEmbeddings

            embedding = BundledEmbeddings()
        given = load_routing_examples() if examples is None else tuple(examples)
        self.sizes = sorted({size for _, size in given})
        if len(self.sizes) < 2 or largest not in self.sizes:
            raise ValueError(
                f"The examples have the sizes {self.sizes}. Give examples of at least two sizes, "
                f"{largest!r} among them."
            )
        self._embedding, self._largest, self._sure = embedding, largest, sure
        features = self._features([text for text, _ in given])
        labels = np.array([self.sizes.index(size) for _, size in given])
        self._weights = _trained(features, labels, len(self.sizes))

    def __call__(self, text: str) -> RouteChoice:
        """Choose the model for a message.

        Args:
            text: the person's message.
        """
        chances = _softmax(self._features([text]) @ self._weights)[0]
        best = int(np.argmax(chances))
        size, chance = self.sizes[best], float(chances[best])
        if size != self._largest and chance < self._sure:
            return RouteChoice(self._largest, f"classifier: not sure ({size} {chance:.2f})")
        return RouteChoice(size, f"classifier: {size} {chance:.2f}")

    def _features(self, texts: Sequence[str]) -> np.ndarray:
        """Return one row of numbers for each text: embedding, Korean letters or not, a constant."""
        vectors = np.array(self._embedding.embed_documents(list(texts)), dtype=np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        korean = np.array([[float(HANGUL.search(text) is not None)] for text in texts])
        return np.hstack([vectors, korean, np.ones((len(texts), 1))])


def _trained(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return the weights of a multinomial logistic regression, one column for each class."""
    wanted = np.eye(classes)[labels]
    weights = np.zeros((features.shape[1], classes))
    for _ in range(STEPS):
        wrong = _softmax(features @ weights) - wanted
        weights -= LEARNING_RATE * (features.T @ wrong / len(features) + DECAY * weights)
    return weights


def _softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
