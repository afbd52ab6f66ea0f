"""A real JupyterLab and a real Chromium, shared by all browser tests."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from panel_cells import IMPORTS, PANEL

from course_lib.doctor import find_chromium, install_hint
from course_lib.serving import free_port, start
from course_lib.settings import ROOT, read_settings

ARTEFACTS = ROOT / "artefacts"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
IDLE = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
}"""


SHOWS = "path => window.jupyterapp.shell.currentWidget?.context?.path === path"
THEMED = """theme => document.body.dataset.jpThemeName === theme
    && !document.getElementById('jupyterlab-splash')"""
"""JupyterLab sets the name when the style sheet of the theme is there, and takes its splash screen
away 0.2 s later. It takes it away twice, which is an error, if the theme is changed before that."""
LAB_DEFAULTS = "--LabApp.app_settings_dir=tools/jupyterlab"
"""As `make lab` and the README's command for conda have it, in the course's folder."""

CHANGE_THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
CLEAR = """async () => {
  if (document.querySelector('.jp-Dialog')) return false;
  const app = window.jupyterapp;
  for (const widget of [...app.shell.widgets('main')]) {
    try {
      await widget.sessionContext?.shutdown();
    } catch {} // it has ended already
    widget.dispose();
  }
  return !document.querySelector('.jp-Notebook');
}"""
VIEWPORT = {"width": 1280, "height": 900}


@dataclass
class Lab:
    """A running JupyterLab over a folder of its own, so that autosave changes nothing here."""

    url: str
    folder: Path
    home: Path

    def forget_conversations(self) -> None:
        """Begin without the conversations that earlier notebooks kept in the learner's file."""
        for file in (self.home / "course").glob("conversations.db*"):
            file.unlink()

    def place(self, name: str, cells: list[str] | None = None) -> str:
        """Put a chapter, or a notebook with these code cells, into the folder; return its path."""
        path = self.folder / f"{Path(name).stem}-{uuid4().hex[:6]}.ipynb"
        if cells is None:
            shutil.copy(ROOT / "notebooks" / name, path)
        else:
            chapter = json.loads((ROOT / "notebooks/00_start_here.ipynb").read_text("utf-8"))
            empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
            chapter["cells"] = [{**empty, "id": f"c{n}", "source": s} for n, s in enumerate(cells)]
            path.write_text(json.dumps(chapter), encoding="utf-8")
        return path.name


@contextmanager
def running_lab(folder: Path, home: Path, python: str = sys.executable) -> Iterator[Lab]:
    """Serve a folder with JupyterLab.

    Args:
        folder: what to serve.
        home: where its settings and its log go.
        python: of the environment to run it from.
    """
    # Keep every cell in the page, so that a test can look at those out of sight.
    tracker = home / "settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text('{"windowingMode": "none"}')
    variables = {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "COURSE_HOME": str(home / "course"),
    }
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        python,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={folder}",
        LAB_DEFAULTS,  # a chat is saved with its notebook
    ]
    with start(command, url, "/api", cwd=ROOT, variables=variables):
        yield Lab(f"{url}/", folder, home)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = find_chromium()
    if path is None:
        message = f"No Chromium found. {install_hint()}"
        if read_settings().require_browser:
            pytest.fail(f"{message} (COURSE_REQUIRE_BROWSER is set.)")
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Notebook:
    """One notebook, open in the browser, with every error that the console told."""

    page: Any
    errors: list[str]

    def run_all(self, seconds: int = 90) -> None:
        """Run all cells and wait, at most so long, until the kernel has done the last one."""
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_function(IDLE, timeout=1000 * seconds)

    def ask(self, text: str) -> str:
        """Write into the panel, send with Enter and return the finished answer."""
        answers = self.page.locator(".namu-answer .namu-text")
        before = answers.count()
        self.page.locator(".namu-box").fill(text)
        self.page.locator(".namu-box").press("Enter")
        answers.nth(before).wait_for(timeout=20_000)
        self.idle()
        return answers.nth(before).inner_text()

    def idle(self) -> None:
        """Wait until the panel's run is over."""
        self.page.wait_for_function(
            "document.querySelector('.namu-log').getAttribute('aria-busy') === 'false'"
        )

    def in_both_themes(self) -> Iterator[str]:
        """Show the page as it stands in the dark theme, then in the light one.

        Returns:
            `dark` and `light`, each while the page is shown so.
        """
        for theme in ("Dark", "Light"):
            self.page.evaluate(CHANGE_THEME, f"JupyterLab {theme}")
            self.page.wait_for_function(THEMED, arg=f"JupyterLab {theme}")
            yield theme.lower()

    def shoot(self, name: str, selector: str | None = None) -> None:
        """Keep a picture of the page, or of one element, for people to look at."""
        ARTEFACTS.mkdir(exist_ok=True)
        target = self.page.locator(selector).first if selector else self.page
        self.page.wait_for_timeout(500)  # let scrolling and drawing come to rest
        target.screenshot(path=ARTEFACTS / f"{name}.png")


