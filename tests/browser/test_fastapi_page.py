"""The page of the chat service in a real Chromium: no network, and no HTML from models."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from chat_page import (
    ARTEFACTS,
    HOSTILE,
    check_asked,
    focused,
    idle,
    read_in_pieces,
    scroll_up,
    scrolled,
    send,
    watch,
)

from course_lib.persistence import postgres
from course_lib.serving import api_workers
from course_lib.settings import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.soak]

TEXTS_PER_TURN = 6
"""Each text stands in a line of its own; a turn for each of them would take half a minute."""


@pytest.fixture(scope="module")
def database():
    with postgres("page", scratch=True) as running:
        yield running


@pytest.fixture(scope="module")
def echo(database):
    """The service around a graph that repeats what it is told."""
    path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    app = "api_graphs:make_app"
    with api_workers(1, database_url=database.url, app=app, variables=path) as running:
        yield running


@pytest.fixture(scope="module")
def namu(database):
    """The service around Namu."""
    with api_workers(1, database_url=database.url) as running:
        yield running


@pytest.fixture
def signed_in(browser):
    """Open the page as a person: `signed_in(workers, user)`. Nothing may ask another server."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    asked, errors, urls = [], [], set()
    context.on("request", lambda request: asked.append(request.url))

    def opened(workers, user, roles=(), page=None):
        urls.add(workers.urls[0])
        page = page or context.new_page()
        watch(page, errors, lambda: None)
        page.goto(f"{workers.urls[0]}/#token={workers.token(user, roles=roles)}")
        page.locator("#box").wait_for()
        return page

    opened.errors = errors
    yield opened
    context.close()
    check_asked(asked, urls)


def ask(page, text):
    """Send a message and return the last answer when the turn is over."""
    before = page.locator(".assistant").count()
    send(page, text)
    page.locator(".assistant").nth(before).wait_for()
    idle(page)
    return page.locator(".assistant").last.inner_text()


def said(page):
    return page.locator(".message").all_inner_texts()


def test_a_conversation_in_two_languages_and_a_booking(namu, signed_in):
    page = signed_in(namu, "ann", roles=["booker"])
    assert "token" not in page.url  # it is taken out of the address at once
    assert "Jongno-gu" in ask(page, "A quiet cafe in Jongno-gu")
    send(page, "book the second one for 4 tomorrow")
    form = page.locator(".question")
    form.wait_for()
    assert form.locator("[name=people]").input_value() == "4"
    page.screenshot(path=ARTEFACTS / "fastapi_page.png")
    form.locator("[name=people]").press("Enter")  # leads to the buttons and agrees to nothing
    assert form.locator(":focus").inner_text() == "Yes"
    page.keyboard.press("Enter")
    page.locator(".assistant", has_text="Booked").wait_for()
    idle(page)
    assert "종로" in ask(page, "종로에 있는 고궁 추천해줘")
    page.reload()
    page.locator(".assistant", has_text="Booked").wait_for()
    page.get_by_role("button", name="New conversation").click()
    page.locator(".message").first.wait_for(state="detached")
    page.get_by_role("button", name="A quiet cafe in Jongno-gu", exact=True).click()
    page.locator(".assistant", has_text="Booked").wait_for()
    assert signed_in.errors == []


def test_tokens_arrive_one_by_one_and_a_reload_in_the_middle_loses_nothing(echo, signed_in):
    page = signed_in(echo, "reload")
    send(page, "slow 200")
    page.locator(".assistant", has_text="w3 ").wait_for()
    first = page.locator(".assistant").inner_text()
    assert "w199" not in first
    page.reload()
    page.locator(".assistant", has_text="w10 ").wait_for()
    assert page.locator("#log").get_attribute("aria-busy") == "true"
    idle(page)
    whole = " ".join(f"w{n}" for n in range(200))
    assert [text.strip() for text in said(page)] == ["slow 200", whole]
    assert ask(page, "and on") == "re: and on"


def test_stop_keeps_the_conversation(echo, signed_in):
    page = signed_in(echo, "stop")
    assert ask(page, "hello") == "re: hello"
    send(page, "slow 400")
    page.locator(".assistant", has_text="w3 ").wait_for()
    page.get_by_role("button", name="Stop").click()
    idle(page)
    page.locator(".assistant", has_text="w3 ").wait_for(state="detached")  # it was not stored
    assert ask(page, "next") == "re: next"


def test_two_tabs_on_one_thread_show_the_same(echo, signed_in):
    one = signed_in(echo, "tabs")
    assert ask(one, "from the first tab") == "re: from the first tab"
    two = signed_in(echo, "tabs")
    two.get_by_role("button", name="from the first tab", exact=True).click()
    two.locator(".assistant").wait_for()
    assert ask(two, "from the second tab") == "re: from the second tab"
    one.bring_to_front()
    one.locator(".assistant", has_text="re: from the second tab").wait_for()
    assert said(one) == said(two)


