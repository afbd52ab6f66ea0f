"""How people write to Namu: sentences composed from the parts in `phrasings.json`.

A sentence is a frame (`can you find me {a}?`) around a wish (`quiet cafe near Hongdae`), with
an opening, an ending and careless typing. Some frames are held out: training never sees them, so
that they measure what the model makes of words it was not taught.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tools.tiny_model.frames import Frames, Language, fill_frame, frames_of, parts
from tools.tiny_model.vocabulary import alike_words, district_words, other_words, price_word

NEARBY = {
    "en": ("in {}", "in {}", "in {}", "near {}", "around {}", "in the {} area", "over in {}"),
    "ko": (
        "{}",
        "{}",
        "{}에",
        "{}에서",
        "{}에 있는",
        "{} 쪽",
        "{} 쪽에",
        "{} 근처",
        "{} 근처에 있는",
        "{}에서 갈 만한",
    ),
}
ALTERNATIVES = re.compile(r"\[([^\]]*)\]")
"""Words to choose from in a frame: `[I|we] need {a}`."""


class Speaker:
    """Words the wishes of one dialogue, in one language and always in other words.

    Args:
        rng: source of the random choices.
        language: `en` or `ko`.
        frames: which frames to speak in.
        typo_percent: how many sentences in a hundred have a typing error.
        noise_percent: how many wishes in a hundred may contain words without a meaning for them.
        drill: whether districts are mostly named by words that resemble those of another one.
    """

    def __init__(
        self,
        rng: random.Random,
        language: Language,
        frames: Frames,
        typo_percent: int,
        noise_percent: int,
        *,
        drill: bool = False,
    ) -> None:
        self.rng, self.language, self.frames = rng, language, frames
        self.typo_percent, self.noise_percent, self.drill = typo_percent, noise_percent, drill

    def search(self, wish: Mapping[str, Any], among: Sequence[str] | None = None) -> str:
        """Return a sentence that asks for places.

        Args:
            wish: arguments of `search_places`; `category`, `district`, `tags`, `indoor` and the
                price bounds are said.
            among: the frames to choose from; all of this speaker's when left out.
        """
        frame = self._one_of(among or frames_of("search", self.language, self.frames))
        noisy = self.rng.random() < self.noise_percent / 100
        if noisy and not among and self.rng.random() < 0.75:
            frame = self._with_noise(frame)
        opening = ""
        wish = dict(wish)
        if wish.get("indoor") is not None and self.rng.random() < 0.35:
            weather = "rain" if wish.pop("indoor") else "sun"
            opening = self.rng.choice(parts()[weather][self.language])
        sentence = fill_frame(frame, self._noun_phrases(wish))
        if noisy and not opening:
            sentence = self._padded(sentence)
        return self._typed(opening + sentence if opening else self._framed(sentence))

    def change(self, kind: str, wish: Mapping[str, Any]) -> str:
        """Return a sentence that changes the last wish.

        Args:
            kind: `district`, `category`, `mood`, `price`, `cheaper` or `widen`.
            wish: the arguments that change.
        """
        words: dict[str, str] = {}
        needs = ""
        if kind == "district":
            words = {"loc": self._district(wish["district"])}
        elif kind == "category":
            words = self._noun_phrases(wish)
        elif kind in ("mood", "price"):
            wording = self._wording(wish)
            options = [("b", "before"), ("f", "after")] if self.language == "en" else [("m", "ko")]
            options = [(key, side) for key, side in options if wording[side]]
            keyed = [
                (key, side)
                for key, side in options
                if frames_of(kind, self.language, self.frames, f"{{{key}}}")
            ]
            if not keyed:
                return self.search(wish)
            key, side = self.rng.choice(keyed)
            needs, words = f"{{{key}}}", {key: self.rng.choice(wording[side])}
        return self._say(kind, words, needs=needs)

    def point(self, kind: str, positions: Sequence[int] = (), name: str = "", **more: str) -> str:
        """Return a sentence about recommended places.

        Args:
            kind: the kind of frame, such as `exclude_one` or `follow`.
            positions: which, 1 for the first and -1 for the last.
            name: a place's name, for frames with `{name}`.
            more: words for other placeholders.
        """
        ordinals, numbers = parts()["ordinals"][self.language], parts()["numbers"][self.language]
        words = {"name": name, **more}
        for key, position in zip("op", positions, strict=False):
            words[key] = self.rng.choice(ordinals[str(position)])
        if positions:
            words["k"] = self.rng.choice(numbers.get(str(positions[0]), [""]))

        def fits(frame: str) -> bool:
            keys = set(re.findall(r"\{(\w+)", frame))
            says_all = keys >= {key for key, word in more.items() if word}
            points = bool(keys & {"o", "k", "name"})
            known = all(words.get(key) or key in more for key in keys)
            return known and says_all and points == bool(positions or name)

        fitting = [
            [frame for frame in frames_of(kind, self.language, frames) if fits(frame)]
            for frames in (self.frames, "seen")  # few held-out frames say all there is to say
        ]
        return self._say(kind, words, fitting[0] or fitting[1])

    def small_talk(self, kind: str) -> str:
        """Return a sentence that asks for no place."""
        return self._typed(self._one_of(frames_of(kind, self.language, self.frames)))

    def far(self, wish: Mapping[str, Any]) -> str:
        """Return a sentence that asks for places in a city that Namu does not know."""
        words = self._noun_phrases({k: v for k, v in wish.items() if k != "district"})
        return self._say(
            "elsewhere", {**words, "far": self.rng.choice(parts()["far"][self.language])}
        )

    def _say(
        self, kind: str, words: Mapping[str, str], pool: Sequence[str] = (), needs: str = ""
    ) -> str:
        frame = self._one_of(pool or frames_of(kind, self.language, self.frames, needs))
        sentence = self._framed(fill_frame(frame, words), rarely=True)
        return sentence if words.get("name") else self._typed(sentence)  # a name stays as it is

    def _one_of(self, frames: Sequence[str]) -> str:
        """Choose a frame, and one of each of its alternatives."""
        frame = self.rng.choice(frames)
        return ALTERNATIVES.sub(lambda found: self.rng.choice(found[1].split("|")), frame)

    def _with_noise(self, frame: str) -> str:
        """Replace words of the frame, so that the model cannot tell a wish by how it is asked."""
        words = [
            self.rng.choice(other_words(self.language))
            if "{" not in word and self.rng.random() < 0.6
            else word
            for word in frame.split()
        ]
        return " ".join(words)

    def _padded(self, sentence: str) -> str:
        """Return the sentence, half of the time with other words before or behind it."""
        words = " ".join(self.rng.choices(other_words(self.language), k=self.rng.randint(1, 3)))
        return self.rng.choice((sentence, sentence, f"{words} {sentence}", f"{sentence} {words}"))

    def _framed(self, sentence: str, *, rarely: bool = False) -> str:
        dice = self.rng.random() * (3 if rarely else 1)
        if dice < 0.2:
            return self.rng.choice(parts()["openings"][self.language]) + sentence
        if dice < 0.35:
            bare = sentence.rstrip("?")
            return bare + self.rng.choice(parts()["endings"][self.language]) + sentence[len(bare) :]
        return sentence

    def _district(self, district: str) -> str:
        words = district_words()[district][self.language]
        if self.drill and self.rng.random() < 0.5:
            words = [word for word in words if word in alike_words(self.language)] or words
        word = words[0] if self.rng.random() < 0.25 else self.rng.choice(words)
        if self.language == "en" and self.rng.random() < 0.85:
            word = "-".join(
                w if w in ("gu", "dong", "ro", "gil") else w[:1].upper() + w[1:]
                for w in word.split("-")
            )
            word = " ".join(w[:1].upper() + w[1:] for w in word.split(" "))
        return word

    def _wording(self, wish: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return how to say one mood, price or roof: before a noun, after it, and in Korean."""
        book = parts()
        if wish.get("tags"):
            entry = book["moods"][wish["tags"][-1]]
        elif wish.get("indoor") is not None:
            entry = book["indoor"]["true" if wish["indoor"] else "false"]
        else:
            entry = book["prices"][price_word(wish)]
        return {**entry["en"], "ko": entry["ko"]}

    def _noun_phrases(self, wish: Mapping[str, Any]) -> dict[str, str]:
        """Return the wish as a noun phrase: `a` with an article, `n` without, `s` in the plural."""
        moods = [self._wording({"tags": [tag]}) for tag in wish.get("tags", ())]
        if wish.get("indoor") is not None:
            moods.append(self._wording({"indoor": wish["indoor"]}))
        if price_word(wish):
            moods.append(self._wording({k: v for k, v in wish.items() if k.endswith("_price")}))
        category = wish.get("category")
        book = parts()["nouns"][category] if category else parts()["any_noun"]
        noun = self.rng.choice(book[self.language])
        place = self._district(wish["district"]) if wish.get("district") else None
        if self.language == "ko":
            before = [self.rng.choice(mood["ko"]) for mood in moods]
            self.rng.shuffle(before)
            if place:
                at = 0 if self.rng.random() < 0.8 else self.rng.randint(0, len(before))
                before.insert(at, self.rng.choice(NEARBY["ko"]).format(place))
            return {"n": " ".join([*before, noun])}
        before, after = [], []
        for mood in moods:
            sides = [side for side in ("before", "after") if mood[side]]
            side = self.rng.choice(sides)
            (before if side == "before" else after).append(self.rng.choice(mood[side]))
        if place and self.rng.random() < 0.12:
            before.append(place)
        elif place:
            after.append(self.rng.choice(NEARBY["en"]).format(place))
        self.rng.shuffle(after)
        single, plural = (" ".join([*before, form, *after]) for form in noun)
        article = "an" if single[0] in "aeioAEIO" else "a"
        return {"n": single, "s": plural, "a": f"{article} {single}"}

    def _typed(self, text: str) -> str:
        """Return the text as somebody in a hurry types it."""
        rng, text = self.rng, " ".join(text.split())
        if self.language == "en":
            dice = rng.random()
            text = (
                text[:1].upper() + text[1:] if dice < 0.5 else text.lower() if dice < 0.7 else text
            )
        else:
            dice = rng.random()
            if dice < 0.05:
                text = text.replace(" ", "")
            elif dice < 0.2 and " " in text:
                at = rng.choice([i for i, ch in enumerate(text) if ch == " "])
                text = text[:at] + text[at + 1 :]
        dice = rng.random()
        if dice < 0.3:
            text = text.rstrip("?") or text
        elif dice < 0.4 and text[-1] not in "?!.":
            text += rng.choice(["!", ".", ".", "?", "~", ".."])
        if rng.random() < self.typo_percent / 100 and len(text) > 8:  # a typing error
            at = rng.randrange(1, len(text) - 1)
            text = text[:at] + rng.choice(["", text[at] * 2]) + text[at + 1 :]
        return text