class PagePool:
    """Pages with JupyterLab in them, which stay open between the tests.

    Loading JupyterLab costs more of a processor than most tests: five seconds, where opening a
    notebook in a page that has it costs one.

    Args:
        lab: what the pages show.
        browser: what opens them.
    """

    def __init__(self, lab: Lab, browser: Any) -> None:
        self._lab = lab
        self._context = browser.new_context(viewport=VIEWPORT)
        self._idle: list[Notebook] = []
        self.asked: list[str] = []

    def open(self, name: str, cells: list[str] | None, theme: str) -> Notebook:
        """Open a notebook in a page that shows nothing else."""
        from playwright.sync_api import TimeoutError as Timeout

        if self._idle:
            notebook = self._idle.pop()
            try:
                return self._show(notebook, self._lab.place(name, cells), theme, seconds=15)
            except Timeout:  # a page that was used does not come to rest: take a new one
                notebook.page.close()
        return self._show(self._loaded(), self._lab.place(name, cells), theme, seconds=60)

    def _show(self, notebook: Notebook, path: str, theme: str, seconds: float) -> Notebook:
        """Show a notebook in a page, and wait until its kernel is idle."""
        page = notebook.page
        page.bring_to_front()  # a page in the background draws nothing, and waits for ever
        page.set_viewport_size(VIEWPORT)
        page.mouse.move(0, 0)  # no row of a table is under the pointer that the last test left
        page.evaluate(CHANGE_THEME, theme)
        page.evaluate(
            "path => { window.jupyterapp.commands.execute('docmanager:open', { path }) }", path
        )
        page.wait_for_function(SHOWS, arg=path, timeout=1000 * seconds)
        page.wait_for_function(IDLE, timeout=1000 * seconds)
        page.wait_for_function(THEMED, arg=theme, timeout=1000 * seconds)
        notebook.errors = []  # what JupyterLab said of closing the notebook before is not of this
        return notebook

    def give_back(self, notebook: Notebook) -> None:
        """End the kernels of a page and close its notebooks; a page that cannot is closed."""
        from playwright.sync_api import Error

        try:
            clean = notebook.page.evaluate(CLEAR)
        except Error:
            clean = False
        if clean:
            self._idle.append(notebook)
        else:
            notebook.page.close()

    def close(self) -> None:
        """Close all pages."""
        self._context.close()

    def _loaded(self) -> Notebook:
        page = self._context.new_page()
        notebook = Notebook(page, [])
        page.on(
            "console",
            lambda message: notebook.errors.append(message.text) if message.type == "error" else 0,
        )
        page.on("pageerror", lambda error: notebook.errors.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        # A workspace for each page: one that is loaded again shows its own notebooks.
        page.goto(f"{self._lab.url}lab/workspaces/{uuid4().hex}?reset")
        page.wait_for_function("window.jupyterapp?.started !== undefined", timeout=60_000)
        page.evaluate("window.jupyterapp.restored")
        return notebook


@contextmanager
def opened_pages(lab: Lab, pages: PagePool) -> Iterator[Callable[..., Notebook]]:
    """Open notebooks in pages of their own, and see afterwards that nothing asked the network.

    Args:
        lab: where they are served.
        pages: what shows them.

    Returns:
        `open_notebook(name, cells=None, theme=...)`.
    """
    lab.forget_conversations()
    taken: list[Notebook] = []

    def opened(
        name: str, cells: list[str] | None = None, theme: str = "JupyterLab Light"
    ) -> Notebook:
        taken.append(pages.open(name, cells, theme))
        return taken[-1]

    try:
        yield opened
    finally:
        for notebook in taken:
            pages.give_back(notebook)
    outside = [url for url in pages.asked if not url.startswith((lab.url, "data:", "blob:"))]
    pages.asked.clear()
    assert not outside, f"the browser asked the network for {outside}"


@pytest.fixture(scope="session")
def pages(lab: Lab, browser: Any) -> Iterator[PagePool]:
    pool = PagePool(lab, browser)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def kept_panel(lab: Lab, pages: PagePool) -> Iterator[Notebook]:
    """A panel on Namu in one page, for all tests that do nothing but talk to it."""
    with opened_pages(lab, pages) as opened:
        notebook = opened("panel.ipynb", [IMPORTS, PANEL.format(speed="None")])
        notebook.run_all()
        notebook.page.locator(".namu-box").wait_for()
        yield notebook


@pytest.fixture
def open_notebook(lab: Lab, pages: PagePool) -> Iterator[Callable[..., Notebook]]:
    """Open a notebook in a page of its own: `open_notebook(name, cells=None, theme=...)`."""
    with opened_pages(lab, pages) as opened:
        yield opened
