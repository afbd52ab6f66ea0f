"""The letters inside Korean syllables: slang in single letters, and words with one letter wrong.

A syllable such as `홍` is three letters (`ㅎㅗㅇ`), and a typing error is mostly one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from course_lib.models.language.lexicon import LETTERS, Hit, lexicon

FIRST = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
LAST = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"

ALIKE = (
    "ㄱㄲㅋ",
    "ㄷㄸㅌ",
    "ㅂㅃㅍ",
    "ㅈㅉㅊ",
    "ㅅㅆ",
    "ㅐㅔㅒㅖ",
    "ㅏㅑㅘ",
    "ㅓㅕㅝ",
    "ㅗㅛ",
    "ㅜㅠㅡ",
    "ㅚㅙㅞㅐㅔ",
    "ㅢㅣㅟ",
    "ㄴㄹ",
)
"""Letters that sound alike or share a key: taken for one another even in a short word."""

RUN = re.compile(rf"[{LETTERS}]+")


def letters(word: str) -> str:
    """Return a word with its syllables taken apart; anything else stays as it is.

    Args:
        word: such as `홍대`.
    """
    parts = []
    for sign in word:
        code = ord(sign) - 0xAC00
        if 0 <= code < 11172:
            first, rest = divmod(code, 588)
            parts += [FIRST[first], VOWELS[rest // 28], LAST[rest % 28].strip()]
        else:
            parts.append(sign)
    return "".join(parts)


def has_final_consonant(word: str) -> bool:
    """Whether the last syllable of a word ends in a consonant, which decides on particles.

    Args:
        word: its last sign may be a letter, a digit or a bracket; then the sound of it counts.
    """
    for sign in reversed(word):
        code = ord(sign) - 0xAC00
        if 0 <= code < 11172:
            return code % 28 > 0
        if sign.isdigit():
            return sign in "013678"
        if sign.isalpha():
            return sign.lower() in "lmnr"
    return False


def with_particle(word: str, particle: str) -> str:
    """Return a word with the form of a Korean particle that its last sound asks for.

    Args:
        word: any word.
        particle: both forms, the one after a consonant first: `은/는`, `이/가`, `을/를`,
            `이에요/예요`, `으로/로`, `이라는/라는`.
    """
    closed, open_ = particle.split("/")
    final_l = particle == "으로/로" and word and (ord(word[-1]) - 0xAC00) % 28 == 8
    return word + (closed if has_final_consonant(word) and not final_l else open_)


def slang(text: str) -> Iterator[Hit]:
    """Yield what letters typed alone mean, such as `ㅋㅋ` or `ㄱㅅ`.

    Args:
        text: a text from `normalise`.
    """
    known = lexicon()["slang"]
    for run in RUN.finditer(text):
        typed = run[0]
        short = typed[0] if len(set(typed)) == 1 else typed
        for part in (short, *(short[:n] for n in range(len(short) - 1, 1, -1))):
            if part in known:
                for signal in known[part]:
                    yield Hit("signals", signal, run.start(), run.end(), part)
                break


class Misspellings:
    """Words that are found although one letter of them is wrong, missing or too many.

    Args:
        words: what each word stands for.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._shortened: dict[str, list[str]] = {}
        self.longest = 0
        for word in words:
            self.longest = max(self.longest, len(word))
            for part in _shortened(letters(word)):
                self._shortened.setdefault(part, []).append(word)

    def nearest(self, typed: str) -> str | None:
        """Return the word that a typed one stands for, None if there is none or it is too far off.

        Args:
            typed: one word without its particles.
        """
        from rapidfuzz.distance import OSA

        apart = letters(typed)
        near = {word for part in _shortened(apart) for word in self._shortened.get(part, ())}
        fits = [
            word
            for word in sorted(near)
            if OSA.distance(apart, letters(word), score_cutoff=1) <= 1 and _is_slip(typed, word)
        ]
        return min(fits, key=lambda word: abs(len(word) - len(typed)), default=None)


def _shortened(apart: str) -> set[str]:
    return {apart, *(apart[:n] + apart[n + 1 :] for n in range(len(apart)))}


def _is_slip(typed: str, word: str) -> bool:
    """Whether a difference of one letter is likely an error and not another word."""
    if len(word) >= 3:
        return abs(len(typed) - len(word)) <= 1
    if len(typed) != len(word):
        return False
    for one, other in zip(typed, word, strict=True):
        if one == other:
            continue
        first, second = _syllable(one), _syllable(other)
        if first is None or second is None:
            return False
        pairs = zip(first, second, strict=True)
        wrong = [(n, a, b) for n, (a, b) in enumerate(pairs) if a != b]
        return all(n == 2 or b in _alike().get(a, "") for n, a, b in wrong)
    return True


def _syllable(sign: str) -> tuple[str, str, str] | None:
    code = ord(sign) - 0xAC00
    if not 0 <= code < 11172:
        return None
    return FIRST[code // 588], VOWELS[code % 588 // 28], LAST[code % 28]


@lru_cache(maxsize=1)
def _alike() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for group in ALIKE:
        for letter in group:
            found[letter] = found.get(letter, "") + group
    return found
