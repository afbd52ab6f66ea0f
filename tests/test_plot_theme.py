"""A plot brings the style of its theme with it, and its stored outputs stay as they were."""

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib.display.plot_theme import STYLE, follow_theme

PLOT = "axes = plt.figure().subplots()\naxes.plot([1, 2])\nplt.show()"


@pytest.fixture(scope="module")
def notebook():
    cells = ["import matplotlib.pyplot as plt", "import course_lib", "1", PLOT, PLOT]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client = NotebookClient(made, timeout=60)
    client.execute()
    return made, client


@pytest.mark.soak
def test_a_plot_is_stored_as_a_picture_and_nothing_beside_it(notebook):
    for cell in notebook[0].cells[3:]:
        (shown,) = cell.outputs
        assert set(shown.data) == {"image/png", "text/plain"} and not shown.metadata


def test_the_style_is_sent_once_however_many_plots_there_are(notebook):
    sent = [each for each in notebook[1].widget_state.values() if each.get("_css")]
    assert [each["_css"] for each in sent] == [STYLE]


def test_outside_a_notebook_nothing_is_set_up():
    assert not follow_theme(None)
    assert not follow_theme(object())
