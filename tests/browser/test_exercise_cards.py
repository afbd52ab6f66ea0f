"""The card below a check in a real JupyterLab: legible, used with keys only, and it leads on."""

import json

import pytest

from conftest import opened_pages
from course_lib.settings import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.soak]

NAME = "02_choose_a_reducer.ipynb"
WRONG = "def union(left, right):\n    return [*right, *left]\n\n\nch02.e2.check(union)"
RIGHT = "def keep_last_three(left, right):\n    return [*left, *right][-3:]\n\n\n"
RIGHT += "ch02.e3.check(keep_last_three)"
ENDLESS = "def take_back(messages):\n    while True:\n        pass\n\n\n"
ENDLESS += "ch02.e4.check(take_back)"
CONTRAST = """element => {
  const parts = text => text.match(/[0-9.]+/g).map(Number)
    // Chromium gives a mixed colour as color(srgb 1 1 1), from 0 to 1.
    .map((v, n) => (text.startsWith('color(') && n < 3 ? 255 * v : v));
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  let lowest = 99;
  for (const each of [element, ...element.querySelectorAll('*')]) {
    const own = [...each.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own) continue;
    let behind = each, colour;
    do {
      colour = parts(getComputedStyle(behind).backgroundColor);
      behind = behind.parentElement;
    } while (behind && colour.length > 3 && colour[3] === 0);
    const [low, high] = [light(parts(getComputedStyle(each).color)), light(colour)].sort();
    lowest = Math.min(lowest, (high + 0.05) / (low + 0.05));
  }
  return lowest;
}"""


@pytest.fixture(scope="module")
def run_exercises(lab, pages):
    """The exercises of chapter 02 with a wrong, a right and an endless answer, all cells run."""
    with opened_pages(lab, pages) as open_notebook:
        notebook = json.loads((ROOT / "exercises" / NAME).read_text("utf-8"))
        notebook["cells"].insert(
            2, {**notebook["cells"][1], "id": "limit", "source": "%env COURSE_CHECK_SECONDS=1"}
        )
        for cell in notebook["cells"]:
            for number, source in ((2, WRONG), (3, RIGHT), (4, ENDLESS)):
                is_check = f"ch02.e{number}.check(" in "".join(cell["source"])
                if is_check and cell["cell_type"] == "code":
                    cell["source"] = source
        (lab.folder / NAME).write_text(json.dumps(notebook), encoding="utf-8")
        page = open_notebook("empty.ipynb", ["1"])
        page.page.goto(f"{lab.url}lab/tree/{NAME}?reset")
        page.page.wait_for_function(
            "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status"
            " === 'idle'",
            timeout=60_000,
        )
        page.run_all()
        page.page.locator(".course-outcome").nth(4).wait_for()
        yield page


@pytest.fixture
def worked_in(run_exercises):
    """The same with everything closed that a test has opened."""
    run_exercises.page.bring_to_front()
    run_exercises.page.evaluate(
        "document.querySelectorAll('.course-outcome details').forEach(each => each.open = false)"
    )
    return run_exercises


def test_a_card_is_read_opened_with_keys_and_leads_to_the_next_exercise(worked_in):
    notebook = worked_in
    page = notebook.page
    cards = page.locator(".course-outcome")
    words = [cards.nth(n).locator("b").first.inner_text() for n in range(5)]
    assert [word[2:] for word in words] == [
        "Not attempted",
        "Not yet",
        "Right",
        "Stopped",
        "Not attempted",
    ]
    assert "did not end" in cards.nth(3).inner_text() and "line 2 of" in cards.nth(3).inner_text()
    values = cards.nth(1).locator(".course-compared span")
    left = [values.nth(n).bounding_box()["x"] for n in range(4)]
    assert left[0] == left[2] and left[1] == left[3]  # the two lines are aligned
    hint = cards.nth(1).locator("summary").first
    hint.focus()
    page.keyboard.press("Enter")
    assert cards.nth(1).get_by_text("A set forgets the order.").is_visible()
    assert not cards.nth(1).get_by_text("dict.fromkeys([*left").is_visible()
    cards.nth(1).get_by_text("Solution", exact=True).click()
    cards.nth(1).get_by_text("Show it").click()
    assert cards.nth(1).get_by_text("dict.fromkeys([*left").is_visible()
    cards.nth(1).scroll_into_view_if_needed()
    notebook.shoot("exercise_card_open", ".course-outcome >> nth=1")
    page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
    cards.nth(2).locator("a").click()
    heading = page.locator("h2", has_text="Exercise 4")
    page.wait_for_function(
        "element => { const box = element.getBoundingClientRect();"
        " return box.top >= 0 && box.top < 500; }",
        arg=heading.element_handle(),
    )
    assert notebook.errors == []


def test_cards_are_legible_in_both_themes(worked_in):
    notebook = worked_in
    cards = notebook.page.locator(".course-outcome")
    for card in cards.all():
        card.locator("summary").first.click() if card.locator("summary").count() else None
    for theme in notebook.in_both_themes():
        for card in cards.all():
            assert card.evaluate(CONTRAST) >= 4.5, (theme, card.inner_text())
        cards.nth(1).scroll_into_view_if_needed()
        notebook.shoot(f"exercise_cards_{theme}")


def test_the_progress_is_legible_in_both_themes(open_notebook):
    cells = [
        "from course_lib.exercises import progress\nfrom course_lib.exercises.report import *",
        "progress.record('ch01.e1', 'right')\nshow_progress()",
    ]
    notebook = open_notebook("progress.ipynb", cells)
    notebook.run_all()
    table = notebook.page.locator(".course-report")
    table.wait_for()
    assert table.locator("a").count() > 10
    for theme in notebook.in_both_themes():
        assert table.evaluate(CONTRAST) >= 4.5, theme
        notebook.shoot(f"progress_{theme}")
    assert notebook.errors == []
