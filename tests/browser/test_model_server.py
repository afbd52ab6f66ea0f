"""Chapter 15's panel in a real browser, with a real vLLM server behind it (`make test-vllm`)."""

import nbformat
import pytest

from course_lib.places import load_places
from course_lib.settings import ROOT

pytestmark = pytest.mark.browser

RUN = (
    "code => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    ".requestExecute({code}).done.then(() => true)"
)


def cells_up_to_the_panel():
    notebook = nbformat.read(ROOT / "notebooks" / "15_serve_the_model_yourself.ipynb", 4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    last = next(n for n, source in enumerate(cells) if "\nChatPanel(" in source)
    return cells[: last + 1]


def test_the_panel_talks_to_the_server_and_outlives_it(open_notebook):
    notebook = open_notebook("15.ipynb", cells_up_to_the_panel())
    notebook.run_all(seconds=240)
    page = notebook.page
    page.locator(".namu-panel").scroll_into_view_if_needed()

    answer = notebook.ask("a museum in Yongsan")
    names = [place.name_en for place in load_places()]
    assert any(name in answer for name in names), answer
    korean = notebook.ask("두 번째는 어떤 곳이야?")
    assert any("가" <= letter <= "힣" for letter in korean)
    notebook.shoot("model_server")

    page.evaluate(RUN, "server.stop()")
    page.locator(".namu-box").fill("something cheaper")
    page.locator(".namu-box").press("Enter")
    page.locator(".namu-problem").wait_for()
    problem = page.locator(".namu-problem").inner_text()
    assert "Nobody answers at http://127.0.0.1:" in problem
    assert "something cheaper" in page.locator(".namu-log").inner_text()
    notebook.shoot("model_server_gone")

    # On the same port again: the message is there, and is answered.
    again = "server = vllm_server(port=int(server.url.rsplit(':', 1)[1]), on_progress=None)"
    page.set_default_timeout(120_000)
    page.evaluate(RUN, again)
    before = page.locator(".namu-answer").count()
    page.get_by_role("button", name="Try again", exact=True).click()
    page.locator(".namu-answer").nth(before).wait_for()
    notebook.idle()
    page.evaluate(RUN, "server.stop()")
    assert notebook.errors == []
