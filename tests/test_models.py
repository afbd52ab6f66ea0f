"""One function chooses the model, and three variables choose for it."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from course_lib.models import chat_model, model_name
from course_lib.settings import SettingsError, read_settings


def test_without_variables_it_is_the_offline_model():
    assert model_name(chat_model()) == "namu-offline"


def test_options_go_to_the_model():
    assert chat_model(fail_times=1).fail_times == 1


class _Server(BaseHTTPRequestHandler):
    """A listener that speaks just enough of the protocol to show that it was reached."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body["model"], self.headers["Authorization"]))
        message = {"role": "assistant", "content": "from the server"}
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
        payload = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


def test_three_variables_reach_any_openai_compatible_server(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), _Server)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("COURSE_LLM_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("COURSE_LLM_MODEL", "tiny")
    monkeypatch.setenv("COURSE_LLM_API_KEY", "k")
    try:
        assert chat_model().invoke("hello").text == "from the server"
        assert server.asked == [("/v1/chat/completions", "tiny", "Bearer k")]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"COURSE_LLM_BASE_URL": "localhost:8000", "COURSE_LLM_MODEL": "m"}, "localhost:8000"),
        ({"COURSE_LLM_BASE_URL": "http://127.0.0.1:8000/v1"}, "COURSE_LLM_MODEL"),
        ({"COURSE_DATABASE_URL": "mysql://x"}, "mysql"),
        ({"COURSE_REQUIRE_BROWSER": "perhaps"}, "perhaps"),
    ],
)
def test_an_unusable_variable_is_named_with_its_value(variables, names):
    with pytest.raises(SettingsError, match=names):
        read_settings(variables)


def test_the_key_is_never_shown():
    settings = read_settings({"COURSE_LLM_API_KEY": "sk-very-secret"})
    assert "secret" not in repr(settings)


def test_importing_the_library_imports_neither_langgraph_nor_langchain():
    code = (
        "import sys, course_lib, course_lib.settings, course_lib.places, course_lib.models; "
        "print([m for m in sys.modules if m.startswith(('lang', 'pydantic', 'IPython'))])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
