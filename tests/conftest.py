"""What all tests share: the course's own environment variables never leak in."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in ("COURSE_LLM_BASE_URL", "COURSE_LLM_MODEL", "COURSE_LLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
