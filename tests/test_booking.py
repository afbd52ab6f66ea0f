"""Booking: nothing is written before a person agrees, and then exactly once."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command
from pydantic import ValidationError

from course_lib.models import close_open_tool_calls
from course_lib.models.history_repair import NOT_RUN
from course_lib.models.language.message_parser import read
from course_lib.namu import book_place, build_namu
from course_lib.namu.booking import BOOK
from course_lib.namu.memory import MEMORIES
from course_lib.persistence import namespace_label

pytestmark = pytest.mark.one_in(3)

CONFIG = {"configurable": {"thread_id": "t"}}


@pytest.fixture
def namu():
    return build_namu(checkpointer=InMemorySaver(), store=InMemoryStore(), tools=[book_place])


def say(graph, text):
    return graph.invoke({"messages": [("user", text)]}, CONFIG)


def booked(graph):
    return [item.value for item in graph.store.search((BOOK,))]


def test_a_booking_is_asked_for_and_written_once_agreed(namu):
    say(namu, "a cafe in Mapo")
    asked = say(namu, "book the second one for 4 people on sunday")["__interrupt__"][0]
    place = namu.get_state(CONFIG).values["last_recommended_places"][1]
    assert (asked.value["people"], asked.value["day"]) == (4, "Sunday")
    assert place["name_en"] in asked.value["question"]
    assert booked(namu) == []
    state = namu.invoke(Command(resume={"approve": True, "people": 3, "day": "Friday"}), CONFIG)
    assert "3 people, Friday" in state["messages"][-1].text
    (booking,) = booked(namu)
    assert (booking["place_id"], booking["people"]) == (place["id"], 3)


def test_a_booking_is_kept_for_who_talks_by_the_same_rule_as_the_memory():
    store = InMemoryStore()
    graph = build_namu(
        memory=True,
        checkpointer=InMemorySaver(),
        store=store,
        tools=[book_place],
        context_schema=dict,
    )
    config = {**CONFIG, "metadata": {"user": "bo"}}
    named = {"context": {"user": "ann"}}
    graph.invoke({"messages": [("user", "I live in Mapo. Recommend a cafe")]}, config, **named)
    asked = {"messages": [("user", "book the first one for 2 on friday")]}
    graph.invoke(asked, config, **named)
    graph.invoke(Command(resume={"approve": True, "people": 2, "day": "Friday"}), config, **named)
    kept = {item.namespace for item in store.search(())}
    assert kept == {(BOOK, namespace_label("ann")), (MEMORIES, namespace_label("ann"))}


def test_a_refused_booking_writes_nothing(namu):
    say(namu, "종로에 있는 고궁 추천해줘")
    asked = say(namu, "두 번째 예약해줘, 3명 토요일")["__interrupt__"][0]
    assert "예약할까요" in asked.value["question"] and asked.value["people"] == 3
    state = namu.invoke(Command(resume={"approve": False, "people": 3, "day": "Saturday"}), CONFIG)
    assert "예약하지 않았어요" in state["messages"][-1].text
    assert booked(namu) == []


def test_too_many_people_are_refused_and_the_question_stays_open(namu):
    say(namu, "a cafe in Mapo")
    (asked,) = say(namu, "book the first one")["__interrupt__"]
    answer = {"approve": True, "people": 99, "day": "Friday"}
    with pytest.raises(ValidationError, match="less than or equal to 8"):
        namu.invoke(Command(resume={asked.id: answer}), CONFIG)
    assert booked(namu) == []
    namu.invoke(Command(resume={asked.id: {**answer, "people": 8}}), CONFIG)
    assert len(booked(namu)) == 1


@pytest.mark.parametrize(
    "text, place, people, day",
    [
        ("book the first one for two", 0, 2, None),
        ("please book number 3 tomorrow, party of 5", 2, 5, "tomorrow"),
        ("reserve the last one for 6 guests on monday", 2, 6, "Monday"),
        ("첫 번째 예약해줘 둘이 내일", 0, 2, "tomorrow"),
        ("마지막 거 예약하고 싶어 4명 금요일", 2, 4, "Friday"),
    ],
)
def test_bookings_are_understood_in_both_languages(namu, text, place, people, day):
    say(namu, "카페 추천해줘 마포" if "예약" in text else "a cafe in Mapo")
    asked = say(namu, text)["__interrupt__"][0].value
    meant = namu.get_state(CONFIG).values["last_recommended_places"][place]
    assert meant["name_en"] in asked["question"] or meant["name_ko"] in asked["question"]
    assert (asked.get("people"), asked.get("day")) == (people, day)


@pytest.mark.parametrize(
    "text", ["a book cafe in Mapo", "a bookstore in Jongno-gu", "books please"]
)
def test_books_are_no_bookings(namu, text):
    assert "__interrupt__" not in say(namu, text)


def test_with_nothing_recommended_there_is_nothing_to_book(namu):
    state = say(namu, "book it for 4")
    assert "not recommended anything" in state["messages"][-1].text


def test_an_unknown_place_is_told():
    assert "no place called" in book_place.func("Atlantis", _runtime(), 2, "Friday")


def _runtime():
    class Runtime:
        state = {"messages": []}  # noqa: RUF012

    return Runtime()


def test_two_users_have_a_page_each(namu):
    for user in ("ann", "bo.jr"):
        config = {"configurable": {"thread_id": user}, "metadata": {"user": user}}
        namu.invoke({"messages": [("user", "a cafe in Mapo")]}, config)
        namu.invoke({"messages": [("user", "book the first one")]}, config)
        answer = {"approve": True, "people": 2, "day": "Friday"}
        namu.invoke(Command(resume=answer), config)
    pages = {item.namespace for item in namu.store.search((BOOK,))}
    assert pages == {(BOOK, namespace_label("ann")), (BOOK, namespace_label("bo.jr"))}


@pytest.mark.parametrize(
    ("text", "books"),
    [
        ("book Dawon", True),
        ("Ok, book Dawon for 3 on Friday", True),
        ("please book the Dawon", True),
        ("a book shop in Jongno-gu", False),
        ("a bookstore near Dawon", False),
    ],
)
def test_a_message_that_begins_with_book_and_a_name_books_it(text, books):
    assert ("book" in read(text).signals) is books


def resume(graph, **answer):
    return graph.invoke(Command(resume=answer), CONFIG)


def reply(state):
    return state["messages"][-1].text


def test_what_was_not_said_is_asked_for_and_not_guessed(namu):
    say(namu, "a cafe in Mapo")
    asked = say(namu, "book the second one")["__interrupt__"][0].value
    assert "people" not in asked and "day" not in asked
    assert "Please choose the number of people and the day" in asked["question"]
    say(namu, "a cafe in Mapo")
    asked = say(namu, "book the second one for 3 next friday at 7pm")["__interrupt__"][0].value
    assert asked["people"] == 3 and "day" not in asked  # not this Friday
    assert "not stored" in asked["note"] and "7pm" in asked["note"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("book the first one for 10 people", "at most 8 people"),
        ("두 번째 열두 명 예약", "8명까지만"),
        ("book the seventh one", "three places"),
        ("예약해줘", "어느 곳을"),
        ("book Atlantis Grill for two", "no place called atlantis grill"),
        ("에덴식당 예약해줘", "에덴식당이라는"),
        ("please do not book anything", "will not book"),
    ],
)
def test_a_booking_that_cannot_be_made_is_answered_in_words(namu, text, told):
    say(namu, "a cafe in Mapo")
    state = say(namu, text)
    assert "__interrupt__" not in state and told in reply(state)


def test_the_answer_to_which_one_goes_on_with_the_booking(namu):
    say(namu, "마포 카페")
    say(namu, "예약해줘 내일 3명")
    asked = say(namu, "두 번째요")["__interrupt__"][0].value
    place = namu.get_state(CONFIG).values["last_recommended_places"][1]
    assert asked["question"] == f"{place['name_ko']}, 내일 3명으로 예약할까요?"


@pytest.mark.parametrize(
    ("wish", "told", "which"),
    [
        ("book it", "which one", "the second one"),
        ("book that for 3 tomorrow", "which one", "number 2"),
        ("please book it for 3", "which one", "second"),
        ("그거 예약해줘", "어느 곳을", "두 번째"),
        ("거기 내일 3명 예약해줘", "어느 곳을", "2번이요"),
        ("여기로 예약할게요", "어느 곳을", "두번째꺼"),
    ],
)
def test_it_after_a_list_is_no_place_and_the_person_is_asked_which_one(namu, wish, told, which):
    shown = say(namu, "a cafe in Mapo")["last_recommended_places"]
    state = say(namu, wish)
    assert "__interrupt__" not in state and told in reply(state).lower()
    names = [f"{n}. {p['name_ko' if told[0] > 'z' else 'name_en']}" for n, p in enumerate(shown, 1)]
    assert all(name in reply(state) for name in names)
    (asked,) = say(namu, which)["__interrupt__"]
    assert shown[1]["name_ko" if told[0] > "z" else "name_en"] in asked.value["question"]


@pytest.mark.parametrize(
    ("about", "wish"),
    [
        ("tell me about the second one", "book it"),
        ("tell me about the second one", "ok, book that one for 2 tomorrow"),
        ("I like the second one", "book it"),
        ("두 번째는 어떤 곳이야?", "거기 예약해줘"),
        ("두 번째가 마음에 들어요", "그걸로 예약해 주세요"),
    ],
)
def test_it_is_the_place_that_was_spoken_of_last(namu, about, wish):
    shown = say(namu, "a cafe in Mapo")["last_recommended_places"]
    say(namu, about)
    question = say(namu, wish)["__interrupt__"][0].value["question"]
    assert shown[1]["name_en"] in question or shown[1]["name_ko"] in question


@pytest.mark.parametrize("wish", ["book it", "book that one for 2", "거기 예약해줘"])
def test_it_is_the_place_that_was_recommended_alone(namu, wish):
    (place,) = say(namu, "Gyeongbokgung Palace")["last_recommended_places"]
    question = say(namu, wish)["__interrupt__"][0].value["question"]
    assert place["name_en"] in question or place["name_ko"] in question


def test_a_booking_is_listed_changed_and_cancelled_only_when_agreed(namu):
    assert "no bookings" in reply(say(namu, "my bookings"))
    say(namu, "a cafe in Mapo")
    say(namu, "book the first one for 2 tomorrow")
    resume(namu, approve=True, people=2, day="tomorrow")
    asked = say(namu, "make it 5 people")["__interrupt__"][0].value
    assert asked["question"].startswith("Change your booking") and asked["people"] == 5
    assert booked(namu)[0]["people"] == 2
    assert reply(resume(namu, approve=True, people=5, day="Friday")).startswith("Changed")
    assert (booked(namu)[0]["people"], booked(namu)[0]["day"]) == (5, "Friday")
    say(namu, "cancel my booking")
    assert "stays" in reply(resume(namu, approve=False)) and booked(namu)
    assert "5 people, Friday" in reply(say(namu, "what did I book?"))
    say(namu, "please cancel it")
    assert reply(resume(namu, approve=True)).startswith("Cancelled") and booked(namu) == []


def test_of_several_bookings_the_one_that_is_meant_is_asked_for(namu):
    say(namu, "마포 카페")
    for text in ("1번 예약 2명 내일", "2번 예약 2명 내일"):
        say(namu, text)
        resume(namu, approve=True, people=2, day="tomorrow")
    first, second = (each["place"] for each in booked(namu))
    other = {"configurable": {"thread_id": "another conversation"}}
    state = namu.invoke({"messages": [("user", "예약 취소해줘")]}, other)
    assert f"1. {first}" in reply(state) and "취소할지" in reply(state)
    asked = namu.invoke({"messages": [("user", "2번")]}, other)["__interrupt__"][0].value
    assert second in asked["question"] and "취소할까요" in asked["question"]


@pytest.mark.parametrize(
    ("wish", "answer"), [("book the second one", "tomorrow for 3"), ("두번째 예약해줘", "내일 3명")]
)
def test_an_answer_typed_beside_an_open_card_goes_on_with_the_booking(namu, wish, answer):
    say(namu, "a cafe in Mapo")
    place = say(namu, wish)["last_recommended_places"][1]
    closing = close_open_tool_calls(namu.get_state(CONFIG).values["messages"], NOT_RUN)
    state = namu.invoke({"messages": [*closing, ("user", answer)]}, CONFIG)
    asked = state["__interrupt__"][0].value
    assert (asked["people"], asked["day"]) == (3, "tomorrow")
    assert place["name_en"] in asked["question"] or place["name_ko"] in asked["question"]


@pytest.mark.parametrize(
    ("wish", "praise"),
    [
        ("book the second one", ["thanks, great"]),
        ("book the second one for 2 tomorrow", ["sounds good", "great, thank you"]),
        ("book the second one for 2 tomorrow", ["yes"]),
        ("두 번째 예약해줘", ["좋네요", "고마워"]),
        ("두 번째 내일 2명 예약해줘", ["네"]),
    ],
)
@pytest.mark.parametrize("closed", [False, True])
def test_praise_beside_an_open_card_drops_no_card_and_books_nothing(namu, wish, praise, closed):
    say(namu, "a cafe in Mapo")
    (asked,) = say(namu, wish)["__interrupt__"]
    for text in praise:
        messages = namu.get_state(CONFIG).values["messages"]
        closing = close_open_tool_calls(messages, NOT_RUN) if closed else []
        state = namu.invoke({"messages": [*closing, ("user", text)]}, CONFIG)
        assert [each.value for each in state["__interrupt__"]] == [asked.value]
    assert booked(namu) == []
    resume(namu, approve=True, people=2, day="tomorrow")
    assert len(booked(namu)) == 1
    assert "__interrupt__" not in say(namu, praise[-1])


@pytest.mark.parametrize("wish", ["make it 5 people", "cancel my booking"])
def test_praise_beside_the_card_of_a_change_or_a_cancellation_drops_no_card(namu, wish):
    say(namu, "a cafe in Mapo")
    say(namu, "book the first one for 2 tomorrow")
    resume(namu, approve=True, people=2, day="tomorrow")
    (asked,) = say(namu, wish)["__interrupt__"]
    (again,) = say(namu, "great, thanks")["__interrupt__"]
    assert again.value == asked.value


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("book the second one", "no thanks"),
        ("book the second one", "thanks, but tell me about the third"),
        ("두 번째 예약해줘", "아니 됐어요"),
        ("book the first one for 10 people", "ok thanks"),
        ("please do not book anything", "great"),
    ],
)
def test_other_words_beside_a_card_open_none(namu, wish, said):
    say(namu, "a cafe in Mapo")
    say(namu, wish)
    assert "__interrupt__" not in say(namu, said)


def test_a_korean_card_is_korean(namu):
    say(namu, "마포 카페")
    (asked,) = say(namu, "1번 예약 2명 금요일")["__interrupt__"]
    day = asked.response_schema["properties"]["day"]
    assert {"const": "Friday", "title": "금요일"} in day["oneOf"]
    assert day["description"] == "요일"
    assert "금요일, 2명" in reply(resume(namu, approve=True, people=2, day="Friday"))
