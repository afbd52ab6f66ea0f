"""A forged form in a real Chromium: which pages' requests carry the cookies of the Django site."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from course_lib.serving import django_site
from course_lib.serving.http_thread import serve

pytestmark = [pytest.mark.browser, pytest.mark.soak]

SESSION = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
user = get_user_model().objects.create_user("ann")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key)
"""
"""Signs a person in without a form."""


@pytest.fixture(scope="module")
def site():
    with django_site("http://127.0.0.1:9") as running:  # no LangGraph server is asked here
        running.session = running.manage("shell", "-v0", "-c", SESSION)
        yield running


@pytest.fixture(scope="module")
def forger(site):
    """The port of a page that posts a form to the site, with JSON as its text."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            form = (
                f'<!doctype html><form method="post" enctype="text/plain" action="{site.url}/new/">'
                "<input name='{\"a\": \"' value='\"}'><button>A prize</button></form>"
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(form)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        serve(server)
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("host", "carried"),
    [
        ("127.0.0.1", True),  # another port is the same site for `SameSite`
        ("localhost", False),
    ],
)
def test_a_form_of_another_port_carries_the_cookies_and_is_refused(
    site, forger, browser, host, carried
):
    context = browser.new_context()
    lax = {"name": "chat_session", "value": site.session, "url": site.url, "sameSite": "Lax"}
    context.add_cookies([lax])
    page = context.new_page()
    assert page.goto(site.url).url == f"{site.url}/"  # signed in
    page.goto(f"http://{host}:{forger}/")
    with page.expect_navigation() as navigation:
        page.get_by_role("button").click()
    response = navigation.value
    sent = response.request
    assert sent.post_data.strip() == '{"a": "="}'
    assert (site.session in sent.all_headers().get("cookie", "")) is carried
    assert response.status == 403
    context.close()
