"""The promises of data/: real places, in the districts they claim, in both languages."""

import json
import re
from collections import Counter
from dataclasses import replace
from typing import get_args

import pytest

from course_lib.models.language.lexicon import HANGUL, lexicon
from course_lib.models.language.replies import phrases
from course_lib.neighbourhoods import nearest_to, spot_named
from course_lib.places import (
    CATEGORIES,
    District,
    Place,
    load_districts,
    load_places,
    search_places,
)
from course_lib.settings import DATA

PLACES = load_places()
COMMON = ("cafe", "restaurant", "park", "museum", "market", "trail")
NEAR_BORDER = 0.0025  # the simplified outlines of the source are off by up to 250 m


def test_every_place_keeps_the_contract():
    for place in PLACES:
        # An id is a name for good: it may begin with a category that the place had once.
        assert re.fullmatch(rf"({'|'.join(CATEGORIES)})-\d{{2,3}}", place.id), place
        assert place.category in CATEGORIES
        assert place.district in load_districts()
        assert place.tags and all(re.fullmatch(r"[a-z]+(-[a-z]+)*", tag) for tag in place.tags)
        assert isinstance(place.indoor, bool)
        assert place.price_level in (0, 1, 2, 3)
        assert place.lat == round(place.lat, 3) and place.lon == round(place.lon, 3)


def test_no_text_is_empty_and_each_language_is_itself():
    for place in PLACES:
        for text in (place.name_ko, place.name_en, place.summary_ko, place.summary_en):
            assert text == text.strip() and text
        assert HANGUL.search(place.summary_ko), place.id
        assert not HANGUL.search(place.summary_en + place.name_en), place.id
        assert 30 <= len(place.summary_en) <= 160, place.id


def test_korean_summaries_do_not_all_sound_the_same():
    texts = [place.summary_ko for place in PLACES]
    assert all(re.search(r"(요|니다)\.$", text) for text in texts)
    for habit in (r"수 있어요\.$", r"기 좋아요\.$", r"보세요\.$"):
        assert sum(bool(re.search(habit, text)) for text in texts) < len(texts) / 3, habit
    assert sum(bool(re.search(r"[가-힣]로, ", text)) for text in texts) < len(texts) / 2


def test_ids_and_names_are_unique():
    assert max(Counter(place.id for place in PLACES).values()) == 1
    assert max(Counter(place.name_ko for place in PLACES).values()) == 1


def _outside(place: Place) -> bool:
    box = load_districts()[place.district]
    high = box["lat_min"] - NEAR_BORDER <= place.lat <= box["lat_max"] + NEAR_BORDER
    wide = box["lon_min"] - NEAR_BORDER <= place.lon <= box["lon_max"] + NEAR_BORDER
    return not (high and wide)


def test_every_coordinate_lies_in_the_named_district():
    assert [place for place in PLACES if _outside(place)] == []


def test_a_place_in_the_wrong_district_would_be_noticed():
    palace = next(place for place in PLACES if place.name_en == "Gyeongbokgung Palace")
    assert _outside(replace(palace, district="Gangnam-gu"))


def test_every_place_names_where_it_was_looked_up():
    sources = json.loads((DATA / "places_sources.json").read_text(encoding="utf-8"))
    assert set(sources) == {place.id for place in PLACES}
    for source in sources.values():
        assert source["title"].strip()
        assert source["url"].startswith(("http://", "https://"))


def test_there_are_as_many_places_and_districts_as_the_card_says():
    assert len(PLACES) >= 600
    assert set(load_districts()) == set(get_args(District)) and len(load_districts()) == 25
    assert {place.district for place in PLACES} == set(load_districts())


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_finds_at_least_two_places(category: str):
    assert len(search_places(category=category)) >= 2


@pytest.mark.parametrize("category", COMMON)
def test_common_wishes_find_two_places_in_twelve_districts(category: str):
    counts = Counter(place.district for place in PLACES if place.category == category)
    assert sum(count >= 2 for count in counts.values()) >= 12, counts


@pytest.mark.parametrize(
    "wish",
    [
        {"category": "cafe", "district": "Mapo-gu"},
        {"category": "palace", "district": "Jongno-gu"},
        {"category": "museum", "district": "Yongsan-gu"},
        {"category": "restaurant", "district": "Gangnam-gu"},
        {"category": "park", "district": "Songpa-gu"},
        {"category": "gallery", "max_price": 0},
        {"district": "Jung-gu", "indoor": True},
        {"category": "cafe", "district": "Seongdong-gu"},
        {"category": "viewpoint", "tags": ["night-view"]},
    ],
)
def test_a_visitors_common_wish_has_four_answers(wish: dict):
    found = search_places(**wish, limit=10)
    assert len(found) >= 4
    assert search_places(**wish, limit=10) == found, "the order changes"


def test_excluded_places_never_come():
    first = search_places(category="cafe", district="Mapo-gu")
    rest = search_places(category="cafe", district="Mapo-gu", exclude_ids=[p.id for p in first])
    assert rest and not {p.id for p in first} & {p.id for p in rest}


def test_the_nearest_to_a_district_begin_next_door():
    parks = search_places(category="park", limit=1000)
    for district in ("Jung-gu", "Songpa-gu", "Gangseo-gu"):
        near = nearest_to(parks, spot_named(district))
        assert near[0].district == district
    assert near[-1].district == "Gangdong-gu", "Gangdong-gu lies at the other end of the city"


def test_an_entry_that_is_no_place_is_named(tmp_path):
    path = tmp_path / "places.json"
    path.write_text('[{"id": "cafe-01", "tags": []}]', encoding="utf-8")
    with pytest.raises(ValueError, match="cafe-01"):
        load_places(path)


def test_lexicon_speaks_of_every_category_district_and_reply_in_both_languages():
    words = lexicon()
    assert set(words["category"]) == set(CATEGORIES)
    assert set(words["district"]) == set(load_districts())
    for kind in ("category", "district", "tags", "price", "indoor", "signals", "elsewhere"):
        for value, phrases_ in words[kind].items():
            assert all(phrases_[language] for language in ("ko", "en")), value
    assert set(phrases()["categories"]) == {*CATEGORIES, "place"}
    assert set(phrases()["en"]) == set(phrases()["ko"])


def test_every_tag_of_the_data_can_be_asked_for_and_no_other():
    assert set(lexicon()["tags"]) == {tag for place in PLACES for tag in place.tags}
