"""Messages about the whole list: a part of the city is refused, one is picked, the first wanted."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from course_lib.models.language.message_parser import read
from course_lib.namu import book_place, build_namu
from course_lib.neighbourhoods import lies_in, spot_named
from course_lib.places import load_places

NAMU = build_namu(checkpointer=InMemorySaver(), tools=[book_place])
PLACES = {place.id: place for place in load_places()}


def talk(*messages):
    """Return the state after each message of one conversation."""
    config = {"configurable": {"thread_id": " | ".join(messages)}}
    asked = [{"messages": [{"role": "user", "content": text}]} for text in messages]
    return [NAMU.invoke(each, config) for each in asked]


def table(state):
    return [PLACES[place["id"]] for place in state["last_recommended_places"]]


def text(state):
    return state["messages"][-1].text


@pytest.mark.parametrize(
    ("first", "refusal", "area"),
    [
        ("cafes in Seoul", "not seongsu", "성수"),
        ("cafes in Seoul", "not in Anguk please", "안국"),
        ("카페 추천해줘", "성수 말고", "성수"),
        ("cafes in mapo", "not near yeonnam", "연남"),
        ("restaurants near Itaewon", "not itaewon", "이태원"),
        ("남산 근처 카페", "남산 말고", "남산"),
        ("galleries near namsan", "not namsan", "남산"),
    ],
)
def test_a_part_of_the_city_is_refused(first, refusal, area):
    before, after = talk(first, refusal)
    spot = spot_named(area)
    assert after["intent"] == "REFINE_EXCLUDE"
    assert not [place for place in table(after) if lies_in(place, spot)]
    assert {p.category for p in table(after)} == {p.category for p in table(before)}
    stayed = [p.id for p in table(before) if not lies_in(p, spot)]
    if "near" not in first and "근처" not in first:
        assert set(stayed) <= {p.id for p in table(after)}


def test_a_refused_part_of_the_city_without_a_place_on_the_list_is_noted():
    before, after, later = talk("cafes in Seoul", "not hongdae", "something cheaper")
    assert table(before) == table(after) and text(after).startswith("All right, no Hongdae.")
    assert not after.get("excluded_place_ids")
    assert not [place for place in table(later) if lies_in(place, spot_named("홍대"))]


def test_a_refused_part_of_the_city_may_be_asked_for_again():
    *_, after = talk("cafes in Hongdae", "not hongdae", "cafes near hongdae then")
    assert table(after) and all(place.district == "Mapo-gu" for place in table(after))


def test_the_district_stays_where_one_of_its_neighbourhoods_is_refused():
    _, after = talk("마포구 카페 추천", "연남동 말고")
    assert {place.district for place in table(after)} == {"Mapo-gu"}


@pytest.mark.parametrize(
    "message",
    ["just pick one for me", "you choose", "u decide", "your call", "아무거나 골라줘",
     "하나만 골라줘", "니가 정해줘", "그냥 골라줘", "이 중에서 골라줘", "알아서 골라 줘"],
)  # fmt: skip
def test_namu_takes_the_first_of_the_list_where_it_may_choose(message):
    before, after, told = talk("a museum in Yongsan", message, "where is it?")
    first = table(before)[0]
    assert after["intent"] == "FOLLOW_UP" and table(after) == table(before)
    assert first.name_en in text(after) or first.name_ko in text(after)
    assert table(before)[1].name_en not in text(after)
    assert "first" in text(after) or "첫 번째" in text(after)
    assert first.name_en in text(told)


@pytest.mark.parametrize(
    "message", ["can you pick a park for me?", "공원 하나만 골라줘", "can you choose another one"]
)
def test_a_choice_among_other_places_is_a_search(message):
    assert talk("a museum in Yongsan", message)[-1]["intent"] != "FOLLOW_UP"


@pytest.mark.parametrize(
    ("message", "sign"),
    [
        ("cheapest of these", 1),
        ("which is the cheapest", 1),
        ("the least expensive?", 1),
        ("제일 싼 데 어디야", 1),
        ("이 중에 가장 저렴한 곳은?", 1),
        ("which one is the most expensive", -1),
        ("젤 비싼 데가 어디야?", -1),
    ],
)
@pytest.mark.parametrize("first", ["cafes in hongdae", "restaurants in Yongsan", "parks in mapo"])
def test_the_end_of_the_prices_is_looked_for_on_the_list(first, message, sign):
    before, after = talk(first, message)
    levels = [sign * place.price_level for place in table(before)]
    best = [p for p in table(before) if sign * p.price_level == min(levels)]
    rest = [p for p in table(before) if p not in best]
    assert after["intent"] == "FOLLOW_UP" and table(after) == table(before)
    assert all(p.name_en in text(after) or p.name_ko in text(after) for p in best)
    assert not any(p.name_en in text(after) or p.name_ko in text(after) for p in rest)
    says_so = "same price level" in text(after) or "같은 가격대" in text(after)
    assert says_so == (len(best) > 1)


@pytest.mark.parametrize(
    "message",
    ["the first ones you showed", "첨에 보여준거", "처음에 추천한 데 다시", "the first list please",
     "what were the places you showed me at first", "처음 보여준 카페"],
)  # fmt: skip
def test_the_places_shown_first_come_again(message):
    first, *_, last = talk("cafes in hongdae", "not the second one", "other ones", message)
    assert {p.id for p in table(last)} == {p.id for p in table(first)}
    assert "first" in text(last) or "처음" in text(last)
    assert not {p.id for p in table(first)} & set(last["excluded_place_ids"])


@pytest.mark.parametrize("message", ["the first one", "처음 거", "서울 처음인데 추천해줘"])
def test_the_first_one_is_no_first_list(message):
    assert "first_shown" not in read(message).signals


@pytest.mark.parametrize("message", ["the first ones you showed", "처음에 보여준 거"])
def test_before_a_list_none_was_shown_first(message):
    assert talk(message)[-1].get("last_recommended_places") in (None, [])


@pytest.mark.parametrize(
    ("first", "more", "tag"),
    [
        ("cafes in hongdae", "somewhere with dessert", "dessert"),
        ("홍대 카페", "디저트 있는 데로", "dessert"),
        ("restaurants near Itaewon", "for a date", "date"),
        ("museums near insadong", "anything for kids", "kids"),
    ],
)
def test_an_answer_that_was_filled_up_says_so(first, more, tag):
    *_, after = talk(first, more)
    fit = [p for p in table(after) if p.has(tag)]
    names = [p.name_ko if "조건" in text(after) else p.name_en for p in fit]
    headline = text(after).splitlines()[0]
    assert all(name in headline for name in names) == (len(fit) < len(table(after)))


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("book Eden Diner for 2", "eden diner"),
        ("book the Eden Diner for 2", "eden diner"),
        ("book me a table at Willow Tearoom Cafe tomorrow", "willow tearoom cafe"),
        ("reserve Bluefin Restaurant for 4 people", "bluefin restaurant"),
    ],
)
def test_an_unknown_name_may_end_in_a_kind_of_place(message, name):
    (state,) = talk(message)
    assert f"no place called {name}" in text(state)


@pytest.mark.parametrize(
    "message",
    ["book a diner for 2", "book a lovely cafe for 2", "book nice cafe for 2",
     "book korean restaurant for 2", "book a vegan restaurant tomorrow"],
)  # fmt: skip
def test_a_kind_of_place_is_no_name(message):
    (state,) = talk(message)
    assert "no place called" not in text(state)


@pytest.mark.parametrize(
    ("message", "tag"),
    [
        ("국물있는거로", "soup"),
        ("something with broth", "soup"),
        ("국물 있는 음식", "soup"),
        ("떡볶이 먹고싶당", "떡볶이"),
        ("street food maybe", "street-food"),
        ("브런치 먹고 싶어", "brunch"),
    ],
)
def test_food_is_found_in_whatever_kind_of_place_has_it(message, tag):
    (state,) = talk(message)
    assert len(table(state)) == 3 and all(place.has(tag) for place in table(state))


@pytest.mark.parametrize(
    "message", ["street food restaurants", "감자탕 먹고 싶어", "신당동 떡볶이", "i want a pizza"]
)
def test_a_kind_of_place_that_is_asked_for_or_usual_stays(message):
    (state,) = talk(message)
    assert {place.category for place in table(state)} == {"restaurant"}


@pytest.mark.parametrize(
    ("first", "more", "tag"),
    [
        ("떡볶이 먹고싶당", "국물있는거로", "soup"),
        ("street food maybe", "something with soup", "soup"),
        ("noodles in jongno", "actually barbecue", "barbecue"),
        ("brunch please", "만두 있는 데로", "dumplings"),
    ],
)
def test_something_to_eat_takes_the_place_of_what_no_place_has_with_it(first, more, tag):
    state = talk(first, more)[-1]
    assert table(state) and all(place.has(tag) for place in table(state))


def test_food_that_one_place_has_together_is_wished_together():
    state = talk("noodles in jongno", "with soup")[-1]
    assert any(place.has("noodles") and place.has("soup") for place in table(state))
    assert [place.has("noodles") for place in table(state)] == [True] * 3
