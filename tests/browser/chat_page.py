"""What the tests of the two services' pages share."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from course_lib.settings import ROOT

HOSTILE = [e["text"] for e in json.loads((Path(__file__).parents[1] / "hostile.json").read_text())]
ARTEFACTS = ROOT / "artefacts"

READ_IN_PIECES = """async ([script, text]) => {
  const { readEvents } = await import(script);
  const bytes = new TextEncoder().encode(text);
  const results = new Set();
  for (let size = 1; size <= bytes.length; size += 1) {
    const body = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) {
          controller.enqueue(bytes.slice(at, at + size));
        }
        controller.close();
      },
    });
    const events = [];
    for await (const event of readEvents({ body })) events.push(event);
    results.add(JSON.stringify(events));
  }
  return [...results].map((each) => JSON.parse(each));
}"""


def watch(page: Any, errors: list[str], answer: Callable[[], str | None]) -> None:
    """Collect what goes wrong in a page, and accept its dialogs.

    Args:
        page: of Playwright.
        errors: gets the text of each error.
        answer: what to type into a dialog.
    """
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept(answer()))


def check_asked(asked: Collection[str], urls: Collection[str]) -> None:
    """Fail where a page asked another server.

    Args:
        asked: the addresses of all requests.
        urls: of the servers of the test.
    """
    outside = [url for url in asked if not url.startswith(tuple(urls))]
    assert not outside, f"the page asked {outside}"


def send(page: Any, text: str) -> None:
    """Type a message and send it."""
    page.locator("#box").fill(text)
    page.locator("#box").press("Enter")


def idle(page: Any) -> None:
    """Wait until no answer is on its way."""
    # Not wait_for_function: the page's policy forbids what it does to wait.
    page.locator("#log[aria-busy='false']").wait_for()


def focused(page: Any) -> str:
    """The id of what has the keyboard; "" for nothing."""
    return page.evaluate("document.activeElement.id")


def scroll_up(page: Any) -> None:
    """Scroll to the top of the log, as somebody does who reads."""
    page.evaluate("document.getElementById('log').scrollTop = 0")
    page.evaluate("new Promise(requestAnimationFrame)")  # the event "scroll" comes with a frame


def scrolled(page: Any) -> float:
    """How far the log is scrolled down, in pixels."""
    return page.evaluate("document.getElementById('log').scrollTop")


def read_in_pieces(page: Any, script: str, text: str) -> list[list[dict[str, Any]]]:
    """Give a stream of events to `sse.js` in chunks of every size, cut also inside of letters.

    Args:
        page: on the server that has the script.
        script: the path of `sse.js` there.
        text: of the stream.

    Returns:
        Each different list of events that was read; one where the chunks make no difference.
    """
    return page.evaluate(READ_IN_PIECES, [script, text])
