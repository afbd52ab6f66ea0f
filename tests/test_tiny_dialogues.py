"""The dialogues that the tiny model learns from: what they keep out, and what they never show."""

import itertools
import json
import re

import pytest

from course_lib.places import load_places
from course_lib.tiny.dialogues import DialogueMaker
from course_lib.tiny.frames import parts
from course_lib.tiny.phrasing import as_said
from course_lib.tiny.scene import EXPLICIT
from course_lib.tiny.wishes import is_held_out, is_unseen


def said_by(frame):
    """Every sentence that a frame with alternatives can say."""
    pieces = re.split(r"\[([^\]]*)\]", frame)  # every other piece is a list of alternatives
    choices = [piece.split("|") if n % 2 else [piece] for n, piece in enumerate(pieces)]
    return {"".join(chosen) for chosen in itertools.product(*choices)}


def calls_of(dialogue):
    return [
        call["function"] for message in dialogue.messages for call in message.get("tool_calls", ())
    ]


@pytest.fixture(scope="module")
def training():
    maker = DialogueMaker("a look at the training")
    return [maker.any() for _ in range(3000)]


def test_a_seed_always_makes_the_same_dialogues():
    one, other, third = DialogueMaker(1), DialogueMaker(1), DialogueMaker(2)
    made = [one.any() for _ in range(20)]
    assert made == [other.any() for _ in range(20)]
    assert made != [third.any() for _ in range(20)]


def test_no_held_out_frame_can_be_said_in_training():
    for kind, languages in parts()["frames"].items():
        for language, frames in languages.items():
            seen = set().union(*(said_by(frame.lower()) for frame in frames["seen"]))
            both = seen & {frame.lower() for frame in frames["held_out"]}
            assert not both, (kind, language, both)


def test_training_keeps_combinations_and_names_back(training):
    kept_back = [place for place in load_places() if is_unseen(place)]
    told = json.dumps([d.messages for d in training], ensure_ascii=False)
    assert kept_back and not [p.name_ko for p in kept_back if f'"{p.name_ko}"' in told]
    wishes = [call["arguments"] for d in training for call in calls_of(d)]
    assert wishes and not [wish for wish in wishes if is_held_out(wish)]


def test_sentences_are_said_to_their_end(training):
    """No placeholder and no list of alternatives is left in what somebody says."""
    said = [d.messages[d.asked]["content"] for d in training]
    assert all(said) and not [text for text in said if set(text) & set("{}[]|")]


def test_a_wish_without_its_table_is_new_only_where_it_says_so():
    """Beside a table, `any cafes?` could also be a change of the last search."""
    maker = DialogueMaker("beside", frames="held_out", slips=0)
    for _ in range(400):
        dialogue = maker.of("search", task="agent")
        if dialogue.asked:
            said = dialogue.messages[dialogue.asked]["content"].lower()
            assert any(word in said.replace(" ", "") for word in EXPLICIT), said


@pytest.mark.parametrize(
    ("sentence", "language", "order"),
    [
        ("an artsy cafe with music", "en", ["art", "music"]),
        ("a cafe with concerts and with art", "en", ["music", "art"]),
        ("공연이있는 예술적인 카페", "ko", ["music", "art"]),
        ("a cafe with conserts, with art", "en", ["art", "music"]),  # misspelt: goes last
    ],
)
def test_moods_stand_in_a_call_as_they_are_said(sentence, language, order):
    assert as_said(["music", "art"], sentence, language) == order
    assert as_said(["art", "music"], sentence, language) == order


@pytest.mark.parametrize("unseen_names", [True, False])
def test_no_two_places_on_a_table_have_one_name(unseen_names):
    maker = DialogueMaker("tables", unseen_names=unseen_names)
    for _ in range(300):
        for message in maker.of("follow").messages:
            if message["role"] == "tool":
                told = json.loads(message["content"])
                for field in ("name_ko", "name_en"):
                    assert len({place[field] for place in told}) == len(told), told


@pytest.mark.parametrize(
    ("language", "it"), [("en", r"(book|reserve) (it|that)\b"), ("ko", "거기")]
)
def test_it_means_the_first_place_on_the_table(language, it):
    """Whatever else is said: a day's name may hold the sign for a number, as 일요일 does."""
    maker, found = DialogueMaker("it", slips=0), 0
    for _ in range(1500):
        dialogue = maker.of("book", language, "agent")
        said = dialogue.messages[dialogue.asked]["content"].lower()
        calls = calls_of(dialogue)
        if re.search(it, said) and calls[-1]["name"] == "book_place":
            table = json.loads(next(m["content"] for m in dialogue.messages if m["role"] == "tool"))
            found += 1
            assert calls[-1]["arguments"]["place"] == table[0][f"name_{language}"], said
    assert found > 30


def test_some_names_have_letters_that_no_place_has(training):
    """Else the model could copy only what it has met."""
    real = {letter for place in load_places() for letter in place.name_ko + place.name_en}
    shown = {
        letter
        for dialogue in training
        for message in dialogue.messages
        if message["role"] == "tool" and message["content"].startswith("[")
        for place in json.loads(message["content"])
        for letter in place["name_ko"]
    }
    assert len(shown - real) > 500


def test_the_share_of_typing_errors_is_what_was_asked_for():
    careful = DialogueMaker("typed", slips=0)
    careless = DialogueMaker("typed", slips=100)
    pairs = [(careful.of("thanks", "en"), careless.of("thanks", "en")) for _ in range(40)]
    said = [[d.messages[d.asked]["content"] for d in pair] for pair in pairs]
    assert sum(a != b for a, b in said) > 30
