"""Frames of sentences, the words that fill them, and the Korean particles behind the words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from tools.tiny_model.places import FROZEN, load_places

Language = Literal["en", "ko"]
Frames = Literal["seen", "held_out"]
"""Which frames: those of the training, or those that only measure."""

PARTICLES = {
    **dict.fromkeys(("을", "를"), ("을", "를")),
    **dict.fromkeys(("은", "는"), ("은", "는")),
    **dict.fromkeys(("이", "가"), ("이", "가")),
    **dict.fromkeys(("와", "과"), ("과", "와")),
    **dict.fromkeys(("으로", "로"), ("으로", "로")),
    **dict.fromkeys(("이랑", "랑"), ("이랑", "랑")),
}
"""Korean particles and their two forms: after a final consonant, and after a vowel."""
PLACEHOLDER = re.compile(
    r"\{(\w+)(?::(\w+))?\}(?:(으로|로|은|는|이|가|을|를|와|과|이랑|랑)(?=\W|면|$))?"
)


@lru_cache(maxsize=1)
def parts() -> dict[str, Any]:
    """Read `phrasings.json`."""
    return json.loads((FROZEN / "phrasings.json").read_text(encoding="utf-8"))


def words_of(form: str | Sequence[str]) -> list[str]:
    """The words, in small letters, of a text or of several."""
    return (form if isinstance(form, str) else " ".join(form)).lower().split()


@lru_cache(maxsize=2)
def summary_words(language: Language) -> frozenset[str]:
    """All words of the places' summaries, in small letters."""
    texts = [getattr(place, f"summary_{language}") for place in load_places()]
    return frozenset(word.strip(".,'\"()") for word in words_of(texts))


def with_particle(word: str, particle: str) -> str:
    """Put a Korean particle behind a word, in the form that its last sound asks for."""
    closed, open_ = PARTICLES.get(particle, (particle, particle))
    last = ord(word[-1]) - 0xAC00
    final = last % 28 if 0 <= last < 11172 else 0
    if particle in ("으로", "로") and final == 8:  # a final l takes the short form
        final = 0
    return word + (closed if final else open_)


def fill_frame(frame: str, words: Mapping[str, str]) -> str:
    """Put words into a frame, with the right Korean particles behind them."""

    def put(found: re.Match[str]) -> str:
        particle = found[2] or found[3]
        word = words[found[1]]
        return with_particle(word, particle) if particle and word else word

    return PLACEHOLDER.sub(put, frame)


def frames_of(kind: str, language: Language, frames: Frames, needs: str = "") -> list[str]:
    """Return the frames of a kind that hold the placeholder `needs`, all of them for ''."""
    return [frame for frame in parts()["frames"][kind][language][frames] if needs in frame]
