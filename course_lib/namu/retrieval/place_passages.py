"""The places of the course as passages, one for each place."""

from __future__ import annotations

from course_lib.namu.retrieval.passages import Passage
from course_lib.places import load_places
from course_lib.retrieval import place_text


def place_passages(language: str) -> list[Passage]:
    """Return a passage for each place, to be searched with questions in one language.

    The search by words reads the text in that language. The search by meaning reads the place in
    both languages, because the two texts word the same facts differently.

    Args:
        language: `ko` or `en`.
    """
    found = []
    for place in load_places():
        texts = {each: place_text(place, each) for each in ("ko", "en")}
        kinds = tuple(
            _kinds(texts[each], place.name_ko if each == "ko" else place.name_en)
            for each in ("ko", "en")
        )
        found.append(
            Passage(
                key=place.id,
                document=place.id,
                language=language,
                title=place.name_ko if language == "ko" else place.name_en,
                text=place.summary_ko if language == "ko" else place.summary_en,
                sources=(),
                words=texts[language],
                meanings=(texts["ko"], texts["en"]),
                fields=(place.summary_ko, place.summary_en, *kinds),
            )
        )
    return found


def _kinds(text: str, name: str) -> str:
    """Return the part of a place's text between its name and its summary: kind and tags."""
    return text.removeprefix(f"{name}. ").split(". ")[0]
