"""Wishes in part: a part of the city is refused, and food that only some places have."""

from __future__ import annotations

import pytest
from namu_talk import table, talk, text

from course_lib.models.language.headlines import NOT_KNOWN_OF
from course_lib.models.language.message_parser import read
from course_lib.neighbourhoods import lies_in, spot_named

pytestmark = pytest.mark.one_in(3)


@pytest.mark.parametrize(
    ("first", "refusal", "area"),
    [
        ("cafes in Seoul", "not seongsu", "성수"),
        ("cafes in Seoul", "not in Anguk please", "안국"),
        ("cafes in Seoul", "other than seongsu", "성수"),
        ("카페 추천해줘", "성수 말고", "성수"),
        ("cafes in mapo", "not near yeonnam", "연남"),
        ("restaurants near Itaewon", "not itaewon", "이태원"),
        ("남산 근처 카페", "남산 말고", "남산"),
        ("galleries near namsan", "not namsan", "남산"),
        ("cafes near Hongdae", "cafes not near Hongdae", "홍대"),
        ("홍대 카페", "홍대 말고 다른 카페 없어?", "홍대"),
    ],
)
def test_a_part_of_the_city_is_refused(first, refusal, area):
    before, after = talk(first, refusal)
    spot = spot_named(area)
    assert after["intent"] == "REFINE_EXCLUDE" and table(after)
    assert not [place for place in table(after) if lies_in(place, spot)]
    assert {p.category for p in table(after)} == {p.category for p in table(before)}
    stayed = [p.id for p in table(before) if not lies_in(p, spot)]
    if spot_named(area) and area not in first and "near" not in first:
        assert set(stayed) <= {p.id for p in table(after)}


@pytest.mark.parametrize("message", ["not in mapo", "not in mapo please", "마포 말고"])
def test_a_district_is_refused(message):
    _, after = talk("cafes in mapo", message)
    assert table(after) and "Mapo-gu" not in {place.district for place in table(after)}
    assert {place.category for place in table(after)} == {"cafe"}


@pytest.mark.parametrize(
    "message",
    [
        "cafes not near Hongdae",
        "i'm looking for cafes not around hongdae",
        "are there cafes not near hongdae?",
        "can you show me a cafe that's quiet but not in Hongdae",
        "I want cafes, just not near hongdae please",
    ],
)
def test_a_first_wish_may_refuse_a_part_of_the_city(message):
    (state,) = talk(message)
    assert table(state) and "other" not in text(state).splitlines()[0]
    assert not [place for place in table(state) if lies_in(place, spot_named("홍대"))]


@pytest.mark.parametrize(
    "message",
    ["is it not in Hongdae?", "why not Hongdae?", "I am not in Hongdae", "I'm not near Hongdae",
     "isn't this near Sinchon?", "it's not in Hongdae", "there is nothing near Hongdae",
     "these are not in hongdae", "number 3 is not near hongdae right?", "he's not in Hongdae",
     "my friend is not in hongdae", "i think it's not in hongdae", "you said it's not in hongdae",
     "so yri cafe is not in hongdae?", "which one is not near hongdae", "those not in Hongdae",
     "how many are not in hongdae", "tell me about the one not in hongdae",
     "how come 3 is not near hongdae",
     "don't show me places not near hongdae", "i don't want cafes not near hongdae",
     "no cafes not in hongdae", "if it's not near hongdae", "whether or not near hongdae",
     "there is not near hongdae any park?", "how far is it, not near hongdae?",
     "홍대가 아닌가?", "왜 홍대야?", "홍대에서 멀지 않은 데", "not far from Hongdae"],
)  # fmt: skip
def test_a_message_that_says_where_something_is_refuses_nothing(message):
    before, after = talk("cafes in Hongdae", message)
    assert not {"홍대", "Mapo-gu"} & {*read(message).without} and "no Hongdae" not in text(after)
    assert table(after) == table(before) or after["intent"] != "REFINE_EXCLUDE"


