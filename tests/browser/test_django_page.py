"""The page of the Django site in a real Chromium: no network, and no HTML from models."""

from __future__ import annotations

import json

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
from served_graphs import write_config

from course_lib.serving import django_site, langgraph_server

pytestmark = [pytest.mark.browser, pytest.mark.soak]

PASSWORD = "correct horse battery"
NAMES = (
    *("ann", "reload", "tabs", "owner", "hostile", "keys", "edits", "lost"),
    *("writes", "focus", "reads", "leaves", "comes", "devices", "editor", "long"),
)
SESSIONS = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
store = import_module(settings.SESSION_ENGINE).SessionStore
sessions = {}
for name in NAMES:
    user = get_user_model().objects.create_user(name)
    session = store()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    sessions[name] = session.session_key
print(json.dumps(sessions))
"""
"""Signs people in without a form: a password is slow to hash, and should be."""


@pytest.fixture(scope="module")
def langgraph(tmp_path_factory):
    """One LangGraph server for all tests of this file."""
    with langgraph_server(write_config(tmp_path_factory.mktemp("graphs"))) as running:
        yield running


@pytest.fixture(scope="module")
def echo(langgraph):
    """The site around a graph that repeats what it is told."""
    with django_site(langgraph.url, assistant="echo") as running:
        running.sessions = json.loads(
            running.manage("shell", "-v0", "-c", f"NAMES = {NAMES!r}{SESSIONS}")
        )
        yield running


@pytest.fixture(scope="module")
def namu(langgraph):
    """The site around Namu."""
    with django_site(langgraph.url) as running:
        running.add_person("ann", PASSWORD)
        running.sessions = {}
        yield running


@pytest.fixture
def signed_in(browser):
    """Open the page as a person: `signed_in(site, name)`. Nothing may ask another server."""
    contexts, asked, errors, urls = [], [], [], set()

    def opened(site, name, locale="en"):
        urls.add(site.url)
        size = {"width": 1280, "height": 800}
        context = browser.new_context(viewport=size, locale=locale, base_url=site.url)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        watch(page, errors, lambda: opened.typed)
        if name in site.sessions:
            cookie = {"name": "chat_session", "value": site.sessions[name], "url": site.url}
            page.context.add_cookies([cookie])
            page.goto("/")
        else:
            page.goto("/")
            page.locator("#id_username").fill(name)
            page.locator("#id_password").fill(PASSWORD)
            page.locator("#id_password").press("Enter")
        page.locator("#box:enabled").wait_for()
        return page

    opened.errors = errors
    opened.typed = ""
    yield opened
    for context in contexts:
        context.close()
    check_asked(asked, urls)


def ask(page, text):
    """Send a message and return the last answer when the turn is over and shown as stored."""
    before = page.locator(".assistant").count()
    send(page, text)
    page.locator(".assistant .tools").nth(before).wait_for(timeout=60_000)
    idle(page)
    return page.locator(".assistant .text").last.inner_text()


def list_read(page):
    """Wait, after what is done inside, until the list is read anew: its answer sets cookies."""
    return page.expect_response(lambda response: response.url == page.url)


def said(page):
    return [text.strip() for text in page.locator(".message .text").all_inner_texts()]


def test_a_conversation_in_english_and_a_booking(namu, signed_in):
    page = signed_in(namu, "ann")
    assert "Jongno-gu" in ask(page, "A quiet cafe in Jongno-gu")
    send(page, "book the second one for 4 tomorrow")
    form = page.locator(".question")
    form.wait_for()
    idle(page)
    assert form.locator("[name=people]").input_value() == "4"
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / "django_page.png")
    form.locator("[name=people]").press("Enter")  # leads to the buttons and agrees to nothing
    assert form.locator(":focus").inner_text() == "Yes"
    page.keyboard.press("Enter")
    page.locator(".assistant", has_text="Booked").wait_for()
    idle(page)
    page.reload()
    page.locator(".assistant", has_text="Booked").wait_for()
    assert page.locator(".question").count() == 0
    assert signed_in.errors == []


def test_a_conversation_in_korean_on_a_korean_page(namu, signed_in):
    page = signed_in(namu, "ann", locale="ko-KR")
    page.get_by_role("button", name="새 대화").click()
    page.locator("#log:not(:has(.message))").wait_for()
    assert page.locator("html").get_attribute("lang") == "ko"
    assert "종로" in ask(page, "종로에 있는 고궁 추천해줘")
    send(page, "첫 번째 예약해줘")
    form = page.locator(".question")
    form.wait_for()
    form.get_by_role("button", name="아니요").click()
    form.wait_for(state="detached")
    page.locator(".assistant .tools").nth(1).wait_for()
    page.screenshot(path=ARTEFACTS / "django_page_korean.png")
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Send", exact=True).wait_for()
    assert signed_in.errors == []


def test_tokens_arrive_one_by_one_and_a_reload_in_the_middle_loses_nothing(echo, signed_in):
    page = signed_in(echo, "reload")
    send(page, "slow 80")
    page.locator(".assistant", has_text="w3 ").wait_for()
    assert "w79" not in page.locator(".assistant").inner_text()
    assert page.locator("#status .running").inner_text() == "answer"
    page.reload()
    page.locator(".assistant", has_text="w10 ").wait_for()
    assert page.locator("#log").get_attribute("aria-busy") == "true"
    idle(page)
    whole = " ".join(f"w{n}" for n in range(80))
    page.locator(".assistant .tools").wait_for()
    assert said(page) == ["slow 80", whole]
    send(page, "slow 400")
    page.locator(".assistant", has_text="w3 ").nth(1).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator("#status", has_text="Stopped.").wait_for()
    assert ask(page, "and on") == "re: and on"


def test_two_tabs_on_one_thread_show_the_same(echo, signed_in):
    one = signed_in(echo, "tabs")
    assert ask(one, "from the first tab") == "re: from the first tab"
    two = one.context.new_page()
    two.goto("/")
    two.locator(".assistant .tools").wait_for()
    send(two, "slow 100")
    two.locator(".assistant", has_text="w3 ").wait_for()
    one.bring_to_front()
    one.locator(".assistant", has_text="w6 ").wait_for()  # the same run, while it goes on
    assert one.locator("#log").get_attribute("aria-busy") == "true"
    one.locator(".assistant .tools").nth(1).wait_for()
    two.locator(".assistant .tools").nth(1).wait_for()
    assert said(one) == said(two) and len(said(one)) == 4


def test_a_strangers_thread_is_not_there(echo, signed_in):
    page = signed_in(echo, "owner")
    ask(page, "mine alone")
    path = page.evaluate("location.pathname")
    assert path.startswith("/t/")
    other = signed_in(echo, "ann")
    assert "mine alone" not in other.locator("body").inner_text()
    assert other.goto(path).status == 404
    hidden = other.locator("body").inner_text()
    assert other.goto("/t/7b795f4a-f48e-5d20-a66a-008516083ac0/").status == 404
    assert other.locator("body").inner_text() == hidden and "mine alone" not in hidden


def test_no_hostile_text_runs_or_loads_anything(echo, signed_in):
    """The graph repeats every text, so each one stands there as a message and as model output."""
    page = signed_in(echo, "hostile")
    page.evaluate("window.ran = []; window.alert = (text) => window.ran.push(text); 0")
    texts = [text.replace("\x00", "") for text in HOSTILE if text.strip()]
    lots = ["\n".join(texts[at : at + 40])[:4000] for at in range(0, len(texts), 40)]
    for text in [*lots, "<script>alert(1)</script>", "</script><img src=x onerror=alert(2)>"]:
        ask(page, text)
    inside = "#log script, #log img, #log iframe, #log svg, #log a, #threads img, #threads script"
    assert page.evaluate("window.ran") == [] and page.locator(inside).count() == 0
    before = said(page)
    page.reload()  # now the template has written them
    page.evaluate("window.ran = []; window.alert = (text) => window.ran.push(text); 0")
    page.locator(".assistant .tools").last.wait_for()
    assert page.evaluate("window.ran") == [] and page.locator(inside).count() == 0
    assert said(page) == before
    assert not any("Content Security Policy" in each for each in signed_in.errors)


def test_everything_by_keyboard(echo, signed_in):
    page = signed_in(echo, "keys")
    page.keyboard.type("ask me")  # the focus is on the box
    page.keyboard.press("Enter")
    page.locator(".question :focus").wait_for()
    page.keyboard.press("Enter")
    page.locator(".assistant", has_text="You said yes.").wait_for()
    page.locator(".assistant .tools").wait_for()
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
        )
    assert {"new", "log", "box", "send", "instruct", "shorten", "Edit", "Delete"} <= reached


def test_messages_are_edited_deleted_summed_up_and_instructed(echo, signed_in):
    page = signed_in(echo, "edits")
    ask(page, "one")
    ask(page, "two")
    first = page.locator(".person").first
    first.get_by_role("button", name="Edit").click()
    first.locator("textarea").fill("the first")
    first.get_by_role("button", name="Save").click()
    page.locator(".person .text", has_text="the first").wait_for()
    page.locator(".assistant").first.get_by_role("button", name="Delete").click()
    page.locator(".message").nth(3).wait_for(state="detached")
    assert said(page) == ["the first", "two", "re: two"]
    signed_in.typed = "Be brief."
    page.get_by_role("button", name="Add an instruction").click()
    page.locator(".system", has_text="Be brief.").wait_for()
    ask(page, "three")
    page.get_by_role("button", name="Shorten").click()
    page.locator(".system", has_text="asked for").wait_for()
    summary, *kept = said(page)
    assert summary.endswith("the first; two") and kept == ["three", "re: three"]
    page.reload()
    assert said(page) == [summary, *kept]
    assert signed_in.errors == []


def test_a_lost_thread_and_a_server_that_comes_back(echo, signed_in, langgraph):
    from langgraph_sdk import get_sync_client

    page = signed_in(echo, "lost")
    ask(page, "before")
    thread = page.evaluate("location.pathname").split("/")[2]
    get_sync_client(url=langgraph.url).threads.delete(thread)
    send(page, "after")
    page.locator(".assistant", has_text="re: after").wait_for()
    page.locator(".person", has_text="before").wait_for(state="detached")
    page.locator(".problem", has_text="a new one begins here").wait_for()
    assert said(page) == ["after", "re: after"]
    assert page.evaluate("location.pathname").split("/")[2] != thread
    # The network between the browser and the site breaks in the middle of an answer.
    send(page, "slow 80")
    page.locator(".assistant", has_text="w3 ").wait_for()
    echo.kill()
    page.locator("#status", has_text="The connection broke").wait_for()
    with list_read(page):
        echo.restart()
        page.locator(".assistant", has_text="w79").wait_for(timeout=60_000)
        page.locator(".assistant .tools").nth(1).wait_for()
    assert said(page)[-1] == " ".join(f"w{n}" for n in range(80))
    page.context.clear_cookies()
    send(page, "signed out")
    page.locator(".problem", has_text="out of date").wait_for()


def test_a_narrow_window_and_a_dark_theme(echo, signed_in):
    page = signed_in(echo, "ann")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 640})
    ask(page, "a" * 200 + " and some words " * 10)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for part in ("#box", "#account"):  # nothing has to be scrolled into sight
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 640
    assert page.get_by_role("button", name="Sign out").is_visible()
    account, bar = (page.locator(part).bounding_box() for part in ("#account", "nav"))
    assert account["y"] + account["height"] <= bar["y"] + bar["height"]
    page.screenshot(path=ARTEFACTS / "django_page_narrow.png")


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
    page.locator("#stop").press("Enter")
    page.locator("#status", has_text="Stopped.").wait_for()
    assert focused(page) == "box"
    send(page, "ask me")
    page.locator(".question :focus").wait_for()
    page.keyboard.press("Enter")
    page.locator(".assistant", has_text="You said yes.").wait_for()
    page.locator(".assistant .tools").wait_for()
    assert focused(page) == "box"


def test_a_message_that_is_too_long_is_kept_in_the_box(echo, signed_in):
    page = signed_in(echo, "long")
    for text in ("x" * 4_001, "😀" * 4_001, "x" * 70_000):
        send(page, text)
        page.locator("#status", has_text="longer than 4000 letters").wait_for()
        assert page.locator("#box").input_value() == text and page.locator(".person").count() == 0
    assert ask(page, "😀" * 4_000) == "re: " + "😀" * 4_000


def test_whoever_scrolled_up_is_left_to_read(echo, signed_in):
    page = signed_in(echo, "reads")
    send(page, "slow 200\n" + "one line\n" * 60)
    page.locator(".assistant", has_text="w3 ").wait_for()
    scroll_up(page)
    page.locator(".assistant", has_text="w199").wait_for(timeout=60_000)
    page.locator(".assistant .tools").wait_for()
    assert scrolled(page) == 0
    ask(page, "and on")
    assert scrolled(page) > 0


def test_whoever_was_signed_out_gets_the_text_back_and_nobody_else(echo, signed_in):
    page = signed_in(echo, "leaves")
    with list_read(page):
        ask(page, "a secret")
    for name in ("leaves", "comes"):
        page.context.clear_cookies(name="chat_session")  # signed out in another window
        send(page, "written too late")
        page.locator(".problem", has_text="You are signed out").wait_for()
        cookie = {"name": "chat_session", "value": echo.sessions[name], "url": echo.url}
        page.context.add_cookies([cookie])
        if name == "leaves":
            page.locator(".problem a", has_text="Sign in").click()
            page.locator("#box:enabled").wait_for()
            assert page.locator("#box").input_value() == "written too late"
    page.goto("/")
    page.locator("#box:enabled").wait_for()
    assert page.locator("#box").input_value() == ""
    assert "secret" not in page.locator("body").inner_text()


def test_a_conversation_that_is_deleted_elsewhere_is_told(echo, signed_in):
    page = signed_in(echo, "devices")
    ask(page, "here")
    other = page.context.new_page()
    watch(other, [], lambda: None)
    other.goto("/")
    other.get_by_role("button", name="Delete: here").click()
    other.locator("#threads li").wait_for(state="detached")
    page.bring_to_front()
    page.locator("#box").fill("half a mess")
    page.locator(".problem", has_text="was deleted").wait_for()
    assert page.locator("#box").input_value() == "half a mess"
    assert ask(page, "half a message") == "re: half a message"


def test_an_edit_that_is_refused_or_given_up_loses_nothing(echo, signed_in):
    page = signed_in(echo, "editor")
    ask(page, "one")
    mine = page.locator(".person").first
    mine.get_by_role("button", name="Edit").press("Enter")
    assert mine.get_by_role("button").all_inner_texts() == ["Save", "Cancel"]
    page.keyboard.press("Escape")
    assert mine.locator("textarea").count() == 0
    assert mine.get_by_role("button", name="Edit").evaluate("e => e === document.activeElement")
    page.keyboard.press("Enter")
    mine.locator("textarea").fill("  ")
    mine.get_by_role("button", name="Save").click()
    page.locator(".problem", has_text="The message is empty").wait_for()
    assert mine.locator("textarea").count() == 1
    ask(page, "meanwhile")  # a turn goes by while the editor is open
    mine.locator("textarea").fill("the first")
    mine.get_by_role("button", name="Save").press("Enter")
    page.locator(".person .text", has_text="the first").wait_for()
    mine.locator("textarea").wait_for(state="detached")
    assert said(page) == ["the first", "re: one", "meanwhile", "re: meanwhile"]


def test_a_stream_that_is_cut_anywhere_is_parsed(echo, browser):
    page = browser.new_page()
    page.goto(f"{echo.url}/login/")
    text = (
        'event: start\ndata: {"run_id": "r"}\n\nevent: token\nid: 17-0\n'
        'data: {"text": "한국어 😀"}\n\n: ping\n\nevent: end\ndata: {"cut": true}\n'
    )
    found = read_in_pieces(page, "/static/chat/sse.js", text)
    start = {"event": "start", "id": "", "data": {"run_id": "r"}}
    token = {"event": "token", "id": "17-0", "data": {"text": "한국어 😀"}}
    assert found == [[start, token]]  # the last one was never finished
    page.close()
