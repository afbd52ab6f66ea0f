"""No message tells a password that stands in an address, however it was typed."""

import pytest

from course_lib.addresses import hide_password
from course_lib.models.http_clients import checked_url, without_password
from course_lib.persistence import CheckpointerError, open_checkpointer
from course_lib.settings import SettingsError, read_settings

WORDS = ("hush", "tell", "none")
"""Parts of the passwords below."""

TYPED = [
    "http://ann:{}@host/v1",
    "http://ann:{}@host:port/v1",
    "ann:{}@host/v1",
    "//ann:{}@host/v1",
    "http//ann:{}@host/v1",
    "http:/ann:{}@host/v1",
]
PASSWORDS = [
    "hush",
    "hush/tell",
    "hush@tell",
    "hush tell",
    "hush?tell#none",
    "hush\ntell",
    "://hush",
]
NAMED = [
    "host=h user=ann password={}",
    "host=h password = {}",
    "host=h PASSWORD='{} tell' dbname=d",
    'host=h password="{} tell" dbname=d',
    r"host=h password='{}\' tell' dbname=d",
    "mysql://host/db?user=ann&password={}",
    "http://host/v1?api_key={}",
    "http://host/v1?token={}&x=1",
    "host=h passwd={}",
]
ADDRESSES = [
    *(form.format(password) for form in TYPED for password in PASSWORDS),
    *(form.format("hush") for form in NAMED),
]


def told(text):
    return [word for word in WORDS if word in text]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_told_without_its_password(address):
    assert not told(hide_password(address))
    assert not told(without_password(address))
    try:
        checked_url(address)
    except ValueError as error:
        assert not told(str(error))


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_database_that_cannot_be_opened_is_told_without_its_password(address):
    with pytest.raises(CheckpointerError) as refused:
        with open_checkpointer(address):
            pass
    assert not told(str(refused.value))


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "name",
    ["COURSE_LLM_BASE_URL", "COURSE_EMBEDDING_BASE_URL", "COURSE_DATABASE_URL", "COURSE_REDIS_URL"],
)
def test_settings_tell_no_password(name, address):
    for more in ({}, {name.replace("BASE_URL", "MODEL"): "m"} if "BASE" in name else {}):
        try:
            settings = read_settings({name: address, **more})
        except SettingsError as error:
            assert not told(str(error))
        else:
            assert not told(repr(settings))


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8000/v1",
        "sqlite:////tmp/chat.db",
        "postgresql://host:5432/course?application_name=chat",
        "memory:",
    ],
)
def test_an_address_without_a_password_is_told_as_it_is(address):
    assert hide_password(address) == address
