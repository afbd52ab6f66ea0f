"""A live error in a real JupyterLab: short, with the rest in a part that opens."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.soak]

HEIGHT = 160
"""Highest output of a cell that raises, in pixels."""


def test_live_errors_are_short_and_the_rest_opens(open_notebook):
    notebook = open_notebook("03_build_the_agent.ipynb")
    notebook.run_all()
    page = notebook.page
    areas = page.locator(".jp-OutputArea", has=page.locator(".course-traceback"))
    areas.nth(1).wait_for()
    for area in areas.all():
        area.scroll_into_view_if_needed()
        error = area.locator("[data-mime-type='application/vnd.jupyter.stderr']")
        folded = area.locator(".course-traceback")
        assert folded.bounding_box()["height"] + error.bounding_box()["height"] < HEIGHT
    notebook.shoot("short_error")
    folded.locator("summary").click()
    assert folded.get_by_text("Traceback (most recent call last)").is_visible()
    notebook.shoot("short_error_open")
    assert notebook.errors == []
