"""Messages about the list: one is picked, an end of the prices, a list that was shown before.

Each rule acts on messages of its kind only. What looks like one and is none stays with the other
rules, which the table of near messages shows.
"""

from __future__ import annotations

import pytest
from namu_talk import table, talk, text

from course_lib.models.language.message_parser import read

pytestmark = pytest.mark.one_in(4)

ABOUT = {"choose", "price_end", "shown_first", "shown_before", "compared"}


def is_named(place, state):
    return place.name_en in text(state) or place.name_ko in text(state)


@pytest.mark.parametrize(
    "message",
    ["just pick one for me", "you choose", "u decide", "it's up to you", "can you pick one?",
     "i can't decide, you choose", "아무거나 골라줘", "하나만 골라줘", "니가 정해줘", "네가 정해",
     "이 중에서 골라줘", "알아서 골라 줘", "못 고르겠어 하나만 골라줘"],
)  # fmt: skip
def test_namu_takes_the_first_of_the_list_where_it_may_choose(message):
    before, after, told = talk("a museum in Yongsan", message, "where is it?")
    first, second, *_ = table(before)
    assert after["intent"] == "FOLLOW_UP" and table(after) == table(before)
    assert is_named(first, after) and not is_named(second, after)
    assert "first" in text(after) or "첫 번째" in text(after)
    assert first.name_en in text(told)


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
        ("뭐가 제일 비싸?", -1),
    ],
)
@pytest.mark.parametrize("first", ["cafes in hongdae", "restaurants in Yongsan", "parks in mapo"])
def test_the_end_of_the_prices_is_looked_for_on_the_list(first, message, sign):
    before, after = talk(first, message)
    levels = sorted(sign * place.price_level for place in table(before))
    fit = [p for p in table(before) if sign * p.price_level == levels[0]]
    assert after["intent"] == "FOLLOW_UP" and table(after) == table(before)
    assert [p for p in table(before) if is_named(p, after)] == fit
    says_so = "same price level" in text(after) or "같은 가격대" in text(after)
    assert says_so == (len(fit) > 1 and fit[0].price_level > 0)
    is_free = " are free" in text(after) or "모두 무료예요" in text(after)
    assert is_free == (len(fit) > 1 and fit[0].price_level == 0)
    described = sum(any(s in text(after) for s in (p.summary_en, p.summary_ko)) for p in fit)
    assert described == (1 if len(set(levels)) > 1 else 0)  # of equal ones none is the end


@pytest.mark.parametrize(
    "message",
    ["the first ones you showed me", "the first list please", "what did you show me first?",
     "the places you showed me at the beginning", "the first cafes you showed me", "첨에 보여준거",
     "처음에 추천한 데 다시", "처음 보여준 카페", "맨 처음에 보여준 곳들 다시 보여줘"],
)  # fmt: skip
def test_the_places_shown_first_come_again(message):
    first, *_, last = talk("cafes in hongdae", "not the second one", "other ones", message)
    assert [p.id for p in table(last)] == [p.id for p in table(first)]
    assert "first" in text(last) or "처음" in text(last)
    assert not {p.id for p in table(first)} & set(last["excluded_place_ids"])


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("the first parks you showed me", 1),
        ("처음에 보여준 공원", 1),
        ("the cafes you showed me first", 0),
        ("the ones you showed me first", 0),
        ("the cafes from before", 0),
        ("that tea house again", 0),
        ("아까 그 찻집 다시", 0),
        ("아까 보여준 카페", 0),
    ],
)
def test_a_list_of_a_kind_that_was_shown_before_comes_again(message, wanted):
    states = talk("cafes in hongdae", "parks in mapo", "other ones", message)
    assert {p.id for p in table(states[-1])} == {p.id for p in table(states[wanted])}