def test_a_strangers_thread_is_not_there(echo, signed_in):
    page = signed_in(echo, "owner")
    ask(page, "mine alone")
    other = signed_in(echo, "stranger")
    assert "mine alone" not in other.locator("body").inner_text()
    # A stranger who knows the id sees what a thread that does not exist looks like.
    thread = page.evaluate(
        "async () => (await (await fetch('/threads', { headers: { Authorization: "
        "`Bearer ${sessionStorage.getItem('token')}` } })).json())[0].id"
    )
    status = other.evaluate(
        "async (id) => (await fetch(`/state?thread_id=${id}`, { headers: { Authorization: "
        "`Bearer ${sessionStorage.getItem('token')}` } })).status",
        thread,
    )
    assert status == 404


def test_no_hostile_text_runs_or_loads_anything(echo, signed_in):
    """The graph repeats every text, so each one stands there as a message and as model output."""
    page = signed_in(echo, "hostile")
    page.evaluate("window.ran = []; window.alert = (text) => window.ran.push(text); 0")
    texts = [text.replace("\x00", "") for text in HOSTILE if text.strip()]
    for at in range(0, len(texts), TEXTS_PER_TURN):
        ask(page, "\n".join(texts[at : at + TEXTS_PER_TURN])[:4000])
    assert page.evaluate("window.ran") == []
    assert page.locator("#log script, #log img, #log iframe, #log svg, #log a").count() == 0
    page.get_by_role("button", name="New conversation").click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") == []


def test_everything_by_keyboard(echo, signed_in):
    page = signed_in(echo, "keys")
    page.keyboard.type("ask me")
    page.keyboard.press("Enter")
    page.locator(".question").wait_for()
    page.locator(".question :focus").wait_for()
    page.keyboard.press("Enter")  # the focus is on the answer
    page.locator(".assistant", has_text="You said yes.").wait_for()
    idle(page)
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"new", "log", "box", "send"} <= reached


def test_a_narrow_window_and_a_dark_theme(echo, signed_in):
    page = signed_in(echo, "narrow")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 640})
    ask(page, "a" * 200 + " and some words " * 10)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    box = page.locator("#box").bounding_box()
    assert box["y"] + box["height"] <= 640
    page.screenshot(path=ARTEFACTS / "fastapi_page_narrow.png")


def test_an_expired_token_leads_to_the_sign_in(echo, signed_in, browser):
    page = browser.new_page()
    page.goto(f"{echo.urls[0]}/#token=not-a-token")
    page.locator("#sign-in-problem", has_text="not valid").wait_for()
    page.locator("#token").fill(echo.token("ann"))
    page.get_by_role("button", name="Sign in").click()
    page.locator("#box").wait_for()
    page.close()


def test_a_question_takes_no_key_from_somebody_who_writes(echo, signed_in):
    page = signed_in(echo, "writes")
    send(page, "ask me")
    page.locator("#box").fill("the next")
    page.locator(".question").wait_for()
    idle(page)
    page.keyboard.type(" message")
    assert page.locator("#box").input_value() == "the next message"
    page.keyboard.press("Enter")  # not the "Yes" of the question
    page.locator(".problem", has_text="Answer its question first").wait_for()
    idle(page)
    assert page.locator(".question").count() == 1
    assert page.locator("#box").input_value() == "the next message"


def test_the_keyboard_is_not_lost_with_a_button_that_goes_away(echo, signed_in):
    page = signed_in(echo, "focus")
    page.locator("#box").fill("slow 400")
    page.locator("#send").press("Enter")
    page.locator(".assistant", has_text="w3 ").wait_for()
    assert focused(page) == "box"
    page.locator("#box").fill("too early")
    page.locator("#box").press("Enter")
    page.locator("#status", has_text="An answer is being written").wait_for()
    page.locator("#box").fill("")
    page.locator("#stop").press("Enter")
    idle(page)
    assert focused(page) == "box"
    send(page, "ask me")
    page.locator(".question :focus").wait_for()
    page.keyboard.press("Enter")
    page.locator(".assistant", has_text="You said yes.").wait_for()
    idle(page)
    assert focused(page) == "box"


def test_reload_back_and_forward_show_the_same_conversations(echo, signed_in):
    page = signed_in(echo, "history")
    ask(page, "first")
    page.get_by_role("button", name="New conversation").click()
    page.locator(".message").first.wait_for(state="detached")
    ask(page, "second")
    page.reload()
    page.locator(".assistant", has_text="re: second").wait_for()
    page.go_back()
    page.locator(".assistant", has_text="re: first").wait_for()
    page.go_forward()
    page.locator(".assistant", has_text="re: second").wait_for()
    send(page, "slow 200")
    page.locator(".assistant", has_text="w3 ").wait_for()
    page.go_back()  # an answer is being written: the page stays
    page.locator("#status", has_text="An answer is being written").wait_for()
    idle(page)
    assert said(page)[:3] == ["second", "re: second", "slow 200"]


@pytest.mark.parametrize("size", [4_001, 70_000])
def test_a_message_that_is_too_long_is_kept_in_the_box(echo, signed_in, size):
    page = signed_in(echo, f"long {size}")
    send(page, "x" * size)
    page.locator(".problem", has_text="Shorten it").wait_for()
    idle(page)
    assert len(page.locator("#box").input_value()) == size
    assert page.locator(".person").count() == 0
    assert ask(page, "가나다라" * 1000) == "re: " + "가나다라" * 1000


