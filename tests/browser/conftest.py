"""A real JupyterLab and a real Chromium, shared by all browser tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
    """A running JupyterLab over a copy of the notebooks, so that autosave changes nothing here."""

    url: str
    folder: Path


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    home = tmp_path_factory.mktemp("home")
    log = open(home / "lab.log", "w")
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "COURSE_HOME": str(home / "course"),
    }
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            "--IdentityProvider.token=",
            "--LabApp.expose_app_in_browser=True",
            f"--ServerApp.root_dir={folder}",
        ],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield Lab(_wait_until_ready(server, home), folder)
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


def _wait_until_ready(server: subprocess.Popen[bytes], home: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for file in (home / "runtime").glob("jpserver-*.json"):
            try:
                url = json.loads(file.read_text())["url"]
                urllib.request.urlopen(f"{url}api", timeout=2).read()
                return url
            except (OSError, ValueError):
                pass
        if server.poll() is not None:
            break
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{(home / 'lab.log').read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
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
    """One notebook, open in the browser, with everything the console said."""

    page: object
    said: list[str]

    def run_all(self) -> None:
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_function(IDLE, timeout=90_000)

    def shoot(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")


@pytest.fixture
def open_notebook(lab: Lab, browser: object) -> Iterator[object]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    asked: list[str] = []

    def opened(name: str, theme: str = "JupyterLab Light") -> Notebook:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{lab.url}lab/tree/notebooks/{name}?reset")
        page.wait_for_function(IDLE, timeout=60_000)
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
        )
        return Notebook(page, said)

    yield opened
    context.close()
    outside = [url for url in asked if not url.startswith((lab.url, "data:", "blob:"))]
    assert not outside, f"the browser asked the net for {outside}"
