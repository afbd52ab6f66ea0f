"""One vLLM server for all tests of the track: its start takes half a minute."""

import pytest

from course_lib.serving import vllm_server
from course_lib.settings import ROOT


@pytest.fixture(scope="session")
def server():
    with vllm_server(sequences=32, on_progress=None) as running:
        yield running


@pytest.fixture
def served(server, monkeypatch):
    """The server, as what `chat_model()` finds."""
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture(scope="session")
def vllm_python():
    return ROOT / ".venv-vllm" / "bin" / "python"
