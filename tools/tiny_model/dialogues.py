"""Dialogues with Namu, made from the data: what the tiny model learns from and is measured on.

Every dialogue is a list of messages in OpenAI's form. The person's sentences are composed
(`phrasing`), the searches are real (`course_lib.places.search_places` answers them), and what the
assistant should say follows from both. Nothing of it is written by a model.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tools.tiny_model.frames import Frames, Language
from tools.tiny_model.kinds import KINDS, Task
from tools.tiny_model.phrasing import Speaker
from tools.tiny_model.scene import Scene
from tools.tiny_model.wishes import Wishes


@dataclass(frozen=True)
class Dialogue:
    """One thing said to Namu, what came before it, and what should follow.

    Args:
        messages: OpenAI-style messages. Everything behind the last `user` message is what the
            model should say (`assistant`) or receives (`tool`).
        tools: the names of the tools that are offered.
        kind: what the last message does, such as `search`, `cheaper` or `exclude_one`.
        task: what is asked of the model.
        language: the language of the last message.
    """

    messages: list[dict[str, Any]]
    tools: tuple[str, ...]
    kind: str
    task: Task
    language: Language

    @property
    def asked(self) -> int:
        """The index of the last thing the person said."""
        return max(n for n, m in enumerate(self.messages) if m["role"] == "user")

    def up_to_the_call(self) -> Dialogue:
        """The same dialogue without what follows the first call; all of it where none is made."""
        first = self.asked + 1
        if not self.messages[first].get("tool_calls"):
            return self
        return replace(self, messages=self.messages[: first + 1])


class DialogueMaker:
    """Makes dialogues, always the same for the same seed.

    Args:
        seed: any text or number.
        frames: `seen` for the frames of the training, `held_out` for the others.
        unseen_combinations: True: every search is a held-out combination of category and
            district; False: none is; None: as it comes.
        unseen_names: True: the results carry names that training never showed; False: they are
            names it may show, some of them made up; None: the real ones.
        typo_percent: how many sentences in a hundred have a typing error.
        noise_percent: how many wishes in a hundred may contain words without a meaning for them.
        drill: how many dialogues in a hundred are harder than people's and end at the call: more
            wishes at once, and districts whose words are alike.
        pieces: parts of words for made-up names: a tokenizer's, to be learned to copy each of them.
    """

    def __init__(
        self,
        seed: str | int,
        *,
        frames: Frames = "seen",
        unseen_combinations: bool | None = False,
        unseen_names: bool | None = False,
        typo_percent: int = 2,
        noise_percent: int = 20,
        drill: int = 40,
        pieces: Sequence[str] = (),
    ) -> None:
        self.rng = random.Random(str(seed))
        self.frames: Frames = frames
        self.typo_percent, self.noise_percent, self.drill = typo_percent, noise_percent, drill
        self.pieces = {kind: [p for p in pieces if p.isascii() is kind] for kind in (True, False)}
        self.unseen_combinations, self.unseen_names = unseen_combinations, unseen_names

    def any(self, language: Language | None = None) -> Dialogue:
        """Make a dialogue of any kind, in the proportions of the training."""
        kind = self.rng.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
        return self.of(kind, language)

    def of(self, kind: str, language: Language | None = None, task: Task | None = None) -> Dialogue:
        """Make a dialogue in which the last message is of one kind.

        Args:
            kind: one of `KINDS`.
            language: of the last message; either when left out.
            task: what is asked of the model; mostly `agent` when left out.
        """
        spoken: Language = language or self.rng.choice(("en", "ko"))
        # Without drills nothing is drawn for them: the tests' dialogues stay what they were.
        drill = self.drill > 0 and self.rng.random() < self.drill / 100
        kept = self.unseen_combinations, self.unseen_names
        wishes = Wishes(self.rng, *kept, drill=drill, pieces=self.pieces)
        speaker = Speaker(
            self.rng, spoken, self.frames, self.typo_percent, self.noise_percent, drill=drill
        )
        asked = task or self._task(kind)
        messages, tools = Scene(wishes, speaker, kind).play(asked)
        dialogue = Dialogue(messages, tools, kind, asked, spoken)
        return dialogue.up_to_the_call() if drill else dialogue

    def _task(self, kind: str) -> Task:
        # Without tools a prompt does not say which form is asked for: the server's grammar does.
        # Words come more often than JSON there, so that a model left free answers in words.
        if kind.startswith("exclude"):
            return self.rng.choices(("agent", "route", "reject", "words"), (62, 8, 9, 21))[0]
        if kind == "search":
            return self.rng.choices(("agent", "route", "wish", "words"), (82, 5, 2, 11))[0]
        return self.rng.choices(("agent", "route", "words"), (72, 9, 19))[0]
