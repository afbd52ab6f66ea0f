"""The checkpoint tree of chapter 08 in a real JupyterLab: by mouse and by keyboard."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.soak]

ROW = ".namu-tree .namu-checkpoint"
DETAIL = ".namu-tree .namu-tree-detail"


def test_tree_shows_the_state_of_what_is_chosen_and_forks_from_there(open_notebook):
    notebook = open_notebook("08_travel_in_time.ipynb")
    notebook.run_all()
    page = notebook.page
    rows = page.locator(ROW)
    rows.first.scroll_into_view_if_needed()
    assert rows.count() == 25
    rows.nth(2).click()
    page.wait_for_function(
        "document.querySelector('.namu-tree-detail').textContent.includes('q') "
        "|| document.querySelector('.namu-tree-detail').textContent.includes('hello')"
    )
    assert "human: hello" in page.locator(DETAIL).inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelectorAll('.namu-checkpoint[aria-selected=true]')[0]"
        ".getAttribute('aria-label').includes('25')"
    )
    for theme in notebook.in_both_themes():
        notebook.shoot(f"tree_{theme}", ".namu-tree")
    assert notebook.errors == []