@pytest.mark.parametrize(
    "messages",
    [
        ["restaurants not near gyeongbokgung"],
        ["cafes not near seoul forest"],
        ["cafes near gyeongbokgung", "not near gyeongbokgung"],
        ["경복궁 근처 카페", "경복궁 말고 창덕궁 근처"],
    ],
)
def test_a_place_to_be_far_from_is_not_taken_for_where_the_person_is(messages):
    after = talk(*messages)[-1]
    assert table(after) and "where you are" not in text(after) and "계신 위치" not in text(after)


def test_nothing_on_a_hill_comes_where_the_hill_is_refused():
    _, after = talk("남산 전망대", "남산 말고")
    assert table(after)
    assert not [place for place in table(after) if lies_in(place, spot_named("남산"))]


@pytest.mark.parametrize("message", ["not Hongdae but Sinchon", "Sinchon, not Hongdae"])
def test_another_part_takes_the_place_of_a_refused_one(message):
    _, after = talk("cafes in Hongdae", message)
    assert after["intent"] == "REFINEMENT" and "near Sinchon" in text(after)


def test_a_refused_part_of_the_city_without_a_place_on_the_list_is_noted():
    before, after, later = talk("cafes in Seoul", "not hongdae", "something cheaper")
    assert table(before) == table(after) and text(after).startswith("All right, no Hongdae.")
    assert not after.get("excluded_place_ids")
    assert not [place for place in table(later) if lies_in(place, spot_named("홍대"))]


def test_a_second_refusal_leaves_the_first_one_standing():
    _, first, second = talk("cafes in Seoul", "not seongsu", "not anguk")
    assert table(second) and table(second) != table(first)
    spots = spot_named("성수"), spot_named("안국")
    assert not [p for p in table(second) for spot in spots if lies_in(p, spot)]


def test_the_district_stays_where_one_of_its_neighbourhoods_is_refused():
    _, after = talk("마포구 카페 추천", "연남동 말고")
    assert {place.district for place in table(after)} == {"Mapo-gu"}


@pytest.mark.parametrize(
    ("messages", "kind", "tag"),
    [
        (["국물있는거로"], "restaurant", "soup"),
        (["restaurants in mapo", "국물 있는 데로"], "restaurant", "soup"),
        (["cafes in mapo", "국물있는거로"], "restaurant", "soup"),
        (["떡볶이 먹고싶당"], "market", "떡볶이"),
        (["떡볶이 먹고싶당", "국물있는거로"], "restaurant", "soup"),
        (["street food", "something with soup"], "restaurant", "soup"),
        (["디저트 맛있는 데로"], "cafe", "dessert"),
        (["종로 박물관", "디저트 맛있는 데로"], "cafe", "dessert"),
        (["감자탕 먹고 싶어"], "restaurant", "감자탕"),
    ],
)
def test_food_is_found_in_the_kind_of_place_that_has_it(messages, kind, tag):
    state = talk(*messages)[-1]
    assert table(state) and all(place.has(tag) for place in table(state))
    assert {place.category for place in table(state)} == {kind}


@pytest.mark.parametrize("message", ["국물 있는 거 말고", "국물 있는 거 싫어", "국물 요리 빼고"])
def test_nothing_with_soup_comes_where_soup_is_refused(message):
    _, after = talk("restaurants in mapo", message)
    assert table(after) and not [place for place in table(after) if place.has("soup")]


@pytest.mark.parametrize(
    "message",
    ["국물 있는 거 먹었어", "국물 있는 거 먹음", "국물 있는 거 먹고왔어",
     "국물 있는 거 추천해줘서 고마워", "국물 있는 거였으면 좋았을텐데", "국물 있는 거 아니어도 돼",
     "국물 있는 거 좋아해?", "국물 있는 음식은 칼로리가 높아?"],
)  # fmt: skip
def test_who_tells_of_soup_or_asks_about_it_wishes_for_none(message):
    assert "soup" not in (*read(message).tags, *read(message).without)


@pytest.mark.parametrize(
    "message",
    ["국물 있는 거", "국물 있는 걸로 추천해줘", "국물 있는 거 먹고 싶다", "국물 있는 식당 마포",
     "국물 있는 집 어디 없나", "국물 있는 거 있었으면", "국물있는거 땡긴다"],
)  # fmt: skip
def test_soup_is_wished_for(message):
    assert "soup" in read(message).tags


