"""A real JupyterLab and a real Chromium, shared by all browser tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from course_lib.doctor import find_chromium, install_hint
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
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "COURSE_HOME": str(home / "course"),
    }
    command = [
        *(python, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={folder}",
    ]
    with open(home / "lab.log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield Lab(_wait_until_ready(server, home), folder, home)
        finally:
            server.terminate()
            server.wait(timeout=20)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")) as served:
        yield served


def _wait_until_ready(server: subprocess.Popen[bytes], home: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        for file in (home / "runtime").glob("jpserver-*.json"):
            try:
                url = json.loads(file.read_text())["url"]
                urllib.request.urlopen(f"{url}api", timeout=2).read()
            except (OSError, ValueError):
                continue
            return url
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{(home / 'lab.log').read_text()}")


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

    def shoot(self, name: str, selector: str | None = None) -> None:
        """Keep a picture of the page, or of one element, for people to look at."""
        ARTEFACTS.mkdir(exist_ok=True)
        target = self.page.locator(selector).first if selector else self.page
        self.page.wait_for_timeout(500)  # let scrolling and drawing come to rest
        target.screenshot(path=ARTEFACTS / f"{name}.png")


@contextmanager
def opened_pages(lab: Lab, browser: Any) -> Iterator[Callable[..., Notebook]]:
    """Open notebooks in pages of their own, and see afterwards that nothing asked the network.

    Args:
        lab: where they are served.
        browser: what opens them.

    Returns:
        `open_notebook(name, cells=None, theme=...)`.
    """
    lab.forget_conversations()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    asked: list[str] = []

    def opened(
        name: str, cells: list[str] | None = None, theme: str = "JupyterLab Light"
    ) -> Notebook:
        page = context.new_page()
        errors: list[str] = []
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{lab.url}lab/tree/{lab.place(name, cells)}?reset")
        page.wait_for_function(IDLE, timeout=60_000)
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
        )
        return Notebook(page, errors)

    yield opened
    context.close()
    outside = [url for url in asked if not url.startswith((lab.url, "data:", "blob:"))]
    assert not outside, f"the browser asked the network for {outside}"


@pytest.fixture
def open_notebook(lab: Lab, browser: Any) -> Iterator[Callable[..., Notebook]]:
    """Open a notebook in a fresh page: `open_notebook(name, cells=None, theme=...)`."""
    with opened_pages(lab, browser) as opened:
        yield opened