def test_whoever_scrolled_up_is_left_to_read(echo, signed_in):
    page = signed_in(echo, "reads")
    send(page, "slow 200\n" + "one line\n" * 60)
    page.locator(".assistant", has_text="w3 ").wait_for()
    scroll_up(page)
    page.locator(".assistant", has_text="w199").wait_for(timeout=60_000)
    idle(page)
    assert scrolled(page) == 0
    ask(page, "and on")
    assert scrolled(page) > 0


def test_signing_out_and_in_as_another_shows_nothing_of_the_first(echo, signed_in):
    page = signed_in(echo, "leaves")
    ask(page, "a secret")
    address = page.url
    page.get_by_role("button", name="Sign out").click()
    assert page.url == f"{echo.urls[0]}/" and page.evaluate("sessionStorage.length") == 0
    page.locator("#token").fill(echo.token("comes"))
    page.locator("#token").press("Enter")
    page.locator("#box").wait_for()
    assert "secret" not in page.locator("body").inner_text()
    page.goto(address)  # the first person's conversation
    page.locator(".problem", has_text="no longer there").wait_for()
    page.goto(f"{echo.urls[0]}/#token={echo.token('leaves')}")  # only the part behind "#" changes
    page.get_by_role("button", name="a secret", exact=True).wait_for()
    assert "token" not in page.url


def test_a_token_that_expires_costs_no_text_and_gives_it_to_nobody_else(echo, browser):
    """Two pages with one token. At the first the same person signs in again, then at the second
    somebody else."""
    one, two = browser.new_page(), browser.new_page()
    lifetime, began = timedelta(seconds=12), time.monotonic()
    token = echo.token("slow writer", lifetime=lifetime)
    for page in (one, two):
        page.goto(f"{echo.urls[0]}/#token={token}")
        page.locator("#box").wait_for()
    ask(one, "in time")
    one.wait_for_timeout(1000 * max(0.0, lifetime.total_seconds() + 1 - time.monotonic() + began))
    for page in (one, two):
        page.bring_to_front()
        send(page, "too late")
        page.locator("#sign-in-problem", has_text="expired").wait_for()
        assert page.locator("#box").input_value() == ""
    for page, user, text in (
        (one, "slow writer", "too late"),
        (two, "somebody else", ""),
        (two, "slow writer", ""),  # it was given up
    ):
        page.locator("#token").fill(echo.token(user))
        page.locator("#token").press("Enter")
        page.locator("#box").wait_for()
        assert page.locator("#box").input_value() == text
        if page is two:
            page.get_by_role("button", name="Sign out").click()
    one.locator(".assistant", has_text="re: in time").wait_for()
    one.close()
    two.close()


def test_a_conversation_that_is_deleted_elsewhere_is_told(echo, signed_in):
    page = signed_in(echo, "two devices")
    ask(page, "here")
    other = signed_in(echo, "two devices")
    other.get_by_role("button", name="Delete here").click()
    other.locator("#threads li").wait_for(state="detached")
    page.bring_to_front()
    page.locator("#box").fill("half a mess")
    page.locator(".problem", has_text="no longer there").wait_for()
    assert page.locator("#box").input_value() == "half a mess"
    page.locator("#box").press("Enter")
    page.locator(".assistant", has_text="re: half a mess").wait_for()


def test_a_service_that_is_away_signs_nobody_out_and_is_told(echo, signed_in):
    page = signed_in(echo, "away")
    ask(page, "before")
    page.route("**/threads?*", lambda route: route.abort())
    page.reload()
    page.locator("#sign-in-problem", has_text="cannot be reached").wait_for()
    page.unroute("**/threads?*")
    page.locator("#token").press("Enter")  # it still stands there
    page.locator(".assistant", has_text="re: before").wait_for()
    send(page, "slow 60")
    page.locator(".assistant", has_text="w3 ").wait_for()
    echo.kill(0)
    page.locator("#status", has_text="The connection broke").wait_for()
    echo.restart(0)
    page.locator(".assistant", has_text="w59").wait_for(timeout=60_000)
    idle(page)
    assert [text.strip()[-3:] for text in said(page)] == ["ore", "ore", " 60", "w59"]


def test_a_stream_that_is_cut_anywhere_is_parsed(echo, browser):
    page = browser.new_page()
    page.goto(echo.urls[0])
    text = (
        ': ping\r\n\r\nevent: token\r\ndata: {"text": "한국어 😀"}\r\nid: r:1\r\n\r\n'
        'event: token\ndata: {"text":\ndata: "two lines"}\n\ndata: {"cut": true}\n'
    )
    found = read_in_pieces(page, "/sse.js", text)
    assert found == [
        [
            {"event": "token", "id": "r:1", "data": {"text": "한국어 😀"}},
            {"event": "token", "id": "", "data": {"text": "two lines"}},
        ]
    ]
    page.close()
