"""Korean as people type it: eojeols and particles, single letters, slips of the finger."""

import time

import pytest

from course_lib.models.language.jamo import letters, with_particle
from course_lib.models.language.message_parser import language_of, read
from course_lib.neighbourhoods import load_neighbourhoods, nearest_to, spot_named
from course_lib.places import load_places


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("평양냉면 맛집", "elsewhere", None),
        ("평양 카페", "elsewhere", "Pyongyang"),
        ("이대로 갈게", "district", None),
        ("이대 카페", "district", "Seodaemun-gu"),
        ("젓가락 사는 시장", "district", None),
        ("중계 볼 수 있는 식당", "district", None),
        ("중계 카페", "district", "Nowon-gu"),
        ("면목이 없네요", "district", None),
        ("면목동 시장", "district", "Jungnang-gu"),
        ("예산이 적어요", "tags", ()),
        ("나무야 안녕", "tags", ()),
        ("나무가 많은 공원", "tags", ("nature",)),
        ("어린이대공원 근처 카페", "district", "Gwangjin-gu"),
        ("대형카페추천해줘", "category", "cafe"),
        ("카페인 없는 차", "category", None),
    ],
)
def test_a_word_is_found_where_an_eojeol_begins(text, field, value):
    assert getattr(read(text), field) == value


@pytest.mark.parametrize(
    ("typed", "category", "district"),
    [
        ("카패 추천해줘", "cafe", None),
        ("맛짐 홍데", "restaurant", "Mapo-gu"),
        ("박물괌", "museum", None),
        ("연낭동 시쟝", "market", "Mapo-gu"),
        ("종류가 많은 카페", "cafe", None),
        ("감동적인 공연", None, None),
    ],
)
def test_one_wrong_letter_is_forgiven_and_other_words_are_left_alone(typed, category, district):
    parsed = read(typed)
    assert (parsed.category, parsed.district) == (category, district)


@pytest.mark.parametrize(
    ("typed", "signal"),
    [
        ("ㅋㅋㅋㅋ", "laugh"),
        ("ㄱㅅ", "thanks"),
        ("ㄳ", "thanks"),
        ("ㅇㅋ", "yes"),
        ("ㅅㅂ", "curse"),
    ],
)
def test_letters_typed_alone_are_korean_and_mean_something(typed, signal):
    parsed = read(typed)
    assert parsed.language == language_of(typed) == "ko"
    assert signal in parsed.signals


def test_syllables_come_apart_into_letters_and_choose_their_particles():
    assert letters("홍대a") == "ㅎㅗㅇㄷㅐa"
    assert with_particle("경복궁", "은/는") == "경복궁은"
    assert with_particle("카페", "이에요/예요") == "카페예요"
    assert with_particle("서울", "으로/로") == "서울로"
    assert with_particle("스페이스K", "이라는/라는") == "스페이스K라는"


@pytest.mark.soak
def test_every_neighbourhood_leads_to_its_district_in_both_languages():
    twice = {"신사동", "충정로", "신정동"}  # in two districts each: the first in the file counts
    wrong = [
        (name, area.district)
        for area in load_neighbourhoods()
        for name in (area.name_ko, *area.also)
        if not name.isascii() and area.name_ko not in twice
        if read(f"{name} 카페 추천해줘").district != area.district
    ]
    assert wrong == []
    assert read("a cafe in Yeonnam-dong").district == "Mapo-gu"
    assert read("cafes near Gangnam station").area == "강남역"


def test_near_a_spot_means_within_a_walk_and_not_the_spot_itself():
    palace = spot_named("gyeongbokgung palace")
    found = nearest_to(load_places(), palace)
    assert palace.place_id not in {place.id for place in found}
    assert spot_named("경복궁") == palace and spot_named("Atlantis") is None


def test_a_message_is_read_in_less_than_five_milliseconds():
    read("warm up")
    texts = [f"{n} 강남역 근처에서 조용하고 비싸지 않은 카페 추천해줘" for n in range(40)]
    began = time.process_time()
    for text in texts:
        read(text)
    assert (time.process_time() - began) / len(texts) < 0.005


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("비싼 데 말고 강남 스테이크", {"price": "moderate", "district": "Gangnam-gu"}),
        ("시끄럽지 않은 카페", {"tags": ("quiet",), "category": "cafe"}),
        ("실내 아닌 데", {"indoor": False}),
        ("박물관이나 미술관 말고", {"without": ("museum", "gallery"), "category": None}),
        ("no cafes or museums", {"without": ("cafe", "museum"), "category": None}),
        ("not Mapo, Jongno please", {"district": "Jongno-gu"}),
        ("첫번째 말고 두번째", {"positions": (2,), "refused_positions": (1,)}),
    ],
)
def test_a_refusal_belongs_to_what_it_refuses(text, expected):
    parsed = read(text)
    assert {name: getattr(parsed, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("카페 5개", 5),
        ("카페 두 곳만", 2),
        ("six parks please", 6),
        ("top 3 museums", 3),
        ("4명이 갈 카페", None),
        ("a cafe for 4", None),
        ("99 cafes", None),
        ("첫 번째 카페", None),
    ],
)
def test_how_many_places_are_asked_for(text, count):
    assert read(text).count == count


def test_two_wishes_are_told_apart_and_one_with_a_landmark_is_one():
    parsed = read("마포 카페랑 강남 공원 추천해줘")
    assert (parsed.category, parsed.district) == ("cafe", "Mapo-gu")
    assert (parsed.second.category, parsed.second.district) == ("park", "Gangnam-gu")
    assert read("a cafe near a park").second is None
    assert read("카페 말고 공원").second is None
