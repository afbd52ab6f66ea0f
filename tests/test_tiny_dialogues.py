"""The dialogues that the tiny model learns from: what they keep out, and what they never show."""

import hashlib
import itertools
import json
import random
import re
from types import SimpleNamespace

import pytest

from tools.tiny_model.dialogues import DialogueMaker
from tools.tiny_model.frames import parts
from tools.tiny_model.kinds import EXPLICIT
from tools.tiny_model.places import load_places
from tools.tiny_model.vocabulary import alike_words, as_said
from tools.tiny_model.wishes import Wishes, is_held_out, is_unseen


def said_by(frame):
    """Every sentence that a frame with alternatives can say."""
    pieces = re.split(r"\[([^\]]*)\]", frame)  # every other piece is a list of alternatives
    choices = [piece.split("|") if n % 2 else [piece] for n, piece in enumerate(pieces)]
    return {"".join(chosen) for chosen in itertools.product(*choices)}


def calls_of(dialogue):
    return [
        call["function"] for message in dialogue.messages for call in message.get("tool_calls", ())
    ]


def shown_in(dialogue):
    """The places that stand on the tables of a dialogue."""
    for message in dialogue.messages:
        if message["role"] == "tool" and message["content"].startswith("["):
            yield from (SimpleNamespace(**place) for place in json.loads(message["content"]))


def names_of(places):
    return {name for place in places for name in (place.name_ko, place.name_en)}


def test_no_name_that_is_put_together_is_one_that_is_kept_back(monkeypatch):
    """The halves of two names may be a third's: `망원` and `한강공원`, say."""
    kept_back = names_of(place for place in load_places() if is_unseen(place))
    wishes = Wishes(random.Random(1), unseen_combinations=False, unseen_names=False)
    one = next(place for place in load_places() if not is_unseen(place))
    taken = iter(sorted(kept_back)[:5])
    monkeypatch.setattr("tools.tiny_model.wishes._mixed", lambda *given: next(taken, "made up"))
    made = [wishes.renamed(one) for _ in range(60)]
    assert next(taken, None) is None, "no kept-back name was ever put together"
    assert not names_of(made) & kept_back


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


@pytest.mark.soak
def test_training_keeps_combinations_and_names_back(training):
    kept_back = names_of(place for place in load_places() if is_unseen(place))
    shown = names_of(place for d in training for place in shown_in(d))
    assert len(kept_back) > 90 and len(shown) > 3000 and not kept_back & shown
    wishes = [call["arguments"] for d in training for call in calls_of(d)]
    assert wishes and not [wish for wish in wishes if is_held_out(wish)]


@pytest.mark.soak
def test_sentences_are_said_to_their_end(training):
    """No placeholder and no list of alternatives is left in what somebody says."""
    said = [d.messages[d.asked]["content"] for d in training]
    assert all(said) and not [text for text in said if set(text) & set("{}[]|")]


def test_a_wish_without_its_table_is_new_only_where_it_says_so():
    """Beside a table, `any cafes?` could also be a change of the last search."""
    maker = DialogueMaker("beside", frames="held_out", typo_percent=0)
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


@pytest.mark.soak
@pytest.mark.parametrize(
    ("language", "it"), [("en", r"(book|reserve) (it|that)\b"), ("ko", "거기")]
)
def test_it_means_the_first_place_on_the_table(language, it):
    """Whatever else is said: a day's name may hold the sign for a number, as 일요일 does."""
    maker, found = DialogueMaker("it", typo_percent=0), 0
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
        letter for dialogue in training for place in shown_in(dialogue) for letter in place.name_ko
    }
    assert len(shown - real) > 500


def test_the_share_of_typing_errors_is_what_was_asked_for():
    careful = DialogueMaker("typed", typo_percent=0)
    careless = DialogueMaker("typed", typo_percent=100)
    pairs = [(careful.of("thanks", "en"), careless.of("thanks", "en")) for _ in range(40)]
    said = [[d.messages[d.asked]["content"] for d in pair] for pair in pairs]
    assert sum(a != b for a, b in said) > 30


def test_a_drill_asks_for_more_at_once_and_ends_at_the_call():
    size = []
    for share in (0, 100):
        maker = DialogueMaker("drill", drill=share)
        made = [maker.of("search", task="agent") for _ in range(400)]
        size.append(sum(len(calls_of(d)[-1]["arguments"]) for d in made))
        ends = {bool(d.messages[-1].get("tool_calls")) for d in made}
        assert ends == {share == 100}
    assert size[1] > 1.2 * size[0]


def test_a_drill_without_a_call_keeps_its_answer():
    maker = DialogueMaker("drill", drill=100)
    for kind, task in (("thanks", "agent"), ("search", "route"), ("exclude_one", "reject")):
        dialogue = maker.of(kind, task=task)
        assert dialogue.messages[-1]["role"] == "assistant" and dialogue.messages[-1]["content"]


@pytest.mark.soak
def test_a_drill_says_the_words_of_districts_that_are_easily_confused():
    assert alike_words("ko") == {"동대문", "동대문구"}
    assert alike_words("en") == {"dongdaemun", "dongdaemun-gu", "seocho", "seochon"}
    said = []
    for share in (0, 100):
        maker = DialogueMaker("drill", drill=share)
        made = [maker.of("district", "ko") for _ in range(1500)]
        said.append(sum("동대문" in d.messages[d.asked]["content"] for d in made))
    assert said[1] > 1.3 * said[0] > 0, said


def test_made_up_names_hold_the_pieces_that_are_given():
    """A tokenizer's own: a token that training never shows could never be copied."""
    maker = DialogueMaker("pieces", pieces=["Zzyq", "쀍쀏"])
    shown = names_of(place for _ in range(200) for place in shown_in(maker.of("follow")))
    assert any("Zzyq" in name for name in shown) and any("쀍쀏" in name for name in shown)


def test_the_dialogues_are_those_the_model_was_measured_on():
    """Whatever changes in the course's own data, the stored evaluation must reproduce."""
    written = hashlib.sha256()
    for frames in ("seen", "held_out"):
        maker = DialogueMaker("frozen", frames=frames, unseen_names=True, drill=0)
        for _ in range(300):
            dialogue = maker.any()
            written.update(json.dumps([dialogue.messages, dialogue.tools]).encode())
    assert written.hexdigest().startswith("f105e174e5a86060")
