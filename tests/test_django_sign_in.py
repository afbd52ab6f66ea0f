"""Signing in to the Django site: a limit on attempts, and HTTPS behind a proxy."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import django_configured  # noqa: F401 - configures Django before its models are imported
import pytest
from django.db import connection
from django.test import Client, RequestFactory, override_settings

from course_lib.django_app.chat.attempts import PER_ADDRESS, PER_NAME, PERIOD, Attempt
from course_lib.django_app.chat.models import SignInAttempts, User
from course_lib.django_app.chat.words import WORDS

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery"
HOME, ELSEWHERE = "203.0.113.7", "203.0.113.8"
WRONG = WORDS["sign-in-failed"][0]
TOO_MANY = WORDS["too-many-sign-ins"][0].format(minutes=15)


@pytest.fixture(autouse=True)
def ann():
    return User.objects.create_user("ann", password=PASSWORD)


def sign_in(name, password, address=HOME, **headers):
    """Try once, in a browser of its own."""
    form = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address, headers=headers).post("/login/", form)


def errors_of(answer):
    return [str(each) for each in answer.context["form"].non_field_errors()]


@pytest.mark.parametrize("name", ["ann", "nobody"])
def test_attempts_end_with_the_same_words_whether_the_name_exists_or_not(name):
    told = [errors_of(sign_in(name, "wrong")) for _ in range(PER_NAME + 2)]
    assert told == [[WRONG]] * PER_NAME + [[TOO_MANY]] * 2


def test_the_right_password_is_no_way_around_the_limit_and_another_address_is_free():
    for _ in range(PER_NAME):
        sign_in("ann", "wrong")
    for name in ("ann", " ANN "):
        assert errors_of(sign_in(name, PASSWORD)) == [TOO_MANY]
    assert sign_in("ann", PASSWORD, ELSEWHERE).status_code == 302
    assert errors_of(sign_in("bo", "wrong")) == [WRONG]


def test_the_limit_ends_after_its_time():
    for _ in range(PER_NAME + 1):
        sign_in("ann", "wrong")
    for row in SignInAttempts.objects.all():
        SignInAttempts.objects.filter(pk=row.pk).update(since=row.since - PERIOD)
    assert sign_in("ann", PASSWORD).status_code == 302


def test_the_sentence_says_how_long_to_wait_in_the_persons_language():
    for _ in range(PER_NAME):
        sign_in("ann", "wrong")
    earlier = PERIOD - timedelta(minutes=2, seconds=30)
    for row in SignInAttempts.objects.all():
        SignInAttempts.objects.filter(pk=row.pk).update(since=row.since - earlier)
    told = errors_of(sign_in("ann", "wrong", **{"Accept-Language": "ko"}))
    assert told == [WORDS["too-many-sign-ins"][1].format(minutes=3)]


def test_a_sign_in_forgets_the_attempts_before_it():
    for _ in range(3):
        for _ in range(PER_NAME - 1):
            sign_in("ann", "wrong")
        assert sign_in("ann", PASSWORD).status_code == 302
    assert [row.count for row in SignInAttempts.objects.all()] == [3 * (PER_NAME - 1)]


def test_many_names_from_one_address_are_limited_too():
    for number in range(PER_ADDRESS):
        assert Attempt(f"name {number}", HOME).begin() == 0
    assert errors_of(sign_in("ann", PASSWORD)) == [TOO_MANY]
    assert sign_in("ann", PASSWORD, ELSEWHERE).status_code == 302


def test_attempts_at_once_are_all_counted():
    def attempt(_):
        try:
            return Attempt("ann", HOME).begin()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(attempt, range(4 * PER_NAME)))
    assert waits.count(0) == PER_NAME


def test_the_table_holds_no_name_and_loses_old_attempts():
    Attempt("a password in the wrong field", HOME).begin()
    row = SignInAttempts.objects.first()
    assert "password" not in row.key and HOME not in row.key
    SignInAttempts.objects.update(since=row.since - PERIOD)
    Attempt("ann", ELSEWHERE).begin()
    assert SignInAttempts.objects.count() == 2


SHOW = """
from course_lib.django_app import settings as s
print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.LANGUAGE_COOKIE_SECURE, sep=",")
print(s.SECURE_PROXY_SSL_HEADER, s.CSRF_TRUSTED_ORIGINS, s.ALLOWED_HOSTS, sep="|")
"""


def settings_with(tmp_path, **variables):
    """What a process says of its settings with these variables: its output, or its error."""
    key = tmp_path / "secret.key"
    key.write_text("k" * 64)
    key.chmod(0o600)
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("CHAT_")},
        "CHAT_SECRET_KEY_FILE": str(key),
        "CHAT_DATABASE_URL": "sqlite:///unused",
        "CHAT_LANGGRAPH_URL": "http://127.0.0.1:9",
        **variables,
    }
    run = subprocess.run(
        [sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True
    )
    return run.stdout or run.stderr


def test_https_is_told_by_variables_and_nothing_is_trusted_without_them(tmp_path):
    assert settings_with(tmp_path).splitlines() == [
        "False,False,False",
        "None|[]|['127.0.0.1', 'localhost']",
    ]
    https = {"CHAT_HTTPS": "1", "CHAT_PROXY": "1", "CHAT_HOSTS": "chat.example"}
    assert settings_with(tmp_path, **https, CHAT_ORIGINS="https://www.example:8443").split(
        "\n"
    ) == [
        "True,True,True",
        "('HTTP_X_FORWARDED_PROTO', 'https')|['https://www.example:8443']|['chat.example']",
        "",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CHAT_HTTPS", "yes"),
        ("CHAT_PROXY", "true"),
        ("CHAT_ORIGINS", "chat.example"),
        ("CHAT_ORIGINS", "https://*.example"),
        ("CHAT_ORIGINS", "https://chat.example/login/"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(tmp_path, name, text):
    told = settings_with(tmp_path, **{name: text}).splitlines()[-1]
    assert "ImproperlyConfigured" in told and name in told and text in told


BEHIND_A_PROXY = {
    "ALLOWED_HOSTS": ["chat.example"],
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "LANGUAGE_COOKIE_SECURE": True,
}


def sign_in_through_proxy(**more):
    """Load the form and send it, as a browser at https://chat.example does through a proxy."""
    headers = {"Host": "chat.example", "Origin": "https://chat.example", **more}
    browser = Client(enforce_csrf_checks=True, headers=headers)
    page = browser.get("/login/")
    form = {"username": "ann", "password": PASSWORD}
    token = str(page.context["csrf_token"])
    return browser.post("/login/", {**form, "csrfmiddlewaretoken": token})


def test_a_sign_in_through_a_proxy_works_and_its_cookies_are_secure():
    with override_settings(**BEHIND_A_PROXY):
        answer = sign_in_through_proxy(**{"X-Forwarded-Proto": "https"})
        assert answer.status_code == 302
        assert all(cookie["secure"] for cookie in answer.cookies.values())
        assert sign_in_through_proxy().status_code == 403  # the origin does not fit to http
        other = Client(headers={"Host": "other.example"})
        assert other.get("/login/").status_code == 400
    with override_settings(ALLOWED_HOSTS=["chat.example"]):
        answer = sign_in_through_proxy(**{"X-Forwarded-Proto": "https"})
        assert answer.status_code == 403  # nobody said that there is a proxy
        request = RequestFactory(headers={"X-Forwarded-Proto": "https"}).get("/")
        assert not request.is_secure()
