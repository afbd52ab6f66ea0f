"""How late a page shows what the model made: used by `pages.py` and `service.py`.

The graph answers `stamp` with one token, the time at which the model made it. The page's process
and the service's run on one machine, so they share its clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WATCH = """() => {
  window.delays = [];
  new MutationObserver(() => {
    const all = document.querySelectorAll('.assistant');
    const made = all[all.length - 1]?.textContent.match(/made at (\\d+)/);
    if (made && all.length > window.delays.length) {
      window.delays.push(Date.now() - Number(made[1]));
    }
  }).observe(document.getElementById('log'), {
    childList: true, subtree: true, characterData: true,
  });
}"""
"""Notes the first moment at which each answer is in the page."""

SHOWN = """(count) => new Promise((resolve, reject) => {
  const late = setTimeout(() => reject(new Error(`answer ${count} did not come`)), 60_000);
  const look = () => {
    if (window.delays.length < count) return setTimeout(look, 5);
    clearTimeout(late);
    return resolve();
  };
  look();
})"""
"""Waits for an answer. A fast one has come and gone before anybody could see `aria-busy`; and the
policy of the pages forbids what Playwright's `wait_for_function` does."""


def page_delays(pages: Mapping[str, Any], stamps: int) -> dict[str, list[float]]:
    """From the model's token to its letters in each page, in milliseconds.

    Args:
        pages: by name; each is signed in, and shows a new conversation.
        stamps: how many messages to send to each page, in turn, after one that is not measured.
    """
    for page in pages.values():
        page.locator("#box:enabled").wait_for()
        page.evaluate(WATCH)
    for sent in range(1, stamps + 2):
        for page in pages.values():
            page.bring_to_front()
            page.locator("#box").fill("stamp")
            page.locator("#box").press("Enter")
            page.evaluate(SHOWN, sent)
            page.locator("#log[aria-busy='false']").wait_for()
    return {name: page.evaluate("window.delays")[1:] for name, page in pages.items()}
