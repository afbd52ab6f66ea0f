"""Booking: nothing is written before a person agrees, and then exactly once."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command
from pydantic import ValidationError

from course_lib.models.language.message_parser import read
from course_lib.namu import book_place, build_namu
from course_lib.namu.booking import BOOK
from course_lib.persistence import namespace_label

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


def test_a_refused_booking_writes_nothing(namu):
    say(namu, "종로에 있는 고궁 추천해줘")
    asked = say(namu, "두 번째 예약해줘, 3명 토요일")["__interrupt__"][0]
    assert "예약할까요" in asked.value["question"] and asked.value["people"] == 3
    state = namu.invoke(Command(resume={"approve": False, "people": 3, "day": "Saturday"}), CONFIG)
    assert "예약하지 않았어요" in state["messages"][-1].text
    assert booked(namu) == []


def test_too_many_people_are_refused_and_the_question_stays_open(namu):
    say(namu, "a cafe in Mapo")
    (asked,) = say(namu, "book it")["__interrupt__"]
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
        namu.invoke({"messages": [("user", "book it")]}, config)
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
