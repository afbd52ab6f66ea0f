"""What is disliked in a message, and what only looks so."""

from __future__ import annotations

import pytest

from course_lib.models.language.message_parser import read
from course_lib.places import load_places

DISLIKES = {
    "I hate museums": "museum",
    "i haet museums": "museum",
    "museums bore me": "museum",
    "Museums just aren't my thing": "museum",
    "not a museum person": "museum",
    "I find museums so boring": "museum",
    "I hate museums, galleries and markets": "museum gallery market",
    "no museums please": "museum",
    "I don't eat fish": "seafood",
    "i can't eat chicken": "food:chicken",
    "i don't like spicy food": "spicy",
    "박물관은 싫어": "museum",
    "박물관 시러요": "museum",
    "박물관은 제 취향이 아니에요": "museum",
    "박물관은 좀...": "museum",
    "저희 부모님은 시장을 별로 안 좋아하세요": "market",
    "시장은 복잡해서 싫어요": "market",
    "앞으로 박물관은 추천하지 마세요": "museum",
    "박물관이랑 미술관은 별로예요": "museum gallery",
    "회는 못 먹어요": "seafood",
    "매운 거 못 먹어요": "spicy",
}
NONE = [
    "I don't hate museums",
    "I wouldn't mind a museum",
    "who doesn't like museums?",
    "are museums boring?",
    "museums are never boring",
    "I can't stand the heat, an indoor museum please",
    "i'm bored, any museums?",
    "don't you have museums?",
    "박물관 싫지 않아요",
    "박물관 안 지루해?",
    "박물관 좀 추천해줘",
    "박물관 추천 마포",
    "아직 박물관 안 가봤어요",
    "용산에 박물관 별로 없어?",
    "아이가 지루해하지 않을 박물관",
    "더워서 힘든데 박물관",
]


@pytest.mark.parametrize(("text", "kinds"), DISLIKES.items(), ids=list(DISLIKES))
def test_a_dislike_names_its_kinds_and_no_other(text, kinds):
    parsed = read(text)
    assert set(parsed.disliked) == set(kinds.split())
    assert parsed.category is None


@pytest.mark.parametrize("text", NONE)
def test_a_wish_or_a_question_is_no_dislike(text):
    assert read(text).disliked == ()


def test_a_dish_that_is_refused_leaves_its_restaurants():
    parsed = read("no sushi, restaurants in Mapo")
    assert parsed.category == "restaurant" and "restaurant" not in parsed.without


def test_a_place_is_of_a_kind_by_what_its_sentence_tells():
    by_name = {place.name_en: place for place in load_places()}
    spicy, mild = by_name["Haeju Naengmyeon"], by_name["Jaha Son Mandu"]
    assert spicy.is_of_kind(["spicy"]) and not mild.is_of_kind(["spicy"])
    chicken = by_name["Tosokchon Samgyetang"]
    assert chicken.is_of_kind(["food:chicken"]) and not mild.is_of_kind(["food:chicken"])
