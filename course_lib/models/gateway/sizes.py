"""Three sizes of the offline model: the smaller ones read less, so they fail some turns.

A real small model is weaker than a large one because it has fewer weights. The offline model has
none, so its smaller sizes are made weaker on purpose, in two ways that can be read below: how many
earlier turns reach the model, and whether it can read Korean. Nothing else is changed. What a size
does not read, it cannot know: `small` answers "a cafe in Mapo-gu" like the large one, and it has
nothing to refine when it is asked for "something cheaper".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from course_lib.models.language.lexicon import HANGUL
from course_lib.models.offline import MODELS


@dataclass(frozen=True)
class ModelSize:
    """What a size of the offline model reads.

    Args:
        name: `small`, `medium` or `large`.
        earlier_turns: how many turns before the person's last message it reads; None for all.
        reads_korean: whether Korean letters reach it; blanks stand in their place otherwise.
    """

    name: str
    earlier_turns: int | None
    reads_korean: bool


SIZES = {
    size.name: size
    for size in (
        ModelSize("small", earlier_turns=0, reads_korean=False),
        ModelSize("medium", earlier_turns=1, reads_korean=True),
        ModelSize("large", earlier_turns=None, reads_korean=True),
    )
}
"""The sizes by their names."""


def served_models(size: str) -> dict[str, str]:
    """Return the names that a gateway serves, each with the offline model's own name behind it.

    Args:
        size: a key of `SIZES`.
    """
    return {f"namu-{size}": MODELS[0], f"namu-{size}-brief": MODELS[1]}


def as_read_by(messages: Sequence[BaseMessage], size: ModelSize) -> list[BaseMessage]:
    """Return the messages as a model of this size reads them.

    The system prompt is always read, and everything since the person's last message.

    Args:
        messages: the whole history, oldest first.
        size: of the model.
    """
    kept = list(messages)
    if size.earlier_turns is not None:
        starts = [n for n, message in enumerate(messages) if isinstance(message, HumanMessage)]
        first = starts[-1 - size.earlier_turns :][:1] if starts else [0]
        system = [m for m in messages[: first[0]] if isinstance(m, SystemMessage)]
        kept = [*system, *messages[first[0] :]]
    return kept if size.reads_korean else [_without_korean(message) for message in kept]


def _without_korean(message: BaseMessage) -> BaseMessage:
    if not re.search(HANGUL, message.text):
        return message
    return message.model_copy(update={"content": re.sub(HANGUL, " ", message.text)})
