"""Where a page continues in a stream whose parts can have the same id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.django_app.chat.stream_place import EVENT_ID, FROM_THE_START, StreamPlace


def record_behind(parts, behind):
    """What the development server sends again: the parts whose id is greater."""
    return [part for part in parts if part[0] > behind]


@given(st.lists(st.integers(0, 6), max_size=12).map(sorted), st.lists(st.integers(0, 12)))
def test_parts_of_one_millisecond_come_once_each_wherever_a_stream_breaks(clock, breaks):
    parts = [(f"179575273800{ms}-0", n) for n, ms in enumerate(clock)]
    last, read = FROM_THE_START, []
    for come in [*breaks, len(parts)]:
        place = StreamPlace(last)
        for part_id, n in record_behind(parts, place.behind)[:come]:
            if place.take(part_id, n):
                read.append(n)
                last = place.event_id
                assert EVENT_ID.fullmatch(last)
    assert read == [n for _, n in parts]


@given(
    st.lists(st.integers(0, 6), max_size=12).map(sorted),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12)), max_size=4),
)
def test_a_part_that_comes_from_the_record_and_live_too_comes_once(clock, sittings):
    parts = [(f"179575273800{ms}-0", n) for n, ms in enumerate(clock)]
    last, read = FROM_THE_START, []
    for recorded, twice, come in [*sittings, (0, 0, len(parts) + 1)]:
        place = StreamPlace(last)
        behind = record_behind(parts, place.behind)
        record, live = behind[:recorded], behind[max(recorded - twice, 0) :]
        for part_id, n in [*record, *live][:come]:
            if place.take(part_id, n):
                read.append(n)
                last = place.event_id
    assert read == [n for _, n in parts]


def test_ids_of_another_form_are_counted_as_they_come():
    place = StreamPlace(FROM_THE_START)
    assert [place.take(part, part) for part in ("b", "a", "a2")] == [True, True, True]


def test_the_id_of_the_server_alone_loses_a_part():
    parts = [("1795752738000-0", "a"), ("1795752738000-0", "b"), ("1795752738001-0", "c")]
    assert record_behind(parts, parts[0][0]) == [("1795752738001-0", "c")]
    place = StreamPlace(FROM_THE_START)
    place.take(*parts[0])
    again = StreamPlace(place.event_id)
    rest = [part for part in record_behind(parts, again.behind) if again.take(*part)]
    assert rest == parts[1:]


def test_a_part_without_an_id_is_new_and_not_counted():
    place = StreamPlace("1795752738000-0/1")
    parts = [(None, "a"), ("1795752738001-0", "b"), (None, "c"), ("1795752738001-0", "d")]
    assert [place.take(*part) for part in parts] == [True, False, True, True]
    assert place.event_id == "1795752738000-0/2"


@pytest.mark.parametrize("wrong", ["", "1", "-/", "1-0/-1", "1-0/\u0661", "1-0\n", "1-0/1 "])
def test_what_is_no_place_is_refused(wrong):
    assert EVENT_ID.fullmatch(wrong) is None
