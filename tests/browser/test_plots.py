"""A plot in a real JupyterLab follows the theme, and goes with it when it changes."""

import io

import pytest
from PIL import Image

from conftest import CHANGE_THEME

pytestmark = [pytest.mark.browser, pytest.mark.soak]

CELLS = [
    "import matplotlib.pyplot as plt\n\nimport course_lib",
    "figure, axes = plt.subplots(figsize=(4, 2))\naxes.plot([1, 2])\nplt.show()",
]


def corner(picture):
    """The brightness of a picture's upper left pixel on the page, from 0 to 255."""
    image = Image.open(io.BytesIO(picture.screenshot()))
    return sum(image.convert("RGB").getpixel((3, 3))) / 3


def test_a_plot_is_dark_in_the_dark_theme_and_light_in_the_light_one(open_notebook):
    notebook = open_notebook("plot.ipynb", CELLS, theme="JupyterLab Dark")
    notebook.run_all()
    picture = notebook.page.locator(".jp-RenderedImage img")
    picture.wait_for()
    notebook.page.wait_for_function(
        "getComputedStyle(document.querySelector('.jp-RenderedImage img')).filter !== 'none'"
    )
    notebook.shoot("plot_dark", ".jp-Notebook")
    assert corner(picture) < 40
    notebook.page.evaluate(CHANGE_THEME, "JupyterLab Light")
    notebook.page.wait_for_function("document.body.dataset.jpThemeLight === 'true'")
    assert corner(picture) > 240
    assert notebook.errors == []