@pytest.mark.parametrize(
    "message", ["the first ones you showed", "처음에 보여준 거", "아까 그 찻집 다시"]
)
def test_before_a_list_none_was_shown(message):
    assert "showed" not in text(talk(message)[-1]) and "보여 드린" not in text(talk(message)[-1])


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("is 1 or 3 bigger", "large"),
        ("which one is larger, 1 or 3?", "large"),
        ("which is closer, 1 or 3", "where you are"),
        ("1번이랑 3번 중에 어디가 더 커?", "크기"),
        ("1번이 3번보다 가까워?", "위치"),
    ],
)
def test_two_places_are_not_compared_by_what_namu_does_not_know(message, word):
    before, after = talk("cafes in mapo", message)
    assert word in text(after) and table(after) == table(before)
    assert [is_named(place, after) for place in table(before)] == [True, False, True]


@pytest.mark.parametrize(
    ("compared", "refusal"),
    [
        ("is 1 or 3 bigger", "not those"),
        ("which is closer, 1 or 3?", "none of these"),
        ("1번이랑 3번 중에 어디가 더 커?", "그거 말고"),
        ("1번이 3번보다 가까워?", "둘 다 싫어"),
    ],
)
def test_after_a_comparison_no_one_place_was_spoken_of_last(compared, refusal):
    before, _, after = talk("cafes in mapo", compared, refusal)
    first, _, third = (place.id for place in table(before))
    left = {place.id for place in table(after)}
    assert {first, third} <= left or not {first, third} & left


@pytest.mark.parametrize(
    "message",
    [
        # a choice
        "you choose well, thanks", "why did you choose these?", "you choose another one",
        "don't choose for me", "i want to choose one", "you choose two", "it's not up to you",
        "can you pick a park for me?", "pick the second one for me", "your choice is bad",
        "골라줘서 고마워", "왜 이걸 골라줬어?", "다른 거 하나 골라줘", "공원 하나만 골라줘",
        "골라주지 마", "내가 고를게", "네가 골라준 데 별로야", "강남에서 하나 골라줘",
        # an end of the prices
        "I don't want the cheapest one", "not the cheapest", "thanks for the cheapest one",
        "why is it the cheapest?", "the cheapest cafe", "the cheapest one in Gangnam",
        "the two cheapest", "which two are the cheapest?", "제일 싼 두 곳", "젤 싼 세 군데",
        "book the cheapest one", "the cheapest was bad", "most popular of these",
        "제일 싼 데 말고", "제일 싼 데는 싫어", "제일 싼 데 예약해줘", "제일 싼 카페",
        # a list that was shown before
        "which museum would you recommend first?", "the first one", "the first two",
        "not the first ones you showed me", "i liked the first ones you showed me",
        "why did you show me these first?", "what should I see first?", "첫 번째 거", "처음 거",
        "처음에 보여준 거 말고", "처음에 보여준 거 별로야", "처음에 보여준 거 중에 싼 데",
        "서울 처음인데 추천해줘", "the cafes from before were nice", "not the cafes again",
        "아까 그 찻집 말고", "아까 그 찻집 예약해줘", "아까 그 찻집 근처 공원",
        # two numbers
        "is it bigger", "a bigger cafe", "2 or 3 people", "why is 1 bigger than 3?",
        "which is closer to Hongdae, 1 or 3", "show me 2 or 3 bigger cafes", "1번이 더 크네",
    ],
)  # fmt: skip
def test_a_message_with_more_to_it_is_left_to_the_other_rules(message):
    assert not read(message).signals & ABOUT


def test_a_choice_among_others_shows_others_and_the_cheapest_is_not_offered_to_who_refuses_it():
    before, others = talk("a museum in Yongsan", "you choose another one")
    assert others["intent"] == "REFINE_EXCLUDE" and not set(table(others)) & set(table(before))
    before, after = talk("cafes in hongdae", "제일 싼 데 말고")
    lowest = min(place.price_level for place in table(before))
    assert not [p for p in table(before) if p.price_level == lowest and is_named(p, after)]


@pytest.mark.parametrize(
    "word", ["음", "흠", "음흠", "그냥", "좀 ", "hm ", "모르겠어", "제일", "아까"]
)
@pytest.mark.parametrize("end", ["가", "x", " 골라줘"])
def test_a_word_that_is_repeated_is_read(word, end):
    """A grammar that can divide equal syllables in many ways would never come to an end."""
    for times in (30, 119 // len(word), 600):
        assert read(word * times + end) is not None