@pytest.mark.parametrize(
    "messages",
    [["soup", "dessert"], ["국밥", "디저트"], ["noodles", "dessert"], ["떡볶이", "케이크"],
     ["soup near hongdae", "dessert"]],
)  # fmt: skip
def test_a_guessed_kind_of_place_is_not_carried_to_the_next_food(messages):
    assert table(talk(*messages)[-1])[0].category == "cafe"


@pytest.mark.parametrize(
    ("messages", "kind"),
    [
        (["street food", "cheaper"], "restaurant"),
        (["떡볶이 먹고싶당", "더 싼 데"], "market"),
        (["국물있는거로", "더 싼 데"], "restaurant"),
        (["떡볶이 식당"], "restaurant"),
        (["디저트 맛있는 식당"], "restaurant"),
    ],
)
def test_a_kind_of_place_that_was_said_or_found_stays(messages, kind):
    assert {place.category for place in table(talk(*messages)[-1])} == {kind}


def test_food_that_one_place_has_together_is_wished_together():
    state = talk("noodles in jongno", "with soup")[-1]
    assert [place.has("noodles") for place in table(state)] == [True] * 3
    assert any(place.has("noodles") and place.has("soup") for place in table(state))


@pytest.mark.parametrize(
    "messages",
    [
        ["restaurants historic and vegetarian in Bukchon"],
        ["cafes in hongdae", "somewhere with dessert"],
        ["홍대 카페", "디저트 있는 데로"],
        ["cafes near hongdae", "dessert", "quiet"],
        ["museums near insadong", "anything for kids"],
    ],
)
def test_what_fits_only_in_part_is_said_for_each_condition(messages):
    state = talk(*messages)[-1]
    headline = text(state).splitlines()[0]
    asked = {tag for message in messages for tag in read(message).tags} - NOT_KNOWN_OF
    for tag in asked:
        fit = [place for place in table(state) if place.has(tag)]
        if len(fit) < len(table(state)):
            names = [p.name_ko if "조건" in headline else p.name_en for p in fit]
            assert all(name in headline for name in names)
            assert "only of" in headline or "제가 알기로는" in headline or "of none" in headline


@pytest.mark.parametrize(
    ("first", "refusal", "asked", "area", "kind"),
    [
        ("cafes", "not hongdae", "yeonnam?", "연남", "cafe"),
        ("cafe", "not itaewon", "hannam-dong", "한남동", "cafe"),
        ("갤러리 추천", "북촌 말고", "삼청동은?", "삼청동", "gallery"),
        ("카페", "안국 말고", "북촌으로", "북촌", "cafe"),
        ("종로 식당", "인사동 말고", "익선동", "익선동", "restaurant"),
    ],
)
def test_what_was_refused_reaches_into_no_neighbour_that_is_asked_for(
    first, refusal, asked, area, kind
):
    *_, after = talk(first, refusal, asked)
    (fresh,) = talk(f"{area} {kind}")
    there = [p.id for p in table(fresh) if lies_in(p, spot_named(area))]
    assert {*there} & {p.id for p in table(after)}, "at least what was not on the refused list"


@pytest.mark.parametrize(
    ("first", "refusal", "stays"),
    [("wanna buy souvenirs", "not myeongdong", "Ssamziegil"), ("종로 카페", "북촌 빼고", "Dawon")],
)
def test_a_place_of_another_neighbourhood_stays(first, refusal, stays):
    *_, after = talk(first, refusal)
    assert stays in {place.name_en for place in table(after)}


@pytest.mark.parametrize(
    ("first", "refusal", "told"),
    [
        ("서점 추천", "강북구 말고", "알겠어요, 강북구는 뺄게요."),
        ("박물관", "강남 빼고", "알겠어요, 강남구는 뺄게요."),
        ("museum", "not in gangnam", "All right, no Gangnam-gu."),
        ("gallery", "not mapo", "All right, no Mapo-gu"),
    ],
)
def test_a_district_that_is_not_on_the_list_is_refused_in_words(first, refusal, told):
    *_, after = talk(first, refusal)
    assert text(after).startswith(told)


def test_what_is_told_of_some_is_told_of_the_list_only():
    *_, after = talk("something spicy", "soup")
    assert text(after).startswith('Of the following, I know "spicy" only of')
